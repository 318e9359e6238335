//! The third driver: tokio reports readiness to tasks, one for each connection; state machine, logic and storage are the
//! same as under the loops. It is generic over its listener, its streams and its connector: `tokio::net` in production
//! ([`net`]), whatever a test has in its place.
//!
//! ```text
//!   accept ──► a task a peer: read ─ serve ─ write ─┐        shared: logic unit, peers, what is asked of all of them
//!                   ▲                               │
//!                   └── readable, writable, deadline, notice (kill, drain, news of the storage)
//! ```
//!
//! A server with a role that keeps nothing has a task for each link behind it too; requests and replies meet in `upstream`,
//! around the same proxy as in [`crate::cluster::driver`].
//!
//! One thread runs all of it, so that the logic unit needs no lock. A run is a function of what the streams do: every
//! `select!` is biased, and nothing is kept in hash order.

mod link;
pub mod net;
mod peer;
mod shared;
mod timer;
mod upstream;

use crate::cluster::link::NewLink;
use crate::cluster::proxy::Proxy;
use crate::config::Config;
use crate::logic_unit::LogicUnit;
use crate::observe::Level;
use crate::storage_unit::{Memory, Storage};
use link::Link;
use shared::{Shared, Wish};
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};
use upstream::Upstream;

/// A stop waits for the peers to take their replies, so long at most.
const DRAIN: Duration = Duration::from_secs(5);
/// How long the listener rests when nothing can be accepted, for want of descriptors say.
const REST: Duration = Duration::from_millis(100);
/// The clock of keys is looked at this often at least.
const EXPIRY_LOOK_MAX: Duration = Duration::from_secs(3600);

/// Takes connections in.
pub trait Listener {
    /// What a connection is.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// The next connection, and where it comes from. Dropping the future must not lose one.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, String)>>;

    /// Asks a peer that has been silent for so many seconds whether it is still there; 0: never.
    fn keep_alive(&self, _: &Self::Stream, _: u32) {}

    /// Where it listens.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// Makes connections to servers behind.
pub trait Connector {
    /// What a connection is.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// A connection to the server at `address`. The future is dropped when it takes too long.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>>;
}

/// What a server is given by whoever runs it, instead of asking the machine.
pub struct Surroundings {
    /// All the chance that it will ever have.
    pub seed: u64,
    /// The wall clock: nanoseconds since 1970.
    pub wall: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// Serves whoever `listener` accepts, until `stop` is ready or a command asks for it, and everybody has got what is due.
/// To be called within a `LocalSet` of a current-thread runtime with time. The error is the storage's, from closing it.
pub async fn serve<L: Listener + 'static, S: Storage + 'static>(
    listener: L,
    config: Config,
    storage: S,
    surroundings: Surroundings,
    stop: impl Future<Output = ()>,
) -> Result<(), String> {
    attend(&Shared::new(config, storage, None, surroundings), listener, stop).await
}

/// As [`serve`], for a server with one of the roles that keep nothing: it passes requests on to the configured backends, over
/// links that `new_link` makes.
pub async fn pass_on<L: Listener + 'static, C: Connector + 'static>(
    listener: L,
    connector: C,
    config: Config,
    new_link: NewLink,
    surroundings: Surroundings,
    stop: impl Future<Output = ()>,
) -> Result<(), String> {
    let proxy = Proxy::of(&config, surroundings.seed, new_link);
    let connections = config.connections();
    let upstream = Rc::new(Upstream::new(proxy, connections.len()));
    let storage = Memory::new(config.databases, surroundings.seed);
    let shared = Shared::new(config, storage, Some(upstream.clone()), surroundings);
    shared.logic.borrow_mut().channels().note_emptied();
    let connector = Rc::new(connector);
    let link = |(server, address)| {
        let link = Link::new(shared.clone(), upstream.clone(), connector.clone(), server, address);
        tokio::task::spawn_local(link.run())
    };
    let links: Vec<_> = connections.into_iter().enumerate().map(link).collect();
    let ended = attend(&shared, listener, stop).await;
    // Nobody waits for a reply any more.
    for link in links {
        link.abort();
        let _ = link.await;
    }
    ended
}

/// Takes in whoever comes, and does what is asked of the server, until its end.
async fn attend<L: Listener + 'static, S: Storage + 'static>(
    shared: &Rc<Shared<S>>,
    listener: L,
    stop: impl Future<Output = ()>,
) -> Result<(), String> {
    let acceptor = tokio::task::spawn_local(accept(shared.clone(), listener));
    let mut stop = pin!(stop);
    while !shared.is_stopping() {
        let look = shared.expire_due().unwrap_or(EXPIRY_LOOK_MAX).min(EXPIRY_LOOK_MAX);
        tokio::select! {
            biased;
            () = &mut stop => shared.stop(),
            () = shared.woken() => {}
            () = sleep(look) => {}
        }
        shared.carry_out();
    }
    shared.logic.borrow().config().announce_stop();
    // The listener goes first, so that nobody new comes.
    acceptor.abort();
    let _ = acceptor.await;
    // Streams that have become readable meanwhile are known to be when the runtime has asked its driver.
    tokio::task::yield_now().await;
    shared.wake_all_with(Wish::Drain);
    let until = Instant::now() + DRAIN;
    while shared.peers() > 0 {
        tokio::select! {
            biased;
            () = shared.woken() => {}
            () = sleep_until(until) => shared.wake_all_with(Wish::Close),
        }
        shared.carry_out();
    }
    shared.close_storage()
}

/// Takes in whoever comes.
async fn accept<L: Listener, S: Storage + 'static>(shared: Rc<Shared<S>>, listener: L) {
    let local = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    let log = shared.logic.borrow().config().log.clone();
    // Why the connection that came last was not accepted, if it was not.
    let mut refused = None;
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if refused.take().is_some() {
                    log.line(Level::Notice, || format!("{local}: connections are accepted again"));
                }
                listener.keep_alive(&stream, shared.logic.borrow().config().keepalive_s);
                if let Some(peer) = peer::Peer::admit(&shared, stream, &from, &local) {
                    tokio::task::spawn_local(peer.run());
                }
            }
            // What befell the connection before we took it (accept(2)): the next one is another.
            Err(error) if concerns_the_connection(error.kind()) => {}
            Err(error) => {
                if refused.replace(error.kind()) != Some(error.kind()) {
                    let text = || format!("{local}: no connection can be accepted for the moment: {error}");
                    log.line(Level::Warning, text);
                }
                sleep(REST).await;
            }
        }
    }
}

fn concerns_the_connection(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Sends the error that there is no room: as much of it as fits, without waiting.
async fn turn_away<T: AsyncWrite + Unpin>(mut stream: T) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut stream).poll_write(cx, crate::error::TOO_MANY_CLIENTS);
        Poll::Ready(())
    })
    .await;
}

impl<S: Storage + 'static> Shared<S> {
    fn new(
        config: Config,
        storage: S,
        upstream: Option<Rc<Upstream>>,
        surroundings: Surroundings,
    ) -> Rc<Shared<S>> {
        let wall = shared::wall_time(&surroundings);
        let logic = LogicUnit::new(config, storage, surroundings.seed, wall);
        Shared::with(logic, upstream, surroundings)
    }
}

#[cfg(test)]
mod tests;
