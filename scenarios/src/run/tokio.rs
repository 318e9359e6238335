//! What a run on tokio consists of, on turmoil or on real sockets: our server, clients, an operator who may stop the server,
//! and an observer who stays until the server has nothing left of anybody. Each is a task.

use crate::client::{Connector, Context, OnTokio};
use crate::history::History;
use crate::script::{Clients, Setup};
use eagain_layer::{Accept, Layer, Layered, LayeredListener};
use eagain_net::model::ModelKind;
use eagain_server::config::Config;
use eagain_server::storage_unit::Memory;
use eagain_server::tokio_driver::{self, Listener, Surroundings};
use eagain_sim::fault::Family;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::sleep;

/// How long the observer waits for the server to close the connections of clients that are gone: longer than any of its
/// timeouts.
const OBSERVED_FOR: Duration = Duration::from_secs(70);
/// How long the operator waits for a server that was asked to stop: longer than it may take to drain.
const STOP_BOUND: Duration = Duration::from_secs(20);
/// The wall clock at the start: 2026-01-01.
pub(crate) const WALL_START_NS: u64 = 1_767_225_600_000_000_000;

/// The layer's listener as the server wants one.
pub(crate) struct Listening<L>(pub LayeredListener<L>);

impl<L: Accept<Stream: AsyncRead + AsyncWrite + Unpin + 'static>> Listener for Listening<L> {
    type Stream = Layered<L::Stream>;

    async fn accept(&self) -> io::Result<(Self::Stream, String)> {
        self.0.accept().await.map(|(stream, from)| (stream, from.to_string()))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A task, and the name of its host.
pub(super) type Task = (String, Pin<Box<dyn Future<Output = ()>>>);

/// Which clients are there, and how the server ends.
#[derive(Clone, Default)]
pub(super) struct Lifecycle {
    running: Arc<AtomicUsize>,
    stop: Arc<Notify>,
    stopping: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

/// Everybody but the server: those whose end the run waits for. `knob` is the number of clients that is asked for, `open` counts
/// what the server has of them.
pub(super) fn tasks(
    setup: &Setup,
    layer: &Layer,
    history: &History,
    connector: Connector,
    lifecycle: &Lifecycle,
    knob: u64,
    open: impl Fn() -> usize + 'static,
) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    let families = setup.faults.families(&[]);
    let ends_anywhere = families.contains(&Family::StreamReset);
    for clients in setup.clients {
        for _ in 0..clients.count(knob) {
            let number = tasks.len() as u64 + 1;
            let runtime = OnTokio { layer: layer.clone(), connector };
            let context = Context { runtime, number, history: history.clone(), ends_anywhere };
            let client = lifecycle.clone().client(*clients, context);
            tasks.push((format!("client-{number}"), Box::pin(client)));
        }
    }
    if setup.is_stopped {
        tasks.push(("operator".to_owned(), Box::pin(operator(layer.clone(), lifecycle.clone()))));
    }
    tasks.push(("auditor".to_owned(), Box::pin(observer(layer.clone(), lifecycle.clone(), open))));
    tasks
}

/// Stops the server after a while.
async fn operator(layer: Layer, lifecycle: Lifecycle) {
    sleep(Duration::from_millis(layer.choose("operator:patience", 1, 300))).await;
    lifecycle.stop(&layer).await;
}

/// O5: when everybody has gone, the server has nothing left of them.
async fn observer(layer: Layer, lifecycle: Lifecycle, open: impl Fn() -> usize) {
    wait_until(Duration::MAX, || lifecycle.running.load(SeqCst) == 0).await;
    if !wait_until(OBSERVED_FOR, || open() == 0 || layer.world().failed()).await {
        let message = format!("{} are open although every client has gone", open());
        layer.world().fail("O5", "streams left", message);
    }
}

/// The server, until it is stopped.
pub(super) async fn serve(
    layer: Layer,
    listener: impl Listener + 'static,
    adjust: fn(&mut Config),
    lifecycle: Lifecycle,
) -> Result<(), String> {
    let mut config = Config { model: ModelKind::Tokio, ..Config::default() };
    adjust(&mut config);
    let seed = layer.choose("server:seed", 0, u64::from(u32::MAX));
    let clock = layer.world().clone();
    let wall = Arc::new(move || WALL_START_NS + clock.now());
    let storage = Memory::new(config.databases, seed);
    let Lifecycle { stop, stopping, stopped, .. } = lifecycle;
    let ended = tokio_driver::serve(listener, config, storage, Surroundings { seed, wall }, async move {
        stop.notified().await;
    });
    ended.await?;
    let world = layer.world();
    if !stopping.load(SeqCst) {
        world.fail("O16", "server ended", "nobody asked it to".to_owned());
    }
    stopped.store(true, SeqCst);
    Ok(())
}

impl Lifecycle {
    /// A client, which is there from now on.
    fn client(self, clients: Clients, context: Context<OnTokio>) -> impl Future<Output = ()> {
        self.running.fetch_add(1, SeqCst);
        async move {
            // Not all in one step: turmoil's backlog is fixed.
            sleep(Duration::from_millis(context.number / 32)).await;
            context.must(clients.behaviour.run(&context).await);
            self.running.fetch_sub(1, SeqCst);
        }
    }

    /// Asks the server to stop; whether it did in time (O14).
    pub async fn stop(&self, layer: &Layer) -> bool {
        self.stopping.store(true, SeqCst);
        self.stop.notify_one();
        let in_time = wait_until(STOP_BOUND, || self.stopped.load(SeqCst)).await;
        if !in_time {
            let message = "the server runs on although it was asked to stop".to_owned();
            layer.world().fail("O14", "not stopped", message);
        }
        in_time
    }
}

/// Looks again and again; whether it came true in time.
async fn wait_until(bound: Duration, condition: impl Fn() -> bool) -> bool {
    let mut waited = Duration::ZERO;
    while !condition() {
        if waited >= bound {
            return false;
        }
        sleep(Duration::from_millis(5)).await;
        waited += Duration::from_millis(5);
    }
    true
}
