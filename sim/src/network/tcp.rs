//! A TCP socket's side of a connection: receiving, sending, polling (net/ipv4/tcp.c). An attempt never waits: that it
//! would is its answer, and the caller lists the thread.

use super::socket::{RCV, SEND, SHUT, Tcp};
use super::{Net, Network};
use crate::scheduler::{Event, Step};
use eagain_net::{Errno, Events, RecvFlags, Result, UnixAddr};

/// How far a receive that waits has got.
#[derive(Default)]
pub(crate) struct RecvProgress {
    pub got: usize,
    /// Until when it waits, where the socket has a timeout; set when it first waits.
    pub deadline: Option<u64>,
    /// Where in the stream a look at it goes on (`MSG_PEEK`).
    peeked_to: u64,
    /// How often the socket had been disconnected when it began to wait.
    disconnects: Option<u32>,
    /// The low-water mark, as it was when the call was made; 0: it has not waited yet.
    pub(super) low: usize,
    /// The caller waits itself, and makes the call again.
    pub goes_on: bool,
    /// It asks for nothing, and has waited: whatever wakes it ends it (`tcp_recvmsg_locked`: `while (len > 0)`).
    nothing: bool,
    /// Whose bytes a Unix stream has got first.
    pub name: Option<Box<UnixAddr>>,
}

impl RecvProgress {
    /// What it has got, or else this error.
    pub fn or(&self, errno: Errno) -> Result<usize> {
        if self.got > 0 { Ok(self.got) } else { Err(errno) }
    }

    /// What a receive that a signal ends returns, where it has got anything.
    pub fn so_far(&self) -> Option<Result<usize>> {
        (self.got > 0).then_some(Ok(self.got))
    }

    /// The same of one that has slept: who asks for nothing has it.
    pub fn so_far_asleep(&self) -> Option<Result<usize>> {
        (self.got > 0 || self.nothing).then_some(Ok(self.got))
    }

    /// What wakes it: one of nothing is woken by whatever wakes the socket's queue (`woken_wake_function`).
    pub fn wakes(&self) -> Events {
        if self.nothing { Events::IN | Events::OUT } else { Events::IN }
    }

    /// How many of the bytes that can be read, from `read` on, it has looked at: none any more, where another call has
    /// taken of them meanwhile (`tcp_recvmsg_locked`: "race in MSG_PEEK").
    #[cold]
    fn peeked(&mut self, read: u64) -> usize {
        if self.peeked_to.wrapping_sub(self.got as u64) != read {
            self.peeked_to = read;
        }
        (self.peeked_to - read) as usize
    }
}

/// How far a send that waits has got.
#[derive(Default)]
pub(crate) struct SendProgress {
    pub sent: usize,
    pub deadline: Option<u64>,
    /// The caller waits itself, and goes on with what is left.
    pub goes_on: bool,
}

impl SendProgress {
    /// What a send that a signal ends returns, whatever `SA_RESTART` says, where it has sent anything.
    pub fn so_far(&self) -> Option<Result<usize>> {
        (self.sent > 0).then_some(Ok(self.sent))
    }
}

