//! The listening sockets: accepting, and what to do when it cannot.
//!
//! accept(2) hands over errors of the new connection, which concern nobody else, and errors of the table of descriptors,
//! which leave the connection where it is: a level-triggered loop would be told of it for ever. So the listener pauses
//! for a while then, and is looked at again by the clock.

use super::connection::Connection;
use super::held::Held;
use super::home::Home;
use super::peer::{Flight, Peer};
use super::units::{Now, Units};
use crate::error::TOO_MANY_CLIENTS;
use crate::logic_unit::Place;
use crate::observe::{Level, Log};
use crate::storage_unit::Storage;
use eagain_net::model::Interest;
use eagain_net::sync::Mutex;
use eagain_net::{
    Domain, Errno, Fd, Kernel, ListenOptions, OpenFlags, OwnedFd, ShutdownHow, SocketAddr, SocketFlags,
    SocketOption, TcpListener, TcpStream, UnixAddr,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// How long the listener rests when there is no descriptor for a new connection.
pub(super) const REST_NS: u64 = 100_000_000;
/// Connections accepted in one turn.
const ACCEPTS_PER_TURN_MAX: usize = 64;

/// A listening socket.
pub struct Acceptor<K: Kernel> {
    /// `None`: closed, since the server stops.
    listener: Mutex<K, Option<Arc<TcpListener<K>>>>,
    at: At,
    /// What clients see of it.
    local: String,
    /// It had no descriptor for the connection that came last.
    rests: AtomicBool,
}

/// Where it is.
#[derive(Clone, Debug)]
enum At {
    Address(SocketAddr),
    Path(String),
}

/// How a turn of accepting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// Nobody waited.
    Nobody,
    /// Nobody waits any more.
    All,
    /// Others may wait.
    More,
    /// Nothing can be accepted before this time (nanoseconds, monotonic).
    RestUntil(u64),
}

/// What an error of accept(2) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptError {
    /// Of a call that was cut short, or of a connection that ended before it was taken: the next one is another.
    Next,
    /// There is no room for a descriptor; the connection stays in the queue.
    NoRoom,
}

impl AcceptError {
    pub(crate) fn of(errno: Errno) -> AcceptError {
        match errno {
            Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => AcceptError::NoRoom,
            _ => AcceptError::Next,
        }
    }
}

impl<K: Kernel> Acceptor<K> {
    /// Takes `address`, where nobody is let in before [`Acceptor::listen`]; `shared`: with other sockets of this server, each
    /// of which gets a part of the connections.
    pub fn new(
        kernel: K,
        address: SocketAddr,
        nonblocking: bool,
        shared: bool,
    ) -> Result<Acceptor<K>, Errno> {
        let options = ListenOptions { nonblocking, reuse_port: shared, ..ListenOptions::default() };
        let listener = TcpListener::bind_only(kernel, address, &options)?;
        let at = listener.local_addr()?;
        Ok(Acceptor::over(listener, At::Address(at), at.to_string()))
    }

    /// Takes `path`, for clients of this host, where nobody is let in before [`Acceptor::listen`]. A socket that a server which was
    /// killed has left there is replaced; `EADDRINUSE`: somebody listens there, or it is something else.
    pub fn unix(kernel: K, path: &str, nonblocking: bool) -> Result<Acceptor<K>, Errno> {
        let address = UnixAddr::Path(path.to_owned());
        let socket = |flags: SocketFlags| {
            let fd = kernel.socket(Domain::Unix, flags | SocketFlags::CLOEXEC)?;
            Ok::<_, Errno>(OwnedFd::from_raw(kernel, fd))
        };
        let socket_flags = if nonblocking { SocketFlags::NONBLOCK } else { SocketFlags::NONE };
        let listener = socket(socket_flags)?;
        let bind = || kernel.unix_bind(listener.fd(), &address);
        match bind() {
            Err(Errno::EADDRINUSE) => {
                let visitor = socket(SocketFlags::NONBLOCK)?;
                let is_listened_at = kernel.unix_connect(visitor.fd(), &address) != Err(Errno::ECONNREFUSED);
                // Who connects to a file that is no socket is refused too, and it is not ours to remove: only a socket cannot be
                // opened (open(2)).
                let opened = kernel.open(path, OpenFlags::RDWR).map(|fd| OwnedFd::from_raw(kernel, fd));
                if is_listened_at || opened.err() != Some(Errno::ENXIO) {
                    return Err(Errno::EADDRINUSE);
                }
                kernel.unlink(path)?;
                bind()?;
            }
            other => other?,
        }
        Ok(Acceptor::over(TcpListener::from(listener), At::Path(path.to_owned()), format!("{path}:0")))
    }

    fn over(listener: TcpListener<K>, at: At, local: String) -> Acceptor<K> {
        let listener = Mutex::new(listener.kernel(), Some(Arc::new(listener)));
        Acceptor { listener, at, local, rests: AtomicBool::new(false) }
    }

    /// The next connection, and where it comes from.
    pub(super) fn accept(
        &self,
        listener: &TcpListener<K>,
        nonblocking: bool,
    ) -> Result<(TcpStream<K>, String), Errno> {
        if let At::Path(_) = self.at {
            let flags = if nonblocking { SocketFlags::NONBLOCK } else { SocketFlags::NONE };
            let (fd, _) = listener.kernel().unix_accept(listener.fd(), flags | SocketFlags::CLOEXEC)?;
            let stream = TcpStream::from(OwnedFd::from_raw(listener.kernel(), fd));
            return Ok((stream, self.local.clone()));
        }
        let accepted = if nonblocking { listener.accept_nonblocking() } else { listener.accept() };
        accepted.map(|(stream, from)| (stream, from.to_string()))
    }

