//! The listening sockets: accepting, and what to do when it cannot.
//!
//! accept(2) hands over errors of the new connection, which concern nobody else, and errors of the table of descriptors,
//! which leave the connection where it is: a level-triggered loop would report it for ever. So the listener pauses
//! for a while then, and is looked at again by the clock.

use super::awaiting_durability::AwaitingDurability;
use super::connection::Connection;
use super::loop_context::LoopContext;
use super::peer::{Flight, Peer};
use super::units::{Now, Units};
use crate::config::Config;
use crate::error::{ServeError, TOO_MANY_CLIENTS};
use crate::logic_unit::Place;
use crate::observe::{Level, Log};
use crate::storage_unit::Storage;
use eagain_net::model::Interest;
use eagain_net::sync::Mutex;
use eagain_net::{
    Domain, Errno, Fd, File, Files, Kernel, ListenOptions, OpenFlags, OwnedFd, ShutdownHow, SocketAddr,
    SocketFlags, SocketOption, TcpListener, TcpStream, UnixAddr,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

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
    /// What its connections inherit of `tcp-keepalive`.
    keepalive_s: u32,
    /// Nobody else replaces the socket at the path, as long as this is open.
    _claim: Option<File<K>>,
    /// Why the connection that came last was not accepted; 0: it was.
    rests: AtomicI32,
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
    /// Takes the address of the configuration, where nobody is let in before [`Acceptor::listen`]; with several loops each has a
    /// socket of its own there, and gets a part of the connections.
    pub fn new(kernel: K, config: &Config) -> Result<Acceptor<K>, Errno> {
        let options = ListenOptions {
            nonblocking: config.model.is_readiness(),
            reuse_port: config.loops > 1,
            ..ListenOptions::default()
        };
        let listener = TcpListener::bind_only(kernel, config.listen, &options)?;
        prepare(kernel, listener.fd(), config.keepalive_s);
        let at = listener.local_addr()?;
        Ok(Acceptor::over(listener, At::Address(at), at.to_string(), config.keepalive_s, None))
    }

    /// Takes the path of the configuration, for clients of this host, where nobody is let in before [`Acceptor::listen`]. A socket that
    /// a server which was killed has left there is replaced; `EADDRINUSE`: another server has the path, or it is something else.
    pub fn unix(kernel: K, config: &Config) -> Result<Acceptor<K>, Errno> {
        let path = &config.unix_socket;
        let claim = claim_path(kernel, path)?;
        let address = UnixAddr::Path(path.clone());
        let socket = |flags: SocketFlags| {
            let fd = kernel.socket(Domain::Unix, flags | SocketFlags::CLOEXEC)?;
            Ok::<_, Errno>(OwnedFd::from_raw(kernel, fd))
        };
        let nonblocking = config.model.is_readiness();
        let socket_flags = if nonblocking { SocketFlags::NONBLOCK } else { SocketFlags::NONE };
        let listener = socket(socket_flags)?;
        let bind = || kernel.unix_bind(listener.fd(), &address);
        match bind() {
            Err(Errno::EADDRINUSE) => {
                let client = socket(SocketFlags::NONBLOCK)?;
                let is_listened_at = kernel.unix_connect(client.fd(), &address) != Err(Errno::ECONNREFUSED);
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
        let (at, local) = (At::Path(path.clone()), format!("{path}:0"));
        let acceptor = Acceptor::over(TcpListener::from(listener), at, local, 0, Some(claim));
        // Before anybody can connect.
        config.set_unix_socket_mode()?;
        Ok(acceptor)
    }

    fn over(
        listener: TcpListener<K>,
        at: At,
        local: String,
        keepalive_s: u32,
        claim: Option<File<K>>,
    ) -> Acceptor<K> {
        let listener = Mutex::new(listener.kernel(), Some(Arc::new(listener)));
        Acceptor { listener, at, local, keepalive_s, _claim: claim, rests: AtomicI32::new(0) }
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

    /// There is no descriptor for a connection: one line of the log, until there is one again.
    pub(super) fn rest(&self, log: &Log, errno: Errno) {
        if self.rests.swap(errno.0, SeqCst) != errno.0 {
            let text = || format!("{}: no connection can be accepted for the moment: {errno}", self.local);
            log.line(Level::Warning, text);
        }
    }

    /// There is one again.
    fn end_rest(&self, log: &Log) {
        if self.rests.load(SeqCst) != 0 && self.rests.swap(0, SeqCst) != 0 {
            log.line(Level::Notice, || format!("{}: connections are accepted again", self.local));
        }
    }

    /// Whoever comes from now on is let in. To be called when nothing else can fail for want of a descriptor or of a file:
    /// a start that fails after this sends those away who have come.
    pub fn listen(&self) -> Result<(), ServeError> {
        let Some(listener) = self.listener() else { return Ok(()) };
        listener.listen(ListenOptions::default().backlog).map_err(|errno| match &self.at {
            At::Address(at) => ServeError::Listen(*at, errno),
            At::Path(path) => ServeError::at_path(path, errno),
        })
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
        context: &LoopContext<K, S>,
        now: Now,
        mut begin: impl FnMut(&mut Peer<K>) -> Result<(), Errno>,
    ) -> Accepted {
        let Some(listener) = self.listener() else { return Accepted::Nobody };
        let mut accepted = Accepted::Nobody;
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            match self.accept(&listener, true) {
                Ok((stream, from)) => {
                    accepted = Accepted::All;
                    self.take_in(context, stream, &from, now, &mut begin);
                }
                Err(Errno::EAGAIN | Errno::EINVAL) => return accepted,
                Err(errno) => {
                    if AcceptError::of(errno) == AcceptError::NoRoom {
                        self.rest(&context.units.config.log, errno);
                        return Accepted::RestUntil(now.mono_ns + REST_NS);
                    }
                }
            }
        }
        Accepted::More
    }

    /// A connection becomes a peer of this loop, or gets an error that says why not.
    pub(super) fn take_in<S: Storage>(
        &self,
        context: &LoopContext<K, S>,
        stream: TcpStream<K>,
        from: &str,
        now: Now,
        begin: &mut impl FnMut(&mut Peer<K>) -> Result<(), Errno>,
    ) {
        let room = context.peers.len() < context.peers_max;
        let Some(peer) = self.admit(&context.units, stream, from, now, room) else { return };
        let (token, shared) = context.peers.insert(context.units.kernel, peer);
        let mut peer = shared.lock();
        if let Some(session) = &mut peer.session {
            session.place = Place { at_loop: context.number, token };
        }
        if peer.released {
            // A stop found it in the table first, and had nothing to wait for. Its descriptor is about to be closed: a
            // model that is asked to watch it now would watch whoever gets the number next, or nobody.
            return;
        }
        if begin(&mut peer).is_err() {
            // The model's own limit, such as a descriptor beyond FD_SETSIZE.
            let _ = peer.stream.write(TOO_MANY_CLIENTS);
            context.release(&mut peer);
            return;
        }
        context.arm_deadline(&mut peer);
    }

    /// A connection becomes a peer if there is room, or gets an error that says so.
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
        self.end_rest(&units.config.log);
        if matches!(self.at, At::Address(_)) && keepalive_s != self.keepalive_s {
            // `CONFIG SET` has changed it.
            keep_alive(units.kernel, stream.fd(), keepalive_s);
        }
        Some(Peer {
            stream,
            token: 0,
            client: session.id,
            connection,
            session: Some(session),
            released: false,
            interest: Interest::READABLE,
            timer_ns: u64::MAX,
            flight: Flight::default(),
            awaiting: AwaitingDurability::default(),
        })
    }
}

impl<K: Kernel> Drop for Acceptor<K> {
    /// After a start that has failed, too.
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes the socket at `path` ours to replace, until the file is closed, which the end of the process does: a server that reads its
/// data back has its socket bound and does not listen yet, so that it looks like one that was killed.
pub(crate) fn claim_path<K: Files>(kernel: K, path: &str) -> Result<File<K>, Errno> {
    let file = File::open(kernel, &format!("{path}.lock"), OpenFlags::RDWR | OpenFlags::CREAT)?;
    match file.lock() {
        Err(Errno::EAGAIN) => Err(Errno::EADDRINUSE),
        locked => locked.map(|()| file),
    }
}

/// What connections inherit of their listener (`sk_clone_lock`): replies are small and wanted at once, and silent peers are asked.
pub(crate) fn prepare<K: Kernel>(kernel: K, listener: Fd, keepalive_s: u32) {
    // It fails for no socket of TCP.
    let _ = kernel.setsockopt(listener, SocketOption::NoDelay(true));
    if keepalive_s > 0 {
        keep_alive(kernel, listener, keepalive_s);
    }
}

/// A peer that has been silent for so many seconds is asked whether it is still there, and given up when it has not answered three
/// times in as long again; 0: never. As Redis does it.
pub(crate) fn keep_alive<K: Kernel>(kernel: K, fd: Fd, seconds: u32) {
    if seconds == 0 {
        let _ = kernel.setsockopt(fd, SocketOption::KeepAlive(false));
        return;
    }
    let interval = SocketOption::KeepInterval((seconds / 3).max(1));
    let idle = SocketOption::KeepIdle(seconds);
    for option in [SocketOption::KeepAlive(true), idle, interval, SocketOption::KeepCount(3)] {
        // It fails where the peer has reset the connection already.
        let _ = kernel.setsockopt(fd, option);
    }
}

#[cfg(test)]
#[path = "../../tests/unit/acceptor.rs"]
mod tests;
