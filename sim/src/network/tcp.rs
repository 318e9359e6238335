//! A TCP socket's side of a connection: receiving, sending, polling (net/ipv4/tcp.c). An attempt never waits: that it
//! would is its answer, and the caller lists the thread.

use super::connection::Flow;
use super::socket::{RCV, SEND, SHUT, Tcp};
use super::{Net, Network};
use crate::scheduler::{Event, Step};
use eagain_net::{Errno, Events, RecvFlags, Result};

/// How far a send that waits has got.
#[derive(Default)]
pub(crate) struct SendProgress {
    pub sent: usize,
    pub deadline: Option<u64>,
}

impl Net<'_> {
    /// `tcp_recvmsg`. `deadline`: until when it waits, where the socket has a timeout; set when it first waits.
    #[inline]
    pub fn recv(
        &mut self,
        sock: u32,
        buffer: &mut [u8],
        flags: RecvFlags,
        nonblocking: bool,
        deadline: &mut Option<u64>,
    ) -> Step<usize> {
        let s = &mut self.net.socks[sock as usize];
        if s.tcp == Tcp::Listen {
            return Step::Done(Err(Errno::ENOTCONN));
        }
        if flags.contains(RecvFlags::OOB) {
            return Step::Done(self.recv_urgent(sock, buffer, flags));
        }
        if let Some((conn, side)) = s.conn {
            let incoming = 1 - side as usize;
            let f = &mut self.net.conns[conn as usize].flows[incoming];
            let (mut available, mut peeked_over) = (f.readable() as usize, 0);
            if buffer.is_empty() && available > 0 {
                self.acknowledge_what_was_read(conn, incoming, false, false);
                return Step::Done(Ok(0));
            }
            if f.urgent.is_some() {
                let (to_mark, skipped) = f.readable_to_mark();
                available = to_mark as usize;
                if skipped > 0 && flags.contains(RecvFlags::PEEK) {
                    peeked_over = skipped as usize;
                } else if skipped > 0 && !buffer.is_empty() {
                    f.skip_mark();
                }
            }
            let over = s.done || s.error.is_some() || s.shutdown & RCV != 0 || s.tcp == Tcp::Close;
            let enough =
                !flags.contains(RecvFlags::WAITALL) || available >= buffer.len() || over || nonblocking;
            // SO_RCVLOWAT makes a blocking read wait, and nothing else.
            let low = (s.options.low_at as usize).min(buffer.len());
            let enough = enough && (available >= low || over || nonblocking);
            if available > 0 && enough {
                return Step::Done(Ok(self.take_received(
                    conn,
                    incoming,
                    buffer,
                    available,
                    peeked_over,
                    flags,
                )));
            }
        }
        if s.done {
            if let Some((conn, side)) = s.conn {
                self.acknowledge_what_was_read(conn, 1 - side as usize, false, true);
            }
            self.scheduler.progress(self.run);
            return Step::Done(Ok(0));
        }
        if let Some(error) = s.error.take() {
            self.scheduler.progress(self.run);
            return Step::Done(Err(error));
        }
        if s.shutdown & RCV != 0 {
            return Step::Done(Ok(0));
        }
        if s.tcp == Tcp::Close {
            return Step::Done(Err(Errno::ENOTCONN));
        }
        if nonblocking || deadline.is_some_and(|at| self.run.now() >= at) {
            if let Some((conn, side)) = s.conn {
                let cause = self.net.conns[conn as usize].flows[1 - side as usize].cause();
                self.run.blame(cause);
            }
            return Step::Done(Err(Errno::EAGAIN));
        }
        if deadline.is_none()
            && let Some(timeout) = s.options.recv_timeout
        {
            *deadline = Some(self.run.now().saturating_add(timeout));
        }
        Step::Wait
    }

    #[inline]
    fn take_received(
        &mut self,
        conn: u32,
        incoming: usize,
        buffer: &mut [u8],
        available: usize,
        peeked_over: usize,
        flags: RecvFlags,
    ) -> usize {
        let Net { net: Network { conns, .. }, run, scheduler, .. } = self;
        let f = &mut conns[conn as usize].flows[incoming];
        let mut n = available.min(buffer.len());
        if flags.contains(RecvFlags::TRUNC) {
            f.bytes.skip(n);
        } else {
            n = if peeked_over == 0 {
                f.bytes.peek(buffer, n)
            } else {
                buffer[..n].copy_from_slice(&f.bytes.bytes()[peeked_over..peeked_over + n]);
                n
            };
            run.payload(scheduler.current(), &buffer[..n], false);
            if !flags.contains(RecvFlags::PEEK) {
                f.bytes.skip(n);
            }
        }
        if n < buffer.len() {
            run.blame(f.cause());
        }
        if !flags.contains(RecvFlags::PEEK) {
            f.read += n as u64;
            self.scheduler.progress(self.run);
            self.open_window(conn, incoming);
        }
        let beyond = n < buffer.len() && !flags.contains(RecvFlags::PEEK);
        self.acknowledge_what_was_read(conn, incoming, n > 0, beyond);
        n
    }

    /// The receiver has read: a sender that found the window closed may send again, once half of it is open.
    #[inline]
    fn open_window(&mut self, conn: u32, side: usize) {
        let c = &mut self.net.conns[conn as usize];
        let f = &mut c.flows[side];
        if f.window_closed
            && f.recv_buffer - (f.sent - f.read).min(f.recv_buffer) >= (f.recv_buffer / 2).max(1)
        {
            f.window_closed = false;
            if !f.resuming {
                f.resuming = true;
                let (at, generation) = (self.run.now() + c.latency, c.generation);
                self.scheduler.plan(at, Event::Transmit(conn, generation, side as u8));
            }
        }
    }

    /// `tcp_sendmsg_locked`. `EPIPE` is for the caller to send `SIGPIPE` with.
    #[inline]
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
                return Step::Wait;
            }
            return Step::Done(self.send_error(sock, progress.sent));
        }
        if s.error.is_some() || s.shutdown & SEND != 0 {
            return Step::Done(self.send_error(sock, progress.sent));
        }
        let Some((conn, side)) = s.conn else { return Step::Done(Err(Errno::EPIPE)) };
        let side = side as usize;
        self.take_acks(conn, side);
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
        self.await_space(conn, side);
        if nonblocking || expired {
            self.run.blame(cause);
            return Step::Done(if progress.sent > 0 { Ok(progress.sent) } else { Err(Errno::EAGAIN) });
        }
        if progress.deadline.is_none()
            && let Some(timeout) = self.net.socks[sock as usize].options.send_timeout
        {
            progress.deadline = Some(self.run.now().saturating_add(timeout));
        }
        Step::Wait
    }

    /// Copies what fits of `buffers`, from `from` on, into the send buffer.
    #[inline]
    fn push_bytes(&mut self, conn: u32, side: usize, buffers: &[&[u8]], from: usize) -> usize {
        let Net { net: Network { conns, .. }, run, scheduler, .. } = self;
        let f = &mut conns[conn as usize].flows[side];
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

    /// Whether as much has arrived as the low-water mark asks for.
    pub(super) fn is_enough(&self, sock: u32) -> bool {
        let s = &self.net.socks[sock as usize];
        s.conn.is_some_and(|(conn, side)| {
            self.net.conns[conn as usize].flows[1 - side as usize].readable() >= u64::from(s.options.low_at)
        })
    }

    /// `tcp_poll`.
    #[inline]
    pub fn poll(&mut self, sock: u32) -> Events {
        let s = &mut self.net.socks[sock as usize];
        if let Some(listen) = s.listen.as_ref().filter(|_| s.tcp == Tcp::Listen) {
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
                    let side = side as usize;
                    let low = u64::from(s.options.low_at);
                    let sending = s.shutdown & SEND == 0;
                    let flows = &mut self.net.conns[conn as usize].flows;
                    if flows[1 - side].enough(low) {
                        mask |= Events::IN;
                    }
                    if flows[1 - side].has_urgent() {
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

impl Network {
    #[inline]
    fn incoming(&self, sock: u32) -> Option<&Flow> {
        let (conn, side) = self.socks.get(sock as usize)?.conn?;
        Some(&self.conns[conn as usize].flows[1 - side as usize])
    }

    /// How many bytes can be received, and whether the urgent one is the first of them.
    pub fn readable(&self, sock: u32) -> Option<(u64, bool)> {
        let f = self.incoming(sock)?;
        Some((f.readable(), f.urgent.is_some() && f.readable_to_mark().1 > 0))
    }

    /// Whether there is anything to receive. Looks only: polling a socket would change what it reports later.
    #[inline]
    pub fn has_data(&self, sock: u32) -> bool {
        self.incoming(sock).is_some_and(|f| f.readable() > 0)
    }

    /// Whether the peer has ended its side.
    pub fn has_ended(&self, sock: u32) -> bool {
        self.socks.get(sock as usize).is_some_and(|s| s.done)
    }

    /// Whether an error is pending.
    pub fn has_error(&self, sock: u32) -> bool {
        self.socks[sock as usize].error.is_some()
    }

    /// `SO_RCVTIMEO` or `SO_SNDTIMEO`, in nanoseconds.
    #[inline]
    pub fn timeout(&self, sock: u32, events: Events) -> Option<u64> {
        let options = &self.socks.get(sock as usize)?.options;
        if events == Events::OUT { options.send_timeout } else { options.recv_timeout }
    }

    /// Bytes that a socket's buffers hold.
    #[inline]
    pub fn buffered(&self, sock: u32) -> u64 {
        let Some((conn, side)) = self.socks[sock as usize].conn else { return 0 };
        let flows = &self.conns[conn as usize].flows;
        flows[side as usize].queued() + flows[1 - side as usize].readable()
    }
}
