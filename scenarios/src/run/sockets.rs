//! Runs a script on `tokio::net`: server and clients are tasks of one runtime, between them loopback, and over every stream
//! the layer. Time is the machine's, so a seed says what goes wrong, and not how it all interleaves: this is for seeing that
//! server, layer and oracles agree over real sockets, not for sweeps.

use super::tokio::{Lifecycle, Listening, serve, tasks};
use crate::checker;
use crate::client::Connector;
use crate::history::History;
use crate::script::{Script, Setup, USUAL_ON_TOKIO};
use eagain_layer::{Accept, Layer};
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

/// How many clients come.
const CLIENTS: u64 = 3;
/// Within this everybody has to be done: far more than the slowest machine needs.
const BOUND: Duration = Duration::from_secs(120);

/// Runs `script` over real sockets. Stalls are left out, which would take their time, and what only turmoil's network does.
/// What is measured in time (`Script::check`) is not checked: the machine has other work.
pub fn run(sim: &mut Sim, script: &Script) {
    let Some(setup) = &script.tokio else {
        return sim.refuse(format!("`{}` does not run on tokio", script.name));
    };
    let mut families = setup.faults.families(USUAL_ON_TOKIO);
    families.retain(|family| !matches!(family, Family::StreamStall | Family::NetHold));
    sim.faults(&families);
    let layer = Layer::of(sim.external());
    let history = History::default();
    let done = on_sockets(sim, &layer, server_and_clients(setup, &layer, &history));
    if done && script.keeps_data && !sim.failed() {
        checker::counter::check(sim, &history);
    }
}

/// Runs `body` on a runtime of its own; whether it came to its end.
pub(crate) fn on_sockets(sim: &mut Sim, layer: &Layer, body: impl Future<Output = io::Result<()>>) -> bool {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            sim.refuse(format!("no tokio runtime: {error}"));
            return false;
        }
    };
    let local = tokio::task::LocalSet::new();
    let done = local.block_on(&runtime, async { timeout(BOUND, body).await });
    match &done {
        Err(_) => layer.world().fail("O6", "stuck", "it did not end".to_owned()),
        Ok(Err(error)) => sim.refuse(format!("no loopback: {error}")),
        Ok(Ok(())) => {}
    }
    matches!(done, Ok(Ok(())))
}

async fn server_and_clients(setup: &Setup, layer: &Layer, history: &History) -> io::Result<()> {
    let (listener, connections) = (TcpListener::bind(("127.0.0.1", 0)).await?, Rc::new(()));
    let connector = Connector::Sockets(listener.local_addr()?);
    let counting = Counting { listener, connections: Rc::downgrade(&connections) };
    let lifecycle = Lifecycle::default();
    let listening = Listening(layer.listener("server", counting));
    let server = spawn_local(serve(layer.clone(), listening, setup.config, lifecycle.clone()));
    // One is held here.
    let open = move || Rc::strong_count(&connections) - 1;
    let tasks = tasks(setup, layer, history, connector, &lifecycle, CLIENTS, open);
    let tasks: Vec<_> = tasks.into_iter().map(|(_, task)| spawn_local(task)).collect();
    let all = async {
        for task in tasks {
            task.await?;
        }
        Ok::<_, io::Error>(())
    };
    let world = layer.world();
    let failed = async {
        while !world.failed() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        biased;
        // The run is over then, whoever still waits.
        () = failed => return Ok(()),
        done = all => done?,
    }
    if lifecycle.stop(layer).await
        && let Err(error) = server.await?
    {
        world.fail("O16", "server failed", error);
    }
    Ok(())
}

/// A listener whose connections are counted: each is an owner of `connections`.
struct Counting {
    listener: TcpListener,
    connections: Weak<()>,
}

/// A connection that is counted for as long as it is there.
struct Counted {
    stream: TcpStream,
    _counted: Rc<()>,
}

impl Accept for Counting {
    type Stream = Counted;

    async fn accept(&self) -> io::Result<(Counted, SocketAddr)> {
        let (stream, from) = self.listener.accept().await?;
        let connections = self.connections.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        Ok((Counted { stream, _counted: connections }, from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
