//! Sending and receiving: chunks in the receiver's queue, charged to the sender's buffer as the kernel charges them.

use super::super::socket::{RCV, SEND};
use super::super::{Net, Network, RecvProgress, SendProgress};
use super::{Id, State, UnixSock};
use crate::scheduler::Step;
use eagain_net::{Errno, Events, RecvFlags, Result, SigCode, UnixAddr};

/// `PAGE_SIZE`.
const PAGE: u64 = 4096;
/// What `struct skb_shared_info` takes behind the bytes.
const SHARED_INFO: u64 = 320;
/// What `struct sk_buff` takes.
const SK_BUFF: u64 = 256;
/// `SKB_MAX_HEAD(0)`: bytes that one page holds.
const HEAD_MAX: u64 = PAGE - SHARED_INFO;
/// `SKB_MAX_ALLOC`.
const ALLOC_MAX: u64 = 4 * PAGE - SHARED_INFO;
/// `UNIX_SKB_FRAGS_SZ`.
const FRAGS: u64 = 32 << 10;
/// `MAX_SKB_FRAGS` pages.
const FRAGS_MAX: u64 = 17 * PAGE;

/// What was sent with one call, or a part of that.
pub(super) struct Chunk {
    bytes: Vec<u8>,
    read: usize,
    /// What it counts in the sender's buffer.
    charge: u64,
    from: Id,
    /// Who sent it, for `recvfrom`.
    name: UnixAddr,
    /// The open files that came with it.
    files: Vec<u32>,
}

impl Chunk {
    /// Bytes that are not received.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.read
    }
}

/// `skb->truesize` of `head` bytes of kmalloc and `data` bytes of pages.
fn true_size(head: u64, data: u64) -> u64 {
    let block = (head.next_multiple_of(64) + SHARED_INFO).next_power_of_two().max(512);
    SK_BUFF + block + data.next_multiple_of(PAGE)
}

/// Of `len` bytes of a stream: how many go into one chunk, and what that counts (`unix_stream_sendmsg`).
fn stream_chunk(len: u64, send_buffer: u64) -> (u64, u64) {
    let size = len.min((send_buffer >> 1).saturating_sub(64).max(1)).min(HEAD_MAX + FRAGS);
    let data = size.saturating_sub(HEAD_MAX).next_multiple_of(PAGE).min(size);
    (size, true_size(size - data, data))
}

/// What a datagram of `len` bytes counts (`unix_dgram_sendmsg`).
fn datagram_charge(len: u64) -> u64 {
    let data = len.saturating_sub(ALLOC_MAX).min(FRAGS_MAX).next_multiple_of(PAGE).min(len);
    true_size(len - data, data)
}

impl UnixSock {
    /// `unix_writable`: the counter of the kernel begins at 1.
    pub(super) fn is_writable(&self) -> bool {
        self.state != State::Listen && (self.charged + 1) * 4 <= u64::from(self.options.send_buffer)
    }

    fn has_room(&self) -> bool {
        self.charged < u64::from(self.options.send_buffer)
    }
}

