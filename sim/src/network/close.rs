//! The end of connections: `tcp_close`, `tcp_shutdown`, resets sent and injected, and the release of what nobody refers to.

use super::Net;
use super::connection::{Segment, SegmentKind};
use super::ports::TIME_WAIT_NS;
use super::socket::{SEND, SHUT, SocketState, Tcp};
use crate::NONE;
use crate::fault::Family;
use crate::scheduler::Event;
use eagain_net::{Errno, Events, SigCode, SocketAddr};

impl Net<'_> {
    /// The last descriptor of a socket is gone (`tcp_close`). Unread data, or a linger time of 0: a reset, and what is
    /// still to be sent is lost. Otherwise a FIN behind the queued data.
    pub fn close_sock(&mut self, sock: u32) {
        let s = &mut self.net.socks[sock as usize];
        s.file = NONE;
        match s.tcp {
            Tcp::Listen => {
                self.stop_listening(sock);
                self.remove_sock(sock);
            }
            Tcp::Close | Tcp::SynSent | Tcp::SynRecv => self.remove_sock(sock),
            _ => {
                let Some((conn, side)) = s.conn else { return self.remove_sock(sock) };
                let (side, incoming) = (side as usize, usize::from(s.incoming));
                s.orphan = true;
                s.shutdown = SHUT;
                let abort = s.options.linger == Some(0);
                if abort || self.net.conns[conn as usize].flows[incoming].readable() > 0 {
                    self.set_closed(sock);
                    self.send_rst(conn, side);
                    self.remove_sock(sock);
                } else if self.net.socks[sock as usize].tcp == Tcp::Established
                    || self.net.socks[sock as usize].tcp == Tcp::CloseWait
                {
                    self.send_fin(sock, conn, side);
                }
            }
        }
    }

    /// The writing side ends: a FIN behind what is queued.
    pub(super) fn send_fin(&mut self, sock: u32, conn: u32, side: usize) {
        let s = &mut self.net.socks[sock as usize];
        s.tcp = match s.tcp {
            Tcp::Established => Tcp::FinWait1,
            Tcp::CloseWait => Tcp::LastAck,
            other => other,
        };
        self.net.conns[conn as usize].flows[side].fin_written = true;
        self.transmit(conn, side);
    }

    /// A reset leaves from `side`; what that side had still to send is lost.
    pub(super) fn send_rst(&mut self, conn: u32, side: usize) {
        let now = self.run.now();
        if self.net.conns[conn as usize].flows[side].dead {
            return;
        }
        self.drop_unsent(conn, side);
        let c = &mut self.net.conns[conn as usize];
        let generation = c.generation;
        c.flows[1 - side].dead = true;
        let f = &mut c.flows[side];
        // One that is lost is not sent again; it is what the peer gets when it does so itself.
        let at = f.last_at.max(now.max(f.lost_until) + c.latency);
        f.last_at = at;
        f.wire.push_back(Segment { at, end: f.sent, kind: SegmentKind::Rst, cause: 0 });
        if !f.arriving {
            f.arriving = true;
            self.scheduler.plan(at, Event::Arrive(conn, generation, side as u8));
        }
    }

    /// Nothing that has not left yet will leave.
    pub(super) fn drop_unsent(&mut self, conn: u32, side: usize) {
        let f = &mut self.net.conns[conn as usize].flows[side];
        f.bytes.truncate((f.sent - f.read) as usize);
        f.written = f.sent;
        f.dead = true;
    }

    /// A fault: something between the hosts resets the connection, on both sides.
    pub(super) fn reset_by_the_network(&mut self, conn: u32, side: usize) {
        self.connection_fault(conn, side, Family::Reset, 0, 0);
        for side in [side, 1 - side] {
            if self.net.conns.get(conn as usize).is_some() {
                self.net.conns[conn as usize].flows[side].dead = false;
                self.send_rst(conn, side);
            }
        }
    }

    /// `shutdown` or close of a listener: who waits there is reset, who is calling will be refused.
    pub(super) fn stop_listening(&mut self, sock: u32) {
        self.set_closed(sock);
        let Some(listen) = self.net.socks[sock as usize].listen.take() else { return };
        for child in listen.queue {
            self.abort(child);
        }
        let half_open: Vec<u32> = self
            .net
            .socks
            .iter()
            .filter(|(_, s)| s.parent == sock && s.tcp == Tcp::SynRecv)
            .map(|(index, _)| index as u32)
            .collect();
        for child in half_open {
            self.remove_sock(child);
        }
    }

    /// Ends a connection with a reset and releases the socket.
    fn abort(&mut self, sock: u32) {
        let s = &mut self.net.socks[sock as usize];
        let over = s.tcp == Tcp::Close;
        if let (Some((conn, side)), false) = (s.conn, over) {
            self.send_rst(conn, side as usize);
        }
        self.remove_sock(sock);
    }

    /// `tcp_disconnect`: the socket is as good as new, but for a pending error. What that causes in no time comes before
    /// the second half, [`Net::forget_connection`].
    pub fn disconnect(&mut self, sock: u32) {
        let s = &mut self.net.socks[sock as usize];
        s.disconnects = s.disconnects.wrapping_add(1);
        match s.tcp {
            Tcp::Listen => self.stop_listening(sock),
            Tcp::Close => {}
            // What was to be sent, the end of it too, has left.
            Tcp::Closing | Tcp::LastAck
                if s.conn.is_some_and(|(conn, side)| {
                    let f = &self.net.conns[conn as usize].flows[side as usize];
                    f.sent == f.written && f.fin_sent
                }) => {}
            _ => s.error = Some(Errno::ECONNRESET),
        }
        let s = &mut self.net.socks[sock as usize];
        let over = matches!(s.tcp, Tcp::Close | Tcp::SynSent | Tcp::Listen);
        if let Some((conn, side)) = s.conn.take() {
            if !over {
                self.send_rst(conn, side as usize);
            }
            self.detach(conn, sock);
        }
        if self.net.socks[sock as usize].tcp != Tcp::Close {
            self.set_closed(sock);
        }
    }

    /// The second half of `tcp_disconnect`: nothing is left of the connection.
    pub fn forget_connection(&mut self, sock: u32) {
        let s = &mut self.net.socks[sock as usize];
        if let (false, Some(local)) = (s.port.address_locked, &mut s.local) {
            *local = SocketAddr::new(super::inet::unspecified(s.domain).ip(), local.port());
        }
        s.state = SocketState::Unconnected;
        s.shutdown = 0;
        s.done = false;
        s.no_space = false;
        s.remote = None;
        // `sk_error_report`, at the end of `tcp_disconnect`.
        let file = s.file;
        self.notify(file, Events::ERR, Some(SigCode::PollErr));
    }

    /// `tcp_set_state(TCP_CLOSE)`: a port that the program did not ask for by number is given back.
    pub(super) fn set_closed(&mut self, sock: u32) {
        let s = &mut self.net.socks[sock as usize];
        s.tcp = Tcp::Close;
        if !s.port.port_locked {
            self.unbind(sock);
        }
    }

    /// The port stays taken for a minute on the side that ended first (RFC 9293 3.6.1).
    pub(super) fn enter_time_wait(&mut self, sock: u32) {
        let s = &self.net.socks[sock as usize];
        if let Some(local) = s.local {
            let (until, reuse, host) = (self.run.now() + TIME_WAIT_NS, s.options.reuse_addr, s.host);
            let now = self.run.now();
            let waits = &mut self.net.hosts[host as usize].time_wait;
            waits.retain(|&(_, until, _)| until > now);
            waits.push((local, until, reuse));
        }
    }

    /// Releases a socket.
    pub(super) fn remove_sock(&mut self, sock: u32) {
        self.unbind(sock);
        if let Some(s) = self.net.socks.try_remove(sock as usize)
            && let Some((conn, _)) = s.conn
        {
            self.detach(conn, sock);
        }
    }

    fn detach(&mut self, conn: u32, sock: u32) {
        let Some(c) = self.net.conns.get_mut(conn as usize) else { return };
        c.socks.iter_mut().filter(|end| **end == sock).for_each(|end| *end = NONE);
        if c.socks == [NONE, NONE] {
            self.net.conns.remove(conn as usize);
        }
    }

    /// `inet_shutdown`: the bits are set already. The FIN is sent; whether that takes no time.
    pub(super) fn shutdown_peer(&mut self, sock: u32, how: u8) -> bool {
        let s = &self.net.socks[sock as usize];
        if how & SEND == 0 || !matches!(s.tcp, Tcp::Established | Tcp::CloseWait | Tcp::SynRecv) {
            return false;
        }
        let Some((conn, side)) = s.conn else { return false };
        self.send_fin(sock, conn, side as usize);
        self.net.conns.get(conn as usize).is_some_and(|c| c.latency == 0)
    }
}
