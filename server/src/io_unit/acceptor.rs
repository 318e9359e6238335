//! The listening socket: accepting, and what to do when it cannot.
//!
//! accept(2) hands over errors of the new connection, which concern nobody else, and errors of the table of descriptors,
//! which leave the connection where it is: a level-triggered loop would be told of it for ever. So the listener pauses
//! for a while then, and is looked at again by the clock.

use super::connection::Connection;
use super::peer::Peer;
use super::units::{Now, Units};
use crate::error::TOO_MANY_CLIENTS;
use crate::storage_unit::Storage;
use eagain_net::model::Interest;
use eagain_net::sync::Mutex;
use eagain_net::{Errno, Kernel, ListenOptions, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// How long the listener rests when there is no descriptor for a new connection.
const REST_NS: u64 = 100_000_000;
/// Connections accepted in one turn.
const ACCEPTS_PER_TURN_MAX: usize = 64;

/// The listening socket.
pub struct Acceptor<K: Kernel> {
    pub(crate) listener: TcpListener<K>,
    local: String,
}

/// How a turn of accepting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// Nobody waits.
    All,
    /// Others may wait.
    More,
    /// Nothing can be accepted before this time (nanoseconds, monotonic).
    RestUntil(u64),
}

impl<K: Kernel> Acceptor<K> {
    /// Listens at `address`.
    pub fn new(kernel: K, address: SocketAddr, nonblocking: bool) -> Result<Acceptor<K>, Errno> {
        let options = ListenOptions { nonblocking, ..ListenOptions::default() };
        let listener = TcpListener::bind_with(kernel, address, &options)?;
        let local = listener.local_addr()?.to_string();
        Ok(Acceptor { listener, local })
    }

    /// Takes in whoever waits, a turn's worth. `begin` gets each new peer's token.
    pub(super) fn turn<S: Storage>(
        &self,
        units: &Units<K, S>,
        now: Now,
        mut begin: impl FnMut(u64, &TcpStream<K>) -> Result<(), Errno>,
    ) -> Accepted {
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            match self.listener.accept_nonblocking() {
                Ok((stream, from)) => self.take_in(units, stream, from, now, &mut begin),
                Err(Errno::EAGAIN) => return Accepted::All,
                Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM) => {
                    return Accepted::RestUntil(now.mono_ns + REST_NS);
                }
                // EINTR, and what befell the connection before we took it (accept(2)): the next one is another.
                Err(_) => {}
            }
        }
        Accepted::More
    }

    /// A connection becomes a peer, or is told why not.
    fn take_in<S: Storage>(
        &self,
        units: &Units<K, S>,
        stream: TcpStream<K>,
        from: SocketAddr,
        now: Now,
        begin: &mut impl FnMut(u64, &TcpStream<K>) -> Result<(), Errno>,
    ) {
        let mut logic = units.logic.lock();
        if !logic.admits_client() {
            drop(logic);
            // As much of it as fits: a stranger is not waited for.
            let _ = stream.write(TOO_MANY_CLIENTS);
            return;
        }
        let session = logic.connect(&from.to_string(), &self.local, now.wall);
        let connection = Connection::new(&logic.config().limits, now.mono_ns);
        let trusted = logic.config().password.is_empty();
        drop(logic);
        // Replies are small and wanted at once.
        let _ = stream.set_nodelay(true);
        let client = session.id;
        let mut peer = Peer {
            stream,
            token: 0,
            connection,
            session: Some(session),
            interest: Interest::READABLE,
            timer_ns: u64::MAX,
            held: std::collections::VecDeque::new(),
        };
        peer.connection.set_trusted(trusted);
        let token = units.peers.insert(client, |token| {
            peer.token = token;
            Arc::new(Mutex::new(units.kernel, peer))
        });
        let Some(shared) = units.peers.get(token) else { return };
        let mut peer = shared.lock();
        if begin(token, &peer.stream).is_err() {
            // The model's own limit, such as a descriptor beyond FD_SETSIZE.
            let _ = peer.stream.write(TOO_MANY_CLIENTS);
            units.release(&mut peer);
            return;
        }
        units.watch_deadline(&mut peer);
    }
}
