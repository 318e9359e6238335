//! AF_UNIX sockets (net/unix/af_unix.c): names, connections, their ends. They are of one host, and what is sent is there at
//! once: nothing travels, so no fault of the wire concerns them. Bytes and datagrams are in `transfer`. What a path refers to
//! is `crate::syscall::unix`'s business: here it is an inode.

mod transfer;

use super::number_option::Of;
use super::socket::{Options, RCV, SEND, SHUT, refusal};
use super::{ALL, Net, Network, OtherEnd};
use crate::NONE;
use eagain_net::{
    Domain, Errno, Events, Result, ShutdownHow, SigCode, SocketOption, SocketOptionName, UnixAddr,
};
use std::collections::VecDeque;
use transfer::Chunk;

/// `net.unix.max_dgram_qlen`.
const DATAGRAMS_MAX: usize = 10;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Close,
    Listen,
    Established,
}

/// How others find a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum UnixBinding {
    /// By the inode of its path, on the disk of its host.
    Inode(u32),
    /// By its abstract name.
    Name(Vec<u8>),
}

/// A socket, and when it was made: a number of the slab is used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Id {
    at: u32,
    made: u32,
}

/// An AF_UNIX socket.
pub(super) struct UnixSock {
    id: Id,
    /// The open file that refers to it; `NONE`: not accepted yet.
    file: u32,
    host: u32,
    datagrams: bool,
    state: State,
    name: UnixAddr,
    /// Where it is found; a socket that was accepted has its listener's name, and is not found by it.
    binding: Option<UnixBinding>,
    /// Whom it is connected to; that one may be closed.
    peer: Option<Id>,
    /// The name of a peer that is closed.
    peer_name: UnixAddr,
    shutdown: u8,
    error: Option<Errno>,
    /// What it has not received yet.
    queue: VecDeque<Chunk>,
    /// The threads that last received of it and sent to it, or `NONE`.
    reader: u32,
    writer: u32,
    /// What of its sending is in queues, as `sk_wmem_alloc` counts it.
    charged: u64,
    /// A send did not fit (`SOCK_NOSPACE`).
    no_space: bool,
    backlog: usize,
    /// Connections that wait for `accept`.
    pending: VecDeque<u32>,
    /// Who waits for room in its queue.
    wanting: Vec<Id>,
    options: Options,
}

impl UnixSock {
    /// `unix_recvq_full`.
    fn is_full(&self) -> bool {
        let (queued, most) = match self.datagrams {
            true => (self.queue.len(), DATAGRAMS_MAX),
            false => (self.pending.len(), self.backlog),
        };
        queued > most
    }
}

/// Open files that go through sockets with `SCM_RIGHTS` (net/core/scm.c). Each is held while it is here or in a queue.
#[derive(Default)]
pub(crate) struct Passed {
    /// They go with the next chunk.
    pub sent: Vec<u32>,
    /// They came with what was received; with `MSG_PEEK` they stay in the queue, which holds them.
    pub received: Vec<u32>,
    /// They were in a queue that is gone, and are to be released.
    pub dropped: Vec<u32>,
    /// They are being released.
    pub is_releasing: bool,
}

/// What an attempt to connect comes to.
pub(crate) enum UnixConnect {
    Done,
    /// The listener's queue is full.
    Full,
}

impl Network {
    fn unix_get(&self, id: Id) -> Option<&UnixSock> {
        self.unix.get(id.at as usize).filter(|s| s.id == id)
    }

    fn unix_get_mut(&mut self, id: Id) -> Option<&mut UnixSock> {
        self.unix.get_mut(id.at as usize).filter(|s| s.id == id)
    }

    /// The open file that refers to a socket.
    pub fn unix_set_file(&mut self, sock: u32, file: u32) {
        self.unix[sock as usize].file = file;
    }

    pub fn unix_getsockname(&self, sock: u32) -> UnixAddr {
        self.unix[sock as usize].name.clone()
    }

    pub fn unix_getpeername(&self, sock: u32) -> Result<UnixAddr> {
        let s = &self.unix[sock as usize];
        let peer = s.peer.ok_or(Errno::ENOTCONN)?;
        Ok(self.unix_get(peer).map_or_else(|| s.peer_name.clone(), |peer| peer.name.clone()))
    }

    pub fn unix_host(&self, sock: u32) -> u32 {
        self.unix[sock as usize].host
    }

    /// Whether it takes datagrams.
    pub fn unix_is_datagram(&self, sock: u32) -> bool {
        self.unix[sock as usize].datagrams
    }