impl Net<'_> {
    /// The common receive: bytes are there, and as many as it waits for. How many it has taken.
    #[inline(always)]
    pub fn recv_at_once(&mut self, sock: u32, buffer: &mut [u8], progress: &RecvProgress) -> Option<usize> {
        let s = &self.net.socks[sock as usize];
        let (conn, incoming) = s.receives()?;
        let low = if progress.low == 0 { s.options.low_at as usize } else { progress.low };
        let is_same = progress.disconnects.is_none_or(|before| before == s.disconnects);
        let f = &self.net.conns[conn as usize].flows[incoming];
        let n = buffer.len().min(f.readable() as usize);
        if n == 0 || n < buffer.len().min(low) || f.urgent.is_some() || progress.got > 0 || !is_same {
            return None;
        }
        self.take(conn, incoming, buffer, n);
        Some(n)
    }

    /// `tcp_recvmsg_locked`: takes what is there, and waits where that is not enough: `SO_RCVLOWAT`, or all with
    /// `MSG_WAITALL`. What it has got counts for more than the error, the end or the time that stops it.
    pub fn recv(
        &mut self,
        sock: u32,
        buffer: &mut [u8],
        flags: RecvFlags,
        nonblocking: bool,
        progress: &mut RecvProgress,
    ) -> Step<usize> {
        // `ip_recv_error`: nothing fills the queue.
        if flags.contains(RecvFlags::ERRQUEUE) {
            return Step::Done(Err(Errno::EAGAIN));
        }
        let s = &mut self.net.socks[sock as usize];
        if s.tcp == Tcp::Listen {
            return Step::Done(Err(Errno::ENOTCONN));
        }
        if flags.contains(RecvFlags::OOB) {
            return Step::Done(self.recv_urgent(sock, buffer, flags));
        }
        if progress.nothing {
            return Step::Done(Ok(0));
        }
        if progress.disconnects.is_some_and(|before| before != s.disconnects) {
            // `sk_wait_event`: what it waited on is no more.
            let errno = s.error.take().unwrap_or(Errno::EPIPE);
            return Step::Done(progress.or(errno));
        }
        if let Some((conn, incoming)) = s.receives() {
            let f = &mut self.net.conns[conn as usize].flows[incoming];
            let (mut available, mut beyond) = (f.readable() as usize, 0);
            if buffer.is_empty() && available > 0 {
                self.acknowledge_what_was_read(conn, incoming, false, false);
                return Step::Done(Ok(0));
            }
            let peek = flags.contains(RecvFlags::PEEK);
            if peek && progress.got > 0 {
                beyond = progress.peeked(f.read);
                available -= beyond.min(available);
            }
            if f.urgent.is_some() {
                let (to_mark, skipped) = f.readable_to_mark(beyond as u64);
                if skipped && progress.got > 0 {
                    return Step::Done(Ok(progress.got));
                }
                available = to_mark as usize;
                if skipped && peek {
                    beyond += 1;
                } else if skipped && !buffer.is_empty() {
                    f.skip_mark();
                }
            }
            let low = match progress.low {
                0 => s.options.low_at as usize,
                low => low,
            };
            if available > 0 {
                let rest = &mut buffer[progress.got..];
                let (asked, all) = (rest.len(), flags.contains(RecvFlags::WAITALL));
                let n = self.take_received(conn, incoming, rest, available, beyond, flags);
                progress.got += n;
                if n == asked || !all && progress.got >= low {
                    return Step::Done(Ok(progress.got));
                }
                progress.peeked_to = self.net.conns[conn as usize].flows[incoming].read + (beyond + n) as u64;
                if self.is_mark(conn, incoming, if peek { beyond + n } else { 0 }) {
                    return Step::Done(Ok(progress.got));
                }
            }
        }
        let expired = progress.deadline.is_some_and(|at| self.run.now() >= at);
        let s = &mut self.net.socks[sock as usize];
        if progress.got > 0 {
            let over = s.error.is_some() || s.shutdown & RCV != 0 || s.tcp == Tcp::Close;
            if over || nonblocking || expired {
                return Step::Done(Ok(progress.got));
            }
            return self.wait_to_recv(sock, progress);
        }
        if s.done {
            if let Some((conn, incoming)) = s.receives() {
                self.acknowledge_what_was_read(conn, incoming, false, true);
            }
            return Step::Done(Ok(0));
        }
        if let Some(error) = s.error.take() {
            return Step::Done(Err(error));
        }
        if s.shutdown & RCV != 0 {
            return Step::Done(Ok(0));
        }
        if s.tcp == Tcp::Close {
            return Step::Done(Err(Errno::ENOTCONN));
        }
        if nonblocking || expired {
            if let Some((conn, incoming)) = s.receives() {
                let cause = self.net.conns[conn as usize].flows[incoming].cause();
                self.run.blame(cause);
            }
            return Step::Done(Err(Errno::EAGAIN));
        }
        progress.nothing = buffer.is_empty();
        self.wait_to_recv(sock, progress)
    }

    fn wait_to_recv(&mut self, sock: u32, progress: &mut RecvProgress) -> Step<usize> {
        let s = &self.net.socks[sock as usize];
        progress.disconnects = Some(s.disconnects);
        if progress.low == 0 {
            progress.low = s.options.low_at as usize;
        }
        progress.deadline.get_or_insert_with(|| s.options.deadline(Events::IN, self.run.now()));
        Step::Wait
    }

    /// Copies, and takes out where it does not only look; how many bytes.
    fn take_received(
        &mut self,
        conn: u32,
        incoming: usize,
        buffer: &mut [u8],
        available: usize,
        beyond: usize,
        flags: RecvFlags,
    ) -> usize {
        let n = available.min(buffer.len());
        let peek = flags.contains(RecvFlags::PEEK);
        if !peek && !flags.contains(RecvFlags::TRUNC) {
            self.take(conn, incoming, buffer, n);
            return n;
        }
        let Net { net: Network { conns, .. }, run, scheduler, .. } = self;
        let f = &mut conns[conn as usize].flows[incoming];
        if !flags.contains(RecvFlags::TRUNC) {
            f.bytes.peek(beyond, &mut buffer[..n]);
            run.payload(scheduler.current(), &buffer[..n], false);
        }
        if n < buffer.len() {
            run.blame(f.cause());
        }
        if peek {
            self.acknowledge_what_was_read(conn, incoming, n > 0, false);
        } else {
            self.drop_received(conn, incoming, n, n < buffer.len());
        }
        n
    }

    /// Copies the first `n` bytes that can be read, and takes them out.
    #[inline(always)]
    fn take(&mut self, conn: u32, incoming: usize, buffer: &mut [u8], n: usize) {
        let Net { net: Network { conns, .. }, run, scheduler, .. } = self;
        let f = &mut conns[conn as usize].flows[incoming];
        f.bytes.peek(0, &mut buffer[..n]);
        run.payload(scheduler.current(), &buffer[..n], false);
        if n < buffer.len() {
            run.blame(f.cause());
        }
        self.drop_received(conn, incoming, n, n < buffer.len());
    }

    /// Takes the first `n` bytes out; `beyond`: the program has looked behind the last.
    #[inline(always)]
    fn drop_received(&mut self, conn: u32, incoming: usize, n: usize, beyond: bool) {
        let Net { net: Network { conns, socks, .. }, run, scheduler, .. } = self;
        let c = &mut conns[conn as usize];
        let f = &mut c.flows[incoming];
        f.bytes.skip(n);
        f.read += n as u64;
        scheduler.progress(run);
        if f.opens_window() {
            // An acknowledgement takes the new window to the sender; one that is shut for reading sends none
            // (`__tcp_cleanup_rbuf`), and the sender learns it when it probes.
            let receiver = socks.get(c.socks[1 - incoming] as usize);
            let is_announced = receiver.is_none_or(|s| s.shutdown & RCV == 0);
            let wait = if is_announced { 0 } else { f.until_probe(run.now()) };
            let (at, generation) = (run.now() + wait + c.latency, c.generation);
            (f.window_closed, f.unannounced_until) = if is_announced { (false, 0) } else { (true, at) };
            scheduler.plan(at, Event::Transmit(conn, generation, incoming as u8));
        }
        if f.acknowledging.looked(f.read, n > 0, beyond) && f.fin_ack_waits() {
            self.fin_acked(conn, incoming);
        }
    }

    /// The common send: the connection stands, and all of it fits. `false`: nothing was sent.
    #[inline(always)]
    pub fn send_at_once(&mut self, sock: u32, bytes: &[u8]) -> bool {
        let Net { net: Network { socks, conns, buffered, .. }, run, scheduler, .. } = self;
        let s = &socks[sock as usize];
        let stands = matches!(s.tcp, Tcp::Established | Tcp::CloseWait) && s.shutdown & SEND == 0;
        let (true, None, Some((conn, side))) = (stands, s.error, s.conn) else { return false };
        let side = side as usize;
        let f = &mut conns[conn as usize].flows[side];
        f.take_acks(run.now());
        if bytes.is_empty() || f.free() < bytes.len() as u64 {
            return false;
        }
        f.bytes.push(bytes);
        f.written += bytes.len() as u64;
        *buffered += bytes.len() as u64;
        run.payload(scheduler.current(), bytes, true);
        self.transmit(conn, side);
        self.scheduler.progress(self.run);
        true
    }

    /// `tcp_sendmsg_locked`. `EPIPE` is for the caller to send `SIGPIPE` with.
    pub fn send(
        &mut self,
        sock: u32,
        buffers: &[&[u8]],
        nonblocking: bool,
        urgent: bool,
        progress: &mut SendProgress,
    ) -> Step<usize> {
        let expired = progress.deadline.is_some_and(|at| self.run.now() >= at);
        let s = &mut self.net.socks[sock as usize];
        if !matches!(s.tcp, Tcp::Established | Tcp::CloseWait) {
            let connecting = matches!(s.tcp, Tcp::SynSent | Tcp::SynRecv);
            if s.error.is_none() && connecting {
                if nonblocking || expired {
                    return Step::Done(Err(Errno::EAGAIN));
                }
                return self.wait_to_send(sock, progress);
            }
            return Step::Done(self.send_error(sock, progress.sent));
        }
        if s.error.is_some() || s.shutdown & SEND != 0 {
            return Step::Done(self.send_error(sock, progress.sent));
        }
        let Some((conn, side)) = s.conn else { return Step::Done(Err(Errno::EPIPE)) };
        let side = side as usize;
        let total: usize = buffers.iter().map(|b| b.len()).sum();
        let pushed = self.push_bytes(conn, side, buffers, progress.sent);
        progress.sent += pushed;
        if pushed > 0 && urgent {
            self.net.conns[conn as usize].flows[side].mark_urgent();
        }
        if pushed > 0 {
            self.transmit(conn, side);
            self.scheduler.progress(self.run);
        }
        if progress.sent == total {
            return Step::Done(Ok(total));
        }
        // The buffer is full.
        let f = &self.net.conns[conn as usize].flows[side];
        let cause = [f.small_buffer_cause, f.held_cause, f.bandwidth_cause].into_iter().max().unwrap_or(0);
        self.net.socks[sock as usize].no_space = true;
        self.push_corked(conn, side);
        self.await_space(conn, side);
        if nonblocking || expired {
            self.run.blame(cause);
            return Step::Done(if progress.sent > 0 { Ok(progress.sent) } else { Err(Errno::EAGAIN) });
        }
        self.wait_to_send(sock, progress)
    }

    fn wait_to_send(&mut self, sock: u32, progress: &mut SendProgress) -> Step<usize> {
        let options = &self.net.socks[sock as usize].options;
        progress.deadline.get_or_insert_with(|| options.deadline(Events::OUT, self.run.now()));
        Step::Wait
    }

    /// Copies what fits of `buffers`, from `from` on, into the send buffer, of which acknowledgements have freed some.
    fn push_bytes(&mut self, conn: u32, side: usize, buffers: &[&[u8]], from: usize) -> usize {
        let Net { net: Network { conns, buffered, .. }, run, scheduler, .. } = self;
        let f = &mut conns[conn as usize].flows[side];
        f.take_acks(run.now());
        let mut room = f.free() as usize;
        let mut skip = from;
        let mut pushed = 0;
        for bytes in buffers {
            if skip >= bytes.len() && !bytes.is_empty() {
                skip -= bytes.len();
                continue;
            }
            let rest = &bytes[skip..];
            skip = 0;
            let n = rest.len().min(room);
            f.bytes.push(&rest[..n]);
            run.payload(scheduler.current(), &rest[..n], true);
            room -= n;
            pushed += n;
            if n < rest.len() {
                break;
            }
        }
        f.written += pushed as u64;
        *buffered += pushed as u64;
        pushed
    }

    /// `sk_stream_error`: what was sent; else the pending error, once; else `EPIPE`.
    #[cold]
    fn send_error(&mut self, sock: u32, sent: usize) -> Result<usize> {
        if sent > 0 {
            return Ok(sent);
        }
        Err(self.net.socks[sock as usize].error.take().unwrap_or(Errno::EPIPE))
    }

    /// Whether as much has arrived as the low-water mark asks for, or as fits.
    pub(super) fn is_enough(&self, sock: u32) -> bool {
        let s = &self.net.socks[sock as usize];
        let low = u64::from(s.options.low_at);
        s.receives()
            .is_some_and(|(conn, incoming)| self.net.conns[conn as usize].flows[incoming].is_enough(low))
    }

    /// `tcp_poll`.
    #[inline(always)]
    pub fn poll(&mut self, sock: u32) -> Events {
        let s = &mut self.net.socks[sock as usize];
        if s.tcp == Tcp::Listen
            && let Some(listen) = &s.listen
        {
            return if listen.queue.is_empty() { Events::NONE } else { Events::IN };
        }
        let mut mask = Events::NONE;
        if s.shutdown == SHUT || s.tcp == Tcp::Close {
            mask |= Events::HUP;
        }
        if s.shutdown & RCV != 0 {
            mask |= Events::IN | Events::RDHUP;
        }
        if !matches!(s.tcp, Tcp::SynSent | Tcp::SynRecv) {
            match s.conn {
                Some((conn, side)) => {
                    let (side, incoming) = (side as usize, usize::from(s.incoming));
                    let low = u64::from(s.options.low_at);
                    let sending = s.shutdown & SEND == 0;
                    let flows = &mut self.net.conns[conn as usize].flows;
                    if flows[incoming].poll_readable(low) {
                        mask |= Events::IN;
                    }
                    if flows[incoming].has_urgent() {
                        mask |= Events::PRI;
                    }
                    flows[side].take_acks(self.run.now());
                    if !sending || flows[side].writable() {
                        mask |= Events::OUT;
                    } else {
                        s.no_space = true;
                        if s.error.is_some() {
                            mask |= Events::ERR;
                        }
                        self.await_space(conn, side);
                        return mask;
                    }
                }
                None => mask |= Events::OUT,
            }
        }
        if s.error.is_some() {
            mask |= Events::ERR;
        }
        mask
    }
}
