//! Receiving: what the head of the wire does when it arrives (tcp_input.c: `tcp_data_queue`, `tcp_fin`, `tcp_reset`).

use super::connection::{Segment, SegmentKind};
use super::partition::HELD;
use super::socket::{RCV, SHUT, Sock, Tcp};
use super::{ALL, Net, Network};
use crate::NONE;
use crate::scheduler::Event;
use crate::trace::Kind;
use eagain_net::{Errno, Events, SigCode};
use slab::Slab;

/// `TCP_DELACK_MIN`.
const DELAYED_ACK_NS: u64 = 40_000_000;

impl Net<'_> {
    /// The next of this direction that is due arrives; whether another may. The acknowledgement of a FIN that waited goes along
    /// with it, and is reported before.
    #[inline(always)]
    pub fn next_arrives(&mut self, conn: u32, generation: u32, side: usize) -> bool {
        let (now, broken) = (self.run.now(), self.network_is_broken());
        let Some(c) = self.conn(conn, generation) else { return false };
        let (lost, fin_ack_waits) = (c.lost[1 - side], c.flows[1 - side].fin_ack_waits());
        let f = &mut c.flows[side];
        f.arriving = false;
        let Some(&Segment { at, kind, end, .. }) = f.wire.front() else { return false };
        if at > now {
            f.arriving = true;
            self.scheduler.plan(at, Event::Arrive(conn, generation, side as u8));
            return false;
        }
        if (broken || lost) && self.is_held_up(conn, generation, side) {
            return false;
        }
        if fin_ack_waits && matches!(kind, SegmentKind::Data | SegmentKind::Fin) {
            self.fin_acked(conn, 1 - side);
            return true;
        }
        let f = &mut self.net.conns[conn as usize].flows[side];
        f.retries = 0;
        f.wire.pop_front();
        match kind {
            SegmentKind::Data => {
                let is_last = f.wire.front().is_none();
                self.data_arrives(conn, side, end);
                return !is_last;
            }
            SegmentKind::Open => self.handshake_done(conn),
            SegmentKind::Fin => self.fin_arrives(conn, side),
            SegmentKind::Rst => self.rst_arrives(conn, side),
        }
        true
    }

    /// Whether the head of the wire does not get through: a link carries nothing, or nobody there knows the connection.
    #[cold]
    fn is_held_up(&mut self, conn: u32, generation: u32, side: usize) -> bool {
        let c = &self.net.conns[conn as usize];
        let lost = c.lost[1 - side];
        if let Some(cause) = self.obstacle(c.hosts[side], c.hosts[1 - side]) {
            self.send_again(conn, generation, side, cause);
            return true;
        }
        if lost {
            self.answer_for_the_lost(conn, side);
        }
        lost
    }

    /// Bytes have arrived, up to position `end`.
    #[inline(always)]
    fn data_arrives(&mut self, conn: u32, side: usize, end: u64) {
        let (now, broken) = (self.run.now(), self.network_is_broken());
        let (Network { conns, socks, buffered, .. }, run) = (&mut *self.net, &mut *self.run);
        let Some(c) = conns.get_mut(conn as usize) else { return };
        let receiver = socks.get(c.socks[1 - side] as usize);
        let (file, low_at) = receiver.map_or((NONE, 1), |s| (s.file, u64::from(s.options.low_at).max(1)));
        let is_read = receiver.is_some_and(|s| !s.orphan && s.shutdown & RCV == 0);
        let blocked = socks.get(c.socks[side] as usize).is_some_and(|s| s.no_space);
        let back = &mut c.flows[1 - side];
        let acknowledged = now.max(back.lost_until) + c.latency;
        back.acknowledging.answered(true);
        let f = &mut c.flows[side];
        let n = end - f.arrived;
        f.arrived = end;
        *buffered += n;
        f.acknowledging.arrived(n, low_at);
        f.acks.push_back((acknowledged, end));
        let (enough, urgent) = (f.is_enough(low_at), f.urgent.is_some());
        run.event(NONE, Kind::Arrived, [c.words[side], c.words[1 - side], n, 0]);
        if broken || blocked || urgent || !is_read || run.keeps_events() {
            return self.data_arrived(conn, side, n, low_at);
        }
        if file != NONE && enough {
            self.notify(file, Events::IN, Some(SigCode::PollIn));
        }
    }

    /// What else has to be done where `n` bytes have arrived.
    #[cold]
    fn data_arrived(&mut self, conn: u32, side: usize, n: u64, low_at: u64) {
        let c = &self.net.conns[conn as usize];
        let f = &c.flows[side];
        let (sender, receiver) = (c.socks[side], c.socks[1 - side]);
        if self.run.keeps_events() {
            let end = f.readable() as usize;
            self.run.carried(f.bytes.bytes().get(end - n as usize..end).unwrap_or_default());
        }
        if self.network_is_broken()
            && self.obstacle(c.hosts[1 - side], c.hosts[side]).is_some()
            && let Some(ack) = self.net.conns[conn as usize].flows[side].acks.back_mut()
        {
            ack.0 = HELD;
        }
        if self.net.socks.get(sender as usize).is_some_and(|s| s.no_space) {
            self.await_space(conn, side);
        }
        let Some(s) = self.net.socks.get(receiver as usize).filter(|s| !s.orphan) else {
            // Nobody will ever read it: RFC 9293 3.10.7.1, a reset.
            self.send_rst(conn, 1 - side);
            if receiver != NONE {
                self.remove_sock(receiver);
            }
            return;
        };
        let file = s.file;
        let both_shut = s.shutdown & RCV != 0 && matches!(s.tcp, Tcp::FinWait1 | Tcp::FinWait2);
        let f = &self.net.conns[conn as usize].flows[side];
        if f.urgent.is_some() {
            let from = f.arrived - n;
            self.urgent_arrives(conn, side, from);
        }
        let f = &mut self.net.conns[conn as usize].flows[side];
        if both_shut {
            // Both directions are shut (`tcp_rcv_state_process`): the connection is reset, for both.
            f.arrived -= n;
            self.send_rst(conn, 1 - side);
            self.net.socks[receiver as usize].error = Some(Errno::ECONNRESET);
            self.connection_over(receiver);
        } else if file != NONE && f.is_enough(low_at) {
            self.notify(file, Events::IN, Some(SigCode::PollIn));
        }
    }

    /// `tcp_fin`, and what its acknowledgement does to the sender.
    fn fin_arrives(&mut self, conn: u32, side: usize) {
        let now = self.run.now();
        let Network { conns, socks, .. } = &mut *self.net;
        let Some(c) = conns.get_mut(conn as usize) else { return };
        let (from, to) = (c.words[side], c.words[1 - side]);
        c.flows[1 - side].acknowledging.answered(false);
        c.flows[side].fin_arrived = true;
        let enough = c.flows[side].acknowledging.ended(wanted(socks, c.socks[1 - side]));
        let [sender, receiver] = [c.socks[side], c.socks[1 - side]];
        self.run.event(NONE, Kind::Fin, [from, to, 0, 0]);
        let mut at_once = true;
        if receiver != NONE {
            let s = &mut self.net.socks[receiver as usize];
            s.shutdown |= RCV;
            s.done = true;
            at_once = enough || !matches!(s.tcp, Tcp::SynRecv | Tcp::Established);
            s.tcp = match s.tcp {
                Tcp::SynRecv | Tcp::Established => Tcp::CloseWait,
                Tcp::FinWait1 => Tcp::Closing,
                Tcp::FinWait2 => Tcp::Close,
                other => other,
            };
            if s.tcp == Tcp::Close {
                s.shutdown = SHUT;
            }
            let code = if s.shutdown == SHUT { SigCode::PollHup } else { SigCode::PollIn };
            let (file, over) = (s.file, s.tcp == Tcp::Close);
            if over {
                self.enter_time_wait(receiver);
                self.set_closed(receiver);
            }
            if self.net.socks[receiver as usize].orphan {
                if over {
                    self.remove_sock(receiver);
                }
            } else if file != NONE {
                // Two: for the state change (`tcp_fin`), and for what can be read now (`tcp_data_queue`).
                self.notify(file, Events::NONE, Some(code));
                self.notify(file, ALL, Some(SigCode::PollIn));
                self.notify_again(file, Events::IN | Events::PRI);
                if over {
                    // A third: `tcp_time_wait` ends in `tcp_done`, which reports the state too, and names nothing.
                    self.notify_again(file, ALL);
                }
            }
        }
        let Some(c) = self.net.conns.get(conn as usize) else { return };
        let lost_until = c.flows[1 - side].lost_until;
        if lost_until > now {
            self.scheduler.plan(lost_until + c.latency, Event::FinAck(conn, c.generation, side as u8));
        } else if at_once || sender == NONE || self.net.socks[sender as usize].orphan {
            self.fin_acked(conn, side);
        } else {
            // `inet_csk_enter_pingpong_mode`: the acknowledgement waits for something to go along with.
            let at = now + c.latency + DELAYED_ACK_NS;
            self.scheduler.plan(at, Event::FinAck(conn, c.generation, side as u8));
        }
    }

    /// An acknowledgement that waited goes along with what is sent the other way.
    #[inline]
    fn fin_ack_comes_along(&mut self, conn: u32, side: usize) {
        if self.net.conns[conn as usize].flows[side].fin_ack_waits() {
            self.fin_acked(conn, side);
        }
    }

    /// It waited long enough.
    pub fn fin_ack_due(&mut self, conn: u32, generation: u32, side: usize) {
        if self.conn(conn, generation).is_some() {
            self.fin_ack_comes_along(conn, side);
        }
    }

    /// The receiver has looked, and `took` something; `beyond`: also behind the last byte. What was to be acknowledged is,
    /// where that is enough (`tcp_cleanup_rbuf`).
    #[inline]
    pub fn acknowledge_what_was_read(&mut self, conn: u32, side: usize, took: bool, beyond: bool) {
        let f = &mut self.net.conns[conn as usize].flows[side];
        if f.acknowledging.looked(f.read, took, beyond) {
            self.fin_ack_comes_along(conn, side);
        }
    }

    /// Who sent a FIN knows that it has arrived.
    #[cold]
    pub(super) fn fin_acked(&mut self, conn: u32, side: usize) {
        let c = &mut self.net.conns[conn as usize];
        c.flows[side].fin_acked = true;
        let sender = c.socks[side];
        if sender == NONE {
            return;
        }
        let s = &mut self.net.socks[sender as usize];
        let (waited, both_ended) = (s.tcp == Tcp::FinWait1, s.tcp == Tcp::Closing);
        s.tcp = match s.tcp {
            Tcp::FinWait1 => Tcp::FinWait2,
            Tcp::Closing | Tcp::LastAck => Tcp::Close,
            other => other,
        };
        if s.tcp == Tcp::Close {
            s.shutdown = SHUT;
            let (file, orphan) = (s.file, s.orphan);
            if both_ended {
                self.enter_time_wait(sender);
            }
            self.set_closed(sender);
            if orphan {
                self.remove_sock(sender);
            } else if file != NONE {
                self.notify(file, ALL, None);
            }
        } else if waited && s.file != NONE {
            let file = s.file;
            self.notify(file, ALL, None);
        }
    }

    /// `tcp_reset`.
    fn rst_arrives(&mut self, conn: u32, side: usize) {
        let c = &mut self.net.conns[conn as usize];
        let (from, to) = (c.words[side], c.words[1 - side]);
        let receiver = c.socks[1 - side];
        self.run.event(NONE, Kind::Rst, [from, to, 0, 0]);
        if receiver == NONE {
            return;
        }
        let s = &mut self.net.socks[receiver as usize];
        let error = match s.tcp {
            Tcp::Close => return,
            Tcp::SynSent => Errno::ECONNREFUSED,
            Tcp::CloseWait => Errno::EPIPE,
            _ => Errno::ECONNRESET,
        };
        s.error = Some(error);
        self.connection_over(receiver);
    }

    /// `tcp_done` after an error: nothing more is sent, everybody is notified.
    pub(super) fn connection_over(&mut self, sock: u32) {
        let s = &mut self.net.socks[sock as usize];
        let half_open = s.tcp == Tcp::SynRecv && s.parent != NONE;
        s.shutdown = SHUT;
        let (file, orphan, conn, parent) = (s.file, s.orphan, s.conn, s.parent);
        if let Some((conn, side)) = conn {
            self.drop_unsent(conn, side as usize);
        }
        self.set_closed(sock);
        if half_open {
            self.forget_half_open(parent);
            self.remove_sock(sock);
        } else if orphan {
            self.remove_sock(sock);
        } else if file != NONE {
            self.notify(file, ALL, Some(SigCode::PollErr));
            self.notify_again(file, Events::ERR);
        }
    }
}

/// How many bytes the receiver wants at least (`SO_RCVLOWAT`).
fn wanted(socks: &Slab<Sock>, receiver: u32) -> u64 {
    socks.get(receiver as usize).map_or(1, |s| u64::from(s.options.low_at).max(1))
}
