//! The world of a story: our server, clients, an operator who may stop the server, and an auditor who stays until the
//! server has nothing left of anybody. On turmoil each has a host of its own; what is the same on real sockets is here too.

use super::client::{Road, Stage};
use crate::checker;
use crate::history::History;
use crate::world::PORT;
use eagain_layer::turmoil::{World, on_turmoil};
use eagain_layer::{Accept, Layer, Layered, LayeredListener};
use eagain_server::config::{Config, Model};
use eagain_server::io_unit::tokio_driver::{self, Listener, Surroundings};
use eagain_server::storage_unit::Memory;
use eagain_sim::Sim;
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

/// How long the auditor bears what is left of clients that are gone: longer than the server waits for anybody.
const AFTERWARDS: Duration = Duration::from_secs(70);
/// How long the operator waits for a server that was told to stop: longer than it may take to drain.
const STOP_BOUND: Duration = Duration::from_secs(20);
/// The wall clock at the start: 2026-01-01.
pub(super) const WALL_START_NS: u64 = 1_767_225_600_000_000_000;

/// A story.
pub(super) struct Story {
    /// As in `crate::stories`.
    pub name: &'static str,
    /// What may go wrong.
    pub faults: &'static [Family],
    /// What is special about the server.
    pub adjust: fn(&mut Config),
    /// Who comes.
    pub cast: fn(&mut Play<'_>),
    /// The server keeps its data as long as the run: nothing takes its host down.
    pub remembers: bool,
    /// What has to hold of the history, beside what every story has in common.
    pub judge: fn(&mut Sim, &History),
}

/// Where those who come to a server live.
pub(super) trait House {
    /// Somebody whose end the run waits for.
    fn enter(&mut self, name: &str, part: Part);
}

/// What somebody does.
pub(super) type Part = Pin<Box<dyn Future<Output = ()>>>;

impl House for World {
    fn enter(&mut self, name: &str, part: Part) {
        self.client(name, async move {
            part.await;
            Ok(())
        });
    }
}

/// A story under construction.
pub(super) struct Play<'a> {
    house: &'a mut dyn House,
    /// How many clients the knob asks for.
    pub wanted: u64,
    stage: Stage,
    ends: Ends,
    clients: u64,
}

/// Who is there, and how the server ends.
#[derive(Clone, Default)]
pub(super) struct Ends {
    running: Arc<AtomicUsize>,
    stop: Arc<Notify>,
    stopping: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

/// The layer's listener as the server wants one.
pub(super) struct Door<L>(pub LayeredListener<L>);

impl<L: Accept<Stream: AsyncRead + AsyncWrite + Unpin + 'static>> Listener for Door<L> {
    type Stream = Layered<L::Stream>;

    async fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)> {
        self.0.accept().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Tells a story.
pub(super) fn play(sim: &mut Sim, story: &Story) {
    let threads = (sim.is_set("workers") && sim.number("workers") > 0) || sim.number("loops") > 1;
    if sim.word("pattern") == "proactor" || threads {
        return sim.refuse("tokio: its tasks share one thread, which reads, thinks and writes");
    }
    sim.faults(story.faults);
    let wanted = sim.number("clients");
    let history = History::default();
    on_turmoil(sim, |world| {
        let stage = story.stage(world.layer(), &history, Road::Turmoil("server"));
        let ends = Ends::default();
        server(world, story.adjust, &ends);
        invite(story, world, wanted, stage, ends, || turmoil::established_tcp_stream_count_on("server"));
    });
    if !sim.failed() {
        if story.remembers {
            checker::counter::judge(sim, &history);
        }
        (story.judge)(sim, &history);
    }
}

impl Story {
    /// What its clients need.
    pub fn stage(&self, layer: &Layer, history: &History, road: Road) -> Stage {
        let ends_anywhere = self.faults.contains(&Family::StreamReset);
        Stage { layer: layer.clone(), road, history: history.clone(), ends_anywhere }
    }
}

/// Lets everybody of a story in. `open` counts what the server has of them.
pub(super) fn invite(
    story: &Story,
    house: &mut dyn House,
    wanted: u64,
    stage: Stage,
    ends: Ends,
    open: impl Fn() -> usize + 'static,
) {
    let mut play = Play { house, wanted, stage, ends, clients: 0 };
    (story.cast)(&mut play);
    play.auditor(open);
}

/// The server on its host. It may be started anew there; its data are gone then.
fn server(world: &mut World, adjust: fn(&mut Config), ends: &Ends) {
    let (layer, ends) = (world.layer().clone(), ends.clone());
    let run = move || {
        let (layer, ends) = (layer.clone(), ends.clone());
        async move {
            let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
            let door = Door(layer.listener("server", listener));
            serve(layer, door, adjust, ends).await?;
            // A host without a program hears nothing in turmoil, so that callers would not even be refused.
            std::future::pending().await
        }
    };
    world.host_that_crashes("server", run);
}

/// The server, until it is stopped.
pub(super) async fn serve(
    layer: Layer,
    door: impl Listener + 'static,
    adjust: fn(&mut Config),
    ends: Ends,
) -> Result<(), String> {
    let mut config = Config { model: Model::Tokio, ..Config::default() };
    adjust(&mut config);
    let seed = layer.choose("server:seed", 0, u64::from(u32::MAX));
    let clock = layer.world().clone();
    let wall = Box::new(move || WALL_START_NS + clock.now());
    let storage = Memory::new(config.databases, seed);
    let Ends { stop, stopping, stopped, .. } = ends;
    let ended = tokio_driver::serve(door, config, storage, Surroundings { seed, wall }, async move {
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

impl Ends {
    /// Tells the server to stop; whether it did in time.
    pub async fn stop(&self) -> bool {
        self.stopping.store(true, SeqCst);
        self.stop.notify_one();
        wait_until(STOP_BOUND, || self.stopped.load(SeqCst)).await
    }
}

impl Play<'_> {
    /// A client on a host of its own. `part` gets its number, counted from 1.
    pub fn client<F: Future<Output = ()> + 'static>(&mut self, part: impl FnOnce(Stage, u64) -> F + 'static) {
        self.clients += 1;
        let (number, stage, running) = (self.clients, self.stage.clone(), self.ends.running.clone());
        running.fetch_add(1, SeqCst);
        let life = async move {
            // Not all in one tick: turmoil's backlog is fixed.
            sleep(Duration::from_millis(number / 32)).await;
            part(stage, number).await;
            running.fetch_sub(1, SeqCst);
        };
        self.house.enter(&format!("client-{number}"), Box::pin(life));
    }

    /// An operator who stops the server after a while.
    pub fn stop_after(&mut self, patience: impl FnOnce(&Layer) -> Duration + 'static) {
        let (ends, layer) = (self.ends.clone(), self.stage.layer.clone());
        let life = async move {
            sleep(patience(&layer)).await;
            let message = || "the server runs on although it was told to stop".to_owned();
            if !ends.stop().await {
                layer.world().fail("O14", "not stopped", message());
            }
        };
        self.house.enter("operator", Box::pin(life));
    }

    /// O5: when everybody has gone, the server has nothing left of them.
    fn auditor(&mut self, open: impl Fn() -> usize + 'static) {
        let (ends, layer) = (self.ends.clone(), self.stage.layer.clone());
        let life = async move {
            wait_until(Duration::MAX, || ends.running.load(SeqCst) == 0).await;
            if !wait_until(AFTERWARDS, || open() == 0 || layer.world().failed()).await {
                let message = format!("{} are open although every client has gone", open());
                layer.world().fail("O5", "streams left", message);
            }
        };
        self.house.enter("auditor", Box::pin(life));
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