    /// Whether a socket is one that accepts.
    pub fn unix_may_accept(&self, sock: u32) -> Result<()> {
        let s = &self.unix[sock as usize];
        match s.state {
            _ if s.datagrams => Err(Errno::EOPNOTSUPP),
            State::Listen => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Whether it is shut for receiving.
    pub fn unix_is_shut(&self, sock: u32) -> bool {
        self.unix[sock as usize].shutdown & RCV != 0
    }

    pub fn unix_is_bound(&self, sock: u32) -> bool {
        self.unix[sock as usize].name != UnixAddr::Unnamed
    }

    /// The socket of this kind at `binding` of a host: `ECONNREFUSED` where there is none, `EPROTOTYPE` where it is of the other.
    pub fn unix_find(&self, host: u32, datagrams: bool, binding: &UnixBinding) -> Result<u32> {
        let is_bound = |s: &&UnixSock| s.host == host && s.binding.as_ref() == Some(binding);
        let all = || self.unix.iter().map(|(_, s)| s).filter(is_bound);
        match all().find(|s| s.datagrams == datagrams) {
            Some(s) => Ok(s.id.at),
            // Abstract names are looked up together with the type.
            None if matches!(binding, UnixBinding::Inode(_)) && all().next().is_some() => {
                Err(Errno::EPROTOTYPE)
            }
            None => Err(Errno::ECONNREFUSED),
        }
    }

    pub fn unix_getsockopt(&mut self, sock: u32, option: SocketOptionName) -> Result<SocketOption> {
        let s = &mut self.unix[sock as usize];
        match refusal(option, Domain::Unix, false) {
            Some((_, errno)) => Err(errno),
            None => s.options.get(
                option,
                Of { listens: s.state == State::Listen, ..Of::plain(Domain::Unix, s.datagrams) },
                || s.error.take(),
            ),
        }
    }

    /// `SO_RCVTIMEO` or `SO_SNDTIMEO`, in nanoseconds.
    pub fn unix_timeout(&self, sock: u32, events: Events) -> Option<u64> {
        self.unix.get(sock as usize)?.options.timeout(events)
    }

    /// Bytes of the datagram that is received next, or all of a stream.
    pub fn unix_next_len(&self, sock: u32) -> u64 {
        let s = &self.unix[sock as usize];
        let next = s.queue.front().map_or(0, |chunk| chunk.left() as u64);
        if s.datagrams { next } else { self.unix_buffered(sock) }
    }

    /// The other end of a stream or of a connected datagram socket.
    pub fn unix_other_end(&self, sock: u32) -> Option<OtherEnd> {
        let other = self.unix_get(self.unix.get(sock as usize)?.peer?);
        let unread = other.map_or(0, |other| other.queue.iter().map(|chunk| chunk.left() as u64).sum());
        Some(OtherEnd { file: other.map_or(NONE, |other| other.file), closed: other.is_none(), unread })
    }

    /// Bytes that wait in a socket's queue.
    pub fn unix_buffered(&self, sock: u32) -> u64 {
        self.unix[sock as usize].queue.iter().map(|chunk| chunk.left() as u64).sum()
    }
}

impl Net<'_> {
    /// A new socket of a host.
    pub fn unix_socket(&mut self, host: u32, datagrams: bool) -> u32 {
        let options = Options::plain();
        self.net.unix_made += 1;
        let id = Id { at: self.net.unix.vacant_key() as u32, made: self.net.unix_made };
        self.net.unix.insert(UnixSock {
            id,
            file: NONE,
            host,
            datagrams,
            state: State::Close,
            name: UnixAddr::Unnamed,
            binding: None,
            peer: None,
            peer_name: UnixAddr::Unnamed,
            shutdown: 0,
            error: None,
            queue: VecDeque::new(),
            reader: NONE,
            writer: NONE,
            charged: 0,
            no_space: false,
            backlog: 0,
            pending: VecDeque::new(),
            wanting: Vec::new(),
            options,
        });
        id.at
    }

    /// `unix_socketpair`.
    pub fn unix_pair(&mut self, one: u32, other: u32) {
        for (sock, peer) in [(one, other), (other, one)] {
            let peer = self.net.unix[peer as usize].id;
            let s = &mut self.net.unix[sock as usize];
            s.peer = Some(peer);
            s.state = State::Established;
        }
    }

    /// The socket is found by this name from now on.
    pub fn unix_bind(&mut self, sock: u32, name: UnixAddr, binding: UnixBinding) {
        self.unix_rename_sent(self.net.unix[sock as usize].id, &name);
        let s = &mut self.net.unix[sock as usize];
        (s.name, s.binding) = (name, Some(binding));
    }

    /// `unix_listen`.
    pub fn unix_listen(&mut self, sock: u32, backlog: i32) -> Result<()> {
        let most = self.knobs.somaxconn;
        let s = &mut self.net.unix[sock as usize];
        if s.datagrams {
            return Err(Errno::EOPNOTSUPP);
        }
        if s.name == UnixAddr::Unnamed || s.state == State::Established {
            return Err(Errno::EINVAL);
        }
        s.backlog = usize::try_from(backlog).map_or(most, |asked| asked.min(most));
        s.state = State::Listen;
        let wanting = std::mem::take(&mut s.wanting);
        self.unix_wake_writers(wanting);
        Ok(())
    }

    /// `unix_accept`: `EAGAIN` where there is none to accept.
    pub fn unix_accept(&mut self, sock: u32) -> Result<u32> {
        self.net.unix_may_accept(sock)?;
        let s = &mut self.net.unix[sock as usize];
        let Some(child) = s.pending.pop_front() else {
            return Err(if s.shutdown & RCV != 0 { Errno::EINVAL } else { Errno::EAGAIN });
        };
        let wanting = std::mem::take(&mut s.wanting);
        self.unix_wake_writers(wanting);
        self.scheduler.progress(self.run);
        Ok(child)
    }

    /// `unix_stream_connect` and `unix_dgram_connect` to `other`, which was looked up by its name.
    pub fn unix_connect(&mut self, sock: u32, other: u32) -> Result<UnixConnect> {
        let to = self.net.unix[other as usize].id;
        if self.net.unix[sock as usize].datagrams {
            self.unix_may_send(sock, other)?;
            let s = &mut self.net.unix[sock as usize];
            let old = s.peer.replace(to);
            s.state = State::Established;
            if let Some(old) = old {
                self.unix_left(sock, old, Some(to));
            }
            return Ok(UnixConnect::Done);
        }
        let listener = &mut self.net.unix[other as usize];
        if listener.state != State::Listen || listener.shutdown & RCV != 0 {
            return Err(Errno::ECONNREFUSED);
        }
        if listener.is_full() {
            return Ok(UnixConnect::Full);
        }
        match self.net.unix[sock as usize].state {
            State::Close => {}
            State::Established => return Err(Errno::EISCONN),
            State::Listen => return Err(Errno::EINVAL),
        }
        let (host, name, file) = {
            let listener = &self.net.unix[other as usize];
            (listener.host, listener.name.clone(), listener.file)
        };
        let child = self.unix_socket(host, false);
        self.net.unix[child as usize].name = name;
        self.unix_pair(sock, child);
        self.net.unix[other as usize].pending.push_back(child);
        self.notify(file, Events::IN | Events::PRI, Some(SigCode::PollIn));
        Ok(UnixConnect::Done)
    }

    /// `unix_dgram_connect` to nobody.
    pub fn unix_disconnect(&mut self, sock: u32) -> Result<()> {
        let s = &mut self.net.unix[sock as usize];
        if !s.datagrams {
            return Err(Errno::EINVAL);
        }
        if let Some(old) = s.peer.take() {
            s.state = State::Close;
            self.unix_left(sock, old, None);
        }
        Ok(())
    }

    /// Remembers that `sock` waits for room in the queue of `other`.
    pub fn unix_wants_room(&mut self, sock: u32, other: u32) {
        let id = self.net.unix[sock as usize].id;
        let wanting = &mut self.net.unix[other as usize].wanting;
        if !wanting.contains(&id) {
            wanting.push(id);
        }
    }

    pub fn unix_setsockopt(&mut self, sock: u32, option: SocketOption) -> Result<()> {
        if let Some((errno, _)) = refusal(option.name(), Domain::Unix, false) {
            return Err(errno);
        }
        match option {
            // It is for sockets that have ports (`sk_is_inet`).
            SocketOption::ReusePort(true) => Err(Errno::EOPNOTSUPP),
            option => {
                let s = &mut self.net.unix[sock as usize];
                s.options.set(option, self.knobs, Of::plain(Domain::Unix, s.datagrams))
            }
        }
    }

    fn unix_wake_writers(&mut self, wanting: Vec<Id>) {
        for id in wanting {
            if let Some(file) = self.net.unix_get(id).map(|s| s.file) {
                self.notify(file, Events::OUT, None);
            }
        }
    }

    /// `unix_may_send`: a socket of datagrams that is connected takes those of its peer alone.
    fn unix_may_send(&self, sock: u32, other: u32) -> Result<()> {
        let (from, to) = (&self.net.unix[sock as usize], &self.net.unix[other as usize]);
        if to.peer.is_none_or(|peer| peer == from.id) { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// `unix_dgram_connect` of one that had a peer: it need not wait for that one's room any more, what that one has sent is gone, and
    /// it gets an error where it is still connected (`unix_dgram_disconnected`).
    fn unix_left(&mut self, sock: u32, old: Id, new: Option<Id>) {
        let s = &self.net.unix[sock as usize];
        let (id, file, is_empty) = (s.id, s.file, s.queue.is_empty());
        self.notify(file, Events::OUT, None);
        if new == Some(old) || is_empty {
            return;
        }
        self.unix_drop_queue(sock);
        let Some(other) = self.net.unix_get_mut(old) else { return };
        if other.peer == Some(id) {
            other.error = Some(Errno::ECONNRESET);
            let file = other.file;
            self.notify(file, Events::ERR, Some(SigCode::PollErr));
        }
    }

    /// `unix_shutdown`, which never fails.
    pub fn unix_shutdown(&mut self, sock: u32, how: ShutdownHow) {
        let (mine, theirs) = match how {
            ShutdownHow::Read => (RCV, SEND),
            ShutdownHow::Write => (SEND, RCV),
            ShutdownHow::Both => (SHUT, SHUT),
        };
        let s = &mut self.net.unix[sock as usize];
        s.shutdown |= mine;
        let (file, peer, datagrams) = (s.file, s.peer, s.datagrams);
        self.notify(file, ALL, None);
        let Some(peer) = peer.filter(|_| !datagrams).and_then(|peer| self.net.unix_get_mut(peer)) else {
            return;
        };
        peer.shutdown |= theirs;
        let code = match theirs {
            SHUT => Some(SigCode::PollHup),
            RCV => Some(SigCode::PollIn),
            _ => None,
        };
        let file = peer.file;
        self.notify(file, ALL, code);
    }

    /// `unix_release_sock`: the last descriptor is gone. The inode that its path was bound to, which it does not hold any more.
    pub fn unix_close(&mut self, sock: u32) -> Option<u32> {
        self.unix_release(sock, false)
    }

    /// `embryo`: it was never accepted.
    fn unix_release(&mut self, sock: u32, embryo: bool) -> Option<u32> {
        let s = &self.net.unix[sock as usize];
        let (name, datagrams) = (s.name.clone(), s.datagrams);
        let lost = embryo || !s.queue.is_empty();
        let id = s.id;
        let peer = s.peer.filter(|_| !datagrams);
        if let Some(peer) = peer.and_then(|peer| self.net.unix_get_mut(peer)) {
            peer.peer_name.clone_from(&name);
            peer.shutdown = SHUT;
            if lost {
                peer.error = Some(Errno::ECONNRESET);
            }
            let file = peer.file;
            self.notify(file, ALL, Some(SigCode::PollHup));
        }
        self.unix_drop_queue(sock);
        // Who is connected to it still knows its name: to one of datagrams that may be any number.
        if datagrams {
            for (_, other) in self.net.unix.iter_mut().filter(|(_, other)| other.peer == Some(id)) {
                other.peer_name.clone_from(&name);
            }
        }
        let s = self.net.unix.remove(sock as usize);
        self.unix_wake_writers(s.wanting);
        for child in s.pending {
            self.unix_release(child, true);
        }
        match s.binding {
            Some(UnixBinding::Inode(inode)) => Some(inode),
            _ => None,
        }
    }

    /// `unix_poll` and `unix_dgram_poll`.
    pub fn unix_poll(&mut self, sock: u32) -> Events {
        let s = &self.net.unix[sock as usize];
        let mut mask = Events::NONE;
        if s.error.is_some() {
            mask |= Events::ERR;
        }
        if s.shutdown == SHUT || !s.datagrams && s.state == State::Close {
            mask |= Events::HUP;
        }
        if s.shutdown & RCV != 0 {
            mask |= Events::IN | Events::RDHUP;
        }
        if !s.queue.is_empty() || !s.pending.is_empty() {
            mask |= Events::IN;
        }
        let peer = s.peer.filter(|_| s.datagrams).and_then(|peer| self.net.unix_get(peer));
        let full = peer.filter(|peer| peer.peer != Some(s.id) && peer.is_full()).map(|peer| peer.id.at);
        if let Some(other) = full {
            self.unix_wants_room(sock, other);
        } else if s.is_writable() {
            mask |= Events::OUT;
        }
        mask
    }
}
