//! The stories on `tokio::net`: server and clients are tasks of one runtime, between them loopback, and over every stream
//! the layer. Time is the machine's, so a seed says what goes wrong, and not how it all interleaves: this is for seeing that
//! server, layer and oracles agree over real sockets, not for sweeps.

use super::client::Road;
use super::play::{Door, Ends, House, Part, Story, invite, serve};
use super::told;
use crate::checker;
use crate::history::History;
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

/// Tells the story `name` over real sockets. Stalls are left out, which would take their time, and what only turmoil's
/// network does. What is judged by the clock (O13) is not: the machine has other work.
pub fn tell_on_sockets(sim: &mut Sim, name: &str) {
    let Some(story) = told::ALL.iter().find(|story| story.name == name) else {
        return sim.refuse(format!("tokio: `{name}` is not told there"));
    };
    let able = |family: &Family| !matches!(family, Family::StreamStall | Family::NetHold);
    sim.faults(&story.faults.iter().copied().filter(able).collect::<Vec<_>>());
    let layer = Layer::of(sim.external());
    let history = History::default();
    let played = on_sockets(sim, &layer, play(story, &layer, &history));
    if played && story.remembers && !sim.failed() {
        checker::counter::judge(sim, &history);
    }
}

/// Runs a world on a runtime of its own; whether it came to its end.
pub(super) fn on_sockets(sim: &mut Sim, layer: &Layer, world: impl Future<Output = io::Result<()>>) -> bool {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            sim.refuse(format!("no tokio runtime: {error}"));
            return false;
        }
    };
    let local = tokio::task::LocalSet::new();
    let played = local.block_on(&runtime, async { timeout(BOUND, world).await });
    match &played {
        Err(_) => layer.world().fail("O6", "stuck", "it did not end".to_owned()),
        Ok(Err(error)) => sim.refuse(format!("no loopback: {error}")),
        Ok(Ok(())) => {}
    }
    matches!(played, Ok(Ok(())))
}

async fn play(story: &Story, layer: &Layer, history: &History) -> io::Result<()> {
    let (listener, guests) = (TcpListener::bind(("127.0.0.1", 0)).await?, Rc::new(()));
    let road = Road::Sockets(listener.local_addr()?);
    let door = Door(layer.listener("server", Counting { listener, guests: Rc::downgrade(&guests) }));
    let ends = Ends::default();
    let server = spawn_local(serve(layer.clone(), door, story.adjust, ends.clone()));
    let mut people = People(Vec::new());
    // One is held here.
    let open = move || Rc::strong_count(&guests) - 1;
    invite(story, &mut people, CLIENTS, story.stage(layer, history, road), ends.clone(), open);
    let parts: Vec<_> = people.0.into_iter().map(spawn_local).collect();
    let all = async {
        for part in parts {
            part.await?;
        }
        Ok::<_, io::Error>(())
    };
    let world = layer.world();
    let judged = async {
        while !world.failed() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        biased;
        // What an oracle has judged is over, whoever still waits.
        () = judged => return Ok(()),
        done = all => done?,
    }
    if !ends.stop().await {
        world.fail("O14", "not stopped", "the server runs on although it was told to stop".to_owned());
    } else if let Err(error) = server.await? {
        world.fail("O16", "server failed", error);
    }
    Ok(())
}

/// Tasks.
struct People(Vec<Part>);

impl House for People {
    fn enter(&mut self, _: &str, part: Part) {
        self.0.push(part);
    }
}

/// A listener whose connections are counted: each is an owner of `guests`.
struct Counting {
    listener: TcpListener,
    guests: Weak<()>,
}

/// A connection that is counted for as long as it is there.
struct Guest {
    stream: TcpStream,
    _guests: Rc<()>,
}

impl Accept for Counting {
    type Stream = Guest;

    async fn accept(&self) -> io::Result<(Guest, SocketAddr)> {
        let (stream, from) = self.listener.accept().await?;
        let guests = self.guests.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        Ok((Guest { stream, _guests: guests }, from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guest {
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