    /// Where a connection comes from that the kernel has accepted.
    pub(super) fn peer_of(&self, stream: &TcpStream<K>) -> Result<String, Errno> {
        match self.at {
            At::Path(_) => Ok(self.local.clone()),
            At::Address(_) => stream.peer_addr().map(|from| from.to_string()),
        }
    }

    /// There is no descriptor for a connection: the operator is told, once until there is.
    pub(super) fn rest(&self, log: &Log, errno: Errno) {
        if !self.rests.swap(true, SeqCst) {
            let text = || format!("{}: no connection can be accepted for the moment: {errno}", self.local);
            log.line(Level::Warning, text);
        }
    }

    /// Whoever comes from now on is let in. To be called when nothing else can fail for want of a descriptor or of a file:
    /// a start that fails after this sends those away who have come.
    pub fn listen(&self) -> Result<(), Errno> {
        self.listener().map_or(Ok(()), |listener| listener.listen(ListenOptions::default().backlog))
    }

    /// Where it listens, if that is an address.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self.at {
            At::Address(at) => Some(at),
            At::Path(_) => None,
        }
    }

    /// The socket, until it is closed.
    pub(super) fn listener(&self) -> Option<Arc<TcpListener<K>>> {
        self.listener.lock().clone()
    }

    /// Nobody is taken in any more; who waits is refused.
    pub(super) fn close(&self) {
        if let Some(listener) = self.listener.lock().take() {
            // An accept that is under way ends, and lets go of the socket.
            let _ = listener.kernel().shutdown(listener.fd(), ShutdownHow::Both);
            if let At::Path(path) = &self.at {
                let _ = listener.kernel().unlink(path);
            }
        }
    }

    /// Takes in whoever waits, a turn's worth. `begin` gets each new peer.
    pub(super) fn turn<S: Storage>(
        &self,
        home: &Home<K, S>,
        now: Now,
        mut begin: impl FnMut(&mut Peer<K>) -> Result<(), Errno>,
    ) -> Accepted {
        let Some(listener) = self.listener() else { return Accepted::Nobody };
        let mut accepted = Accepted::Nobody;
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            match self.accept(&listener, true) {
                Ok((stream, from)) => {
                    accepted = Accepted::All;
                    self.take_in(home, stream, &from, now, &mut begin);
                }
                Err(Errno::EAGAIN | Errno::EINVAL) => return accepted,
                Err(errno) => {
                    if AcceptError::of(errno) == AcceptError::NoRoom {
                        self.rest(&home.units.config.log, errno);
                        return Accepted::RestUntil(now.mono_ns + REST_NS);
                    }
                }
            }
        }
        Accepted::More
    }

    /// A connection becomes a peer of this loop, or is told why not.
    pub(super) fn take_in<S: Storage>(
        &self,
        home: &Home<K, S>,
        stream: TcpStream<K>,
        from: &str,
        now: Now,
        begin: &mut impl FnMut(&mut Peer<K>) -> Result<(), Errno>,
    ) {
        let room = home.peers.len() < home.peers_max;
        let Some(peer) = self.admit(&home.units, stream, from, now, room) else { return };
        let (token, shared) = home.peers.insert(home.units.kernel, peer);
        let mut peer = shared.lock();
        if let Some(session) = &mut peer.session {
            session.place = Place { at_loop: home.number, token };
        }
        if peer.released {
            // A stop found it in the table first, and had nothing to wait for. Its descriptor is about to be closed: a
            // model that is asked to watch it now would watch whoever gets the number next, or nobody.
            return;
        }
        if begin(&mut peer).is_err() {
            // The model's own limit, such as a descriptor beyond FD_SETSIZE.
            let _ = peer.stream.write(TOO_MANY_CLIENTS);
            home.release(&mut peer);
            return;
        }
        home.watch_deadline(&mut peer);
    }

    /// A connection becomes a peer if there is room, or is told that there is none.
    pub(super) fn admit<S: Storage>(
        &self,
        units: &Units<K, S>,
        stream: TcpStream<K>,
        from: &str,
        now: Now,
        room: bool,
    ) -> Option<Peer<K>> {
        let mut logic = units.logic.lock();
        if !logic.admits_client(room) {
            drop(logic);
            // As much of it as fits: a stranger is not waited for.
            let _ = stream.write(TOO_MANY_CLIENTS);
            return None;
        }
        let session = logic.connect(from, &self.local, now.wall);
        let mut connection = Connection::new(&logic.limits(), now.mono_ns);
        connection.set_trusted(logic.config().password.is_empty());
        let keepalive_s = logic.config().keepalive_s;
        drop(logic);
        self.rests.store(false, SeqCst);
        if let At::Address(_) = self.at {
            // Replies are small and wanted at once.
            let _ = stream.set_nodelay(true);
            keep_alive(units.kernel, stream.fd(), keepalive_s);
        }
        Some(Peer {
            stream: Arc::new(stream),
            token: 0,
            client: session.id,
            connection,
            session: Some(session),
            released: false,
            interest: Interest::READABLE,
            timer_ns: u64::MAX,
            flight: Flight::default(),
            held: Held::default(),
        })
    }
}

/// A peer that has been silent for so many seconds is asked whether it is still there, and given up when it has not answered three
/// times in as long again; 0: never. As Redis does it.
pub(crate) fn keep_alive<K: Kernel>(kernel: K, fd: Fd, seconds: u32) {
    if seconds == 0 {
        return;
    }
    let interval = SocketOption::KeepInterval((seconds / 3).max(1));
    let idle = SocketOption::KeepIdle(seconds);
    for option in [SocketOption::KeepAlive(true), idle, interval, SocketOption::KeepCount(3)] {
        // It fails where the peer has reset the connection already.
        let _ = kernel.setsockopt(fd, option);
    }
}