impl Net<'_> {
    /// `unix_stream_sendmsg`. `EPIPE` is for the caller to send `SIGPIPE` with.
    fn unix_send_stream(
        &mut self,
        sock: u32,
        bytes: &[u8],
        nonblocking: bool,
        progress: &mut SendProgress,
    ) -> Step<usize> {
        let expired = progress.deadline.is_some_and(|at| self.run.now() >= at);
        let or_sent = |sent: usize, errno| Step::Done(if sent > 0 { Ok(sent) } else { Err(errno) });
        let Some(peer) = self.net.unix[sock as usize].peer else { return Step::Done(Err(Errno::ENOTCONN)) };
        // Whoever has waited for room sees an error before that it is shut (`sock_alloc_send_pskb`).
        let s = &mut self.net.unix[sock as usize];
        let error = s.error.take_if(|_| progress.deadline.is_some());
        if error.is_some() || s.shutdown & SEND != 0 {
            return or_sent(progress.sent, error.unwrap_or(Errno::EPIPE));
        }
        while progress.sent < bytes.len() {
            let s = &mut self.net.unix[sock as usize];
            if let Some(error) = s.error.take() {
                return or_sent(progress.sent, error);
            }
            if !s.has_room() {
                s.no_space = true;
                if nonblocking || expired {
                    return or_sent(progress.sent, Errno::EAGAIN);
                }
                progress.deadline.get_or_insert_with(|| s.options.deadline(Events::OUT, self.run.now()));
                return Step::Wait;
            }
            let left = (bytes.len() - progress.sent) as u64;
            let (n, charge) = stream_chunk(left, u64::from(s.options.send_buffer));
            let part = &bytes[progress.sent..progress.sent + n as usize];
            let (from, name) = (s.id, s.name.clone());
            let Some(to) = self.net.unix_get(peer).filter(|to| to.shutdown & RCV == 0) else {
                return or_sent(progress.sent, Errno::EPIPE);
            };
            let to = to.id.at;
            let files = std::mem::take(&mut self.net.passed.sent);
            self.unix_push(to, Chunk { bytes: part.to_vec(), read: 0, charge, from, name, files });
            progress.sent += n as usize;
        }
        Step::Done(Ok(bytes.len()))
    }

    /// Why a datagram is not made, whoever it is for; a pending error is taken.
    pub fn unix_refusal(&mut self, sock: u32, len: usize) -> Result<()> {
        let s = &mut self.net.unix[sock as usize];
        if len as u64 > u64::from(s.options.send_buffer).saturating_sub(32) {
            return Err(Errno::EMSGSIZE);
        }
        match s.error.take() {
            Some(error) => Err(error),
            None if s.shutdown & SEND != 0 => Err(Errno::EPIPE),
            None => Ok(()),
        }
    }

    /// `unix_dgram_sendmsg`, to `other` where an address was given.
    fn unix_send_datagram(
        &mut self,
        sock: u32,
        other: Option<u32>,
        bytes: &[u8],
        nonblocking: bool,
        progress: &mut SendProgress,
    ) -> Step<usize> {
        let expired = progress.deadline.is_some_and(|at| self.run.now() >= at);
        let nonblocking = nonblocking || expired;
        let named = other.map(|other| self.net.unix[other as usize].id);
        // To an address it was asked before that was looked up.
        if named.is_none()
            && let Err(errno) = self.unix_refusal(sock, bytes.len())
        {
            return Step::Done(Err(errno));
        }
        let s = &mut self.net.unix[sock as usize];
        let to = named.or(s.peer);
        let room = s.has_room();
        let (from, name) = (s.id, s.name.clone());
        let deadline = s.options.deadline(Events::OUT, self.run.now());
        let wait = |net: &mut Self, progress: &mut SendProgress| {
            net.net.unix[sock as usize].no_space = true;
            if nonblocking {
                return Step::Done(Err(Errno::EAGAIN));
            }
            progress.deadline.get_or_insert(deadline);
            Step::Wait
        };
        if !room {
            return wait(self, progress);
        }
        match self.unix_deliver(sock, to, bytes, (from, name)) {
            Ok(true) => Step::Done(Ok(bytes.len())),
            Ok(false) => {
                if nonblocking {
                    self.unix_unsent(sock);
                }
                wait(self, progress)
            }
            Err(errno) => {
                self.unix_unsent(sock);
                Step::Done(Err(errno))
            }
        }
    }

    /// A datagram that was made goes into the queue of its receiver; `false`: that is full.
    fn unix_deliver(
        &mut self,
        sock: u32,
        to: Option<Id>,
        bytes: &[u8],
        (from, name): (Id, UnixAddr),
    ) -> Result<bool> {
        let to = to.ok_or(Errno::ENOTCONN)?;
        let Some(receiver) = self.net.unix_get(to) else {
            // The peer was closed: that is reported once.
            let s = &mut self.net.unix[sock as usize];
            s.peer = None;
            s.state = State::Close;
            self.unix_left(sock, to, None);
            return Err(Errno::ECONNREFUSED);
        };
        let (at, shut) = (receiver.id.at, receiver.shutdown & RCV != 0);
        let full = receiver.id != from && receiver.peer != Some(from) && receiver.is_full();
        self.unix_may_send(sock, at)?;
        if shut {
            return Err(Errno::EPIPE);
        }
        if full {
            self.unix_wants_room(sock, at);
            return Ok(false);
        }
        let charge = datagram_charge(bytes.len() as u64);
        let files = std::mem::take(&mut self.net.passed.sent);
        self.unix_push(at, Chunk { bytes: bytes.to_vec(), read: 0, charge, from, name, files });
        Ok(true)
    }

    /// A message was made and is not sent: that its memory is free again is reported (`sock_wfree`, `unix_write_space`).
    pub fn unix_unsent(&mut self, sock: u32) {
        let s = &mut self.net.unix[sock as usize];
        if s.is_writable() {
            let (file, waited) = (s.file, std::mem::take(&mut s.no_space));
            self.notify(file, Events::OUT, waited.then_some(SigCode::PollOut));
        }
    }

    /// Sends the pieces as one; to `other` where an address was given.
    pub fn unix_send(
        &mut self,
        sock: u32,
        other: Option<u32>,
        buffers: &[&[u8]],
        nonblocking: bool,
        progress: &mut SendProgress,
    ) -> Step<usize> {
        let joined;
        let bytes = match buffers {
            [one] => *one,
            many => {
                joined = many.concat();
                joined.as_slice()
            }
        };
        match self.net.unix[sock as usize].datagrams {
            true => self.unix_send_datagram(sock, other, bytes, nonblocking, progress),
            false => self.unix_send_stream(sock, bytes, nonblocking, progress),
        }
    }

    /// The chunk is in the queue of `to`, which is notified.
    fn unix_push(&mut self, to: u32, chunk: Chunk) {
        self.run.payload(self.scheduler.current(), &chunk.bytes, true);
        if let Some(sender) = self.net.unix_get_mut(chunk.from) {
            sender.charged += chunk.charge;
        }
        let receiver = &mut self.net.unix[to as usize];
        receiver.queue.push_back(chunk);
        receiver.writer = self.scheduler.current();
        let (file, reader) = (receiver.file, receiver.reader);
        self.scheduler.exchanged(self.run, reader);
        self.notify(file, Events::IN | Events::PRI, Some(SigCode::PollIn));
    }

    /// Takes the first chunk out of a queue: its sender has room again.
    pub(super) fn unix_take_chunk(&mut self, sock: u32) -> Option<Chunk> {
        let s = &mut self.net.unix[sock as usize];
        let chunk = s.queue.pop_front()?;
        let wanting = std::mem::take(&mut s.wanting);
        self.unix_wake_writers(wanting);
        if let Some(sender) = self.net.unix_get_mut(chunk.from) {
            sender.charged -= chunk.charge;
            if sender.is_writable() {
                let (file, waited) = (sender.file, std::mem::take(&mut sender.no_space));
                self.notify(file, Events::OUT, waited.then_some(SigCode::PollOut));
            }
        }
        Some(chunk)
    }

    /// What is in a queue is lost.
    pub(super) fn unix_drop_queue(&mut self, sock: u32) {
        while let Some(chunk) = self.unix_take_chunk(sock) {
            self.net.passed.dropped.extend(chunk.files);
        }
    }

    /// `unix_stream_read_generic` and `__unix_dgram_recvmsg`.
    pub fn unix_recv(
        &mut self,
        sock: u32,
        buffer: &mut [u8],
        flags: RecvFlags,
        nonblocking: bool,
        progress: &mut RecvProgress,
    ) -> Step<(usize, UnixAddr)> {
        let s = &self.net.unix[sock as usize];
        if flags.contains(RecvFlags::OOB) {
            return Step::Done(Err(if s.datagrams { Errno::EOPNOTSUPP } else { Errno::EINVAL }));
        }
        if s.datagrams {
            return self.unix_recv_datagram(sock, buffer, flags, nonblocking, &mut progress.deadline);
        }
        if s.state != State::Established {
            return Step::Done(Err(Errno::EINVAL));
        }
        if progress.low == 0 {
            progress.low = s.options.low_at as usize;
        }
        let (low, peek) = (progress.low, flags.contains(RecvFlags::PEEK));
        if let Some(first) = s.queue.front() {
            let name = first.name.clone();
            let rest = &mut buffer[progress.got..];
            let n = self.unix_take_bytes(sock, rest, peek);
            self.run.payload(self.scheduler.current(), &rest[..n], false);
            if n > 0 && !peek {
                self.unix_received(sock);
            }
            progress.got += n;
            let all = flags.contains(RecvFlags::WAITALL);
            let has_files = !self.net.passed.received.is_empty();
            // That of the first bytes counts, whoever sent the rest (`unix_copy_addr`).
            let name = progress.name.take().map_or(name, |first| *first);
            if peek || has_files || n == rest.len() || !all && progress.got >= low {
                return Step::Done(Ok((progress.got, name)));
            }
            progress.name = Some(Box::new(name));
        }
        match self.unix_nothing(sock, nonblocking, &mut progress.deadline) {
            // What it has got counts for more; an error is lost with it.
            Step::Done(_) if progress.got > 0 => {
                Step::Done(Ok((progress.got, progress.name.take().map_or(UnixAddr::Unnamed, |name| *name))))
            }
            step => step,
        }
    }

    /// What a socket has sent is from its name, also where it is bound afterwards (`unix_copy_addr`).
    pub(super) fn unix_rename_sent(&mut self, id: Id, name: &UnixAddr) {
        let chunks = self.net.unix.iter_mut().flat_map(|(_, s)| s.queue.iter_mut());
        for chunk in chunks.filter(|chunk| chunk.from == id) {
            chunk.name = name.clone();
        }
    }

    /// There is nothing to receive: an error, the end, or a wait.
    fn unix_nothing(
        &mut self,
        sock: u32,
        nonblocking: bool,
        deadline: &mut Option<u64>,
    ) -> Step<(usize, UnixAddr)> {
        let s = &mut self.net.unix[sock as usize];
        if let Some(error) = s.error.take() {
            return Step::Done(Err(error));
        }
        let waits = !nonblocking && deadline.is_none_or(|at| self.run.now() < at);
        // A socket of datagrams that is shut says so only to who would wait.
        if s.shutdown & RCV != 0 && (waits || !s.datagrams) {
            return Step::Done(Ok((0, UnixAddr::Unnamed)));
        }
        if !waits {
            return Step::Done(Err(Errno::EAGAIN));
        }
        deadline.get_or_insert_with(|| s.options.deadline(Events::IN, self.run.now()));
        Step::Wait
    }

    /// As many bytes as there are, up to those that came with files: who asks for none gets the files of the first. With `MSG_PEEK` what
    /// has no room is passed by (`goto again` of `unix_stream_read_generic`), and the files that come next are received.
    fn unix_take_bytes(&mut self, sock: u32, buffer: &mut [u8], peek: bool) -> usize {
        let mut n = 0;
        let mut at = 0;
        let Network { unix, passed, .. } = &mut *self.net;
        let mut has_files = false;
        while !has_files
            && (peek || n < buffer.len() || buffer.is_empty() && at == 0)
            && let Some(chunk) = unix[sock as usize].queue.get_mut(at)
        {
            let take = chunk.left().min(buffer.len() - n);
            buffer[n..n + take].copy_from_slice(&chunk.bytes[chunk.read..chunk.read + take]);
            n += take;
            has_files = !chunk.files.is_empty();
            at += 1;
            if peek {
                passed.received.extend(&chunk.files);
            } else {
                passed.received.append(&mut chunk.files);
                chunk.read += take;
            }
        }
        if !peek {
            while self.net.unix[sock as usize].queue.front().is_some_and(|chunk| chunk.left() == 0) {
                self.unix_take_chunk(sock);
            }
        }
        n
    }

    fn unix_recv_datagram(
        &mut self,
        sock: u32,
        buffer: &mut [u8],
        flags: RecvFlags,
        nonblocking: bool,
        deadline: &mut Option<u64>,
    ) -> Step<(usize, UnixAddr)> {
        if self.net.unix[sock as usize].queue.is_empty() || self.net.unix[sock as usize].error.is_some() {
            return self.unix_nothing(sock, nonblocking, deadline);
        }
        let taken;
        let chunk = match flags.contains(RecvFlags::PEEK) {
            true => self.net.unix[sock as usize].queue.front(),
            false => {
                taken = self.unix_take_chunk(sock);
                taken.as_ref()
            }
        };
        let Some(chunk) = chunk else { return Step::Done(Err(Errno::EAGAIN)) };
        let files = chunk.files.clone();
        let n = chunk.bytes.len().min(buffer.len());
        buffer[..n].copy_from_slice(&chunk.bytes[..n]);
        let len = if flags.contains(RecvFlags::TRUNC) { chunk.bytes.len() } else { n };
        let name = chunk.name.clone();
        self.net.passed.received = files;
        self.run.payload(self.scheduler.current(), &buffer[..n], false);
        if !flags.contains(RecvFlags::PEEK) {
            self.unix_received(sock);
        }
        Step::Done(Ok((len, name)))
    }

    /// The running thread has received what another may have sent.
    fn unix_received(&mut self, sock: u32) {
        let s = &mut self.net.unix[sock as usize];
        s.reader = self.scheduler.current();
        let writer = s.writer;
        self.scheduler.exchanged(self.run, writer);
    }
}

/// As Linux 6.18 on x86-64 counts them (`ioctl(2)`, `SIOCOUTQ`).
#[test]
fn bytes_in_flight_count_as_the_kernel_counts_them() {
    for (len, charge) in [(1, 768), (192, 768), (300, 1280), (705, 2304), (3776, 4352), (3777, 4864)] {
        assert_eq!(stream_chunk(len, 212_992), (len, charge), "{len}");
    }
    for (len, charge) in [(5000, 6400), (7872, 8448), (8000, 8960), (10_000, 12_544), (30_000, 30_976)] {
        assert_eq!(stream_chunk(len, 212_992), (len, charge), "{len}");
    }
    assert_eq!(stream_chunk(65_536, 212_992), (36_544, 37_120));
    for (len, charge) in [(1, 768), (3777, 8448), (16_000, 16_640), (20_000, 20_736), (100_000, 102_656)] {
        assert_eq!(datagram_charge(len), charge, "{len}");
    }
}
