//! Receiving: what the head of the wire does when it arrives (tcp_input.c: `tcp_data_queue`, `tcp_fin`, `tcp_reset`).

use super::connection::{Segment, SegmentKind};
use super::partition::HELD;
use super::socket::{RCV, SHUT, Sock, Tcp};
use super::{ALL, Net, Network};
use crate::scheduler::Event;
use crate::trace::Kind;
use crate::world::NONE;
use eagain_net::{Errno, Events, SigCode};
use slab::Slab;

/// `TCP_DELACK_MIN`.
const DELAYED_ACK_NS: u64 = 40_000_000;

impl Net<'_> {
    /// Takes the next of this direction that is due off the wire, for [`Net::receive`]. The acknowledgement of a FIN that
    /// waited goes along with it, and is reported before. With whether it is data with nothing behind it on the wire.
    #[inline]
    pub fn next_arrival(&mut self, conn: u32, generation: u32, side: usize) -> Option<(Segment, bool)> {
        let now = self.run.now();
        let c = self.conn(conn, generation)?;
        let f = &mut c.flows[side];
        f.arriving = false;
        let at = f.wire.front()?.at;
        if at > now {
            f.arriving = true;
            self.scheduler.plan(at, Event::Arrive(conn, generation, side as u8));
            return None;
        }
        if c.lost[1 - side] || self.network_is_broken() {
            let c = &self.net.conns[conn as usize];
            if let Some(cause) = self.obstacle(c.hosts[side], c.hosts[1 - side]) {
                self.send_again(conn, generation, side, cause);
                return None;
            }
            if c.lost[1 - side] {
                self.answer_for_the_lost(conn, side);
                return None;
            }
        }
        let f = &mut self.net.conns[conn as usize].flows[side];
        f.retries = 0;
        let segment = f.wire.pop_front()?;
        let last = segment.kind == SegmentKind::Data && f.wire.front().is_none();
        if matches!(segment.kind, SegmentKind::Data | SegmentKind::Fin) {
            self.fin_ack_comes_along(conn, 1 - side);
        }
        Some((segment, last))
    }

    /// A segment has arrived.
    #[inline]
    pub fn receive(&mut self, conn: u32, side: usize, segment: Segment) {
        match segment.kind {
            SegmentKind::Open => self.handshake_done(conn),
            SegmentKind::Data => self.data_arrives(conn, side, segment),
            SegmentKind::Fin => self.fin_arrives(conn, side),
            SegmentKind::Rst => self.rst_arrives(conn, side),
        }
    }

    #[inline]
    fn data_arrives(&mut self, conn: u32, side: usize, segment: Segment) {
        let now = self.run.now();
        let broken = self.network_is_broken();
        let (Network { conns, socks, buffered, .. }, run) = (&mut *self.net, &mut *self.run);
        let Some(c) = conns.get_mut(conn as usize) else { return };
        let (sender, receiver) = (c.socks[side], c.socks[1 - side]);
        let (hosts, latency) = (c.hosts, c.latency);
        let back = &mut c.flows[1 - side];
        let acknowledged = now.max(back.lost_until) + latency;
        back.acknowledging.answered(true);
        let f = &mut c.flows[side];
        let n = segment.end - f.arrived;
        f.arrived = segment.end;
        *buffered += n;
        f.acknowledging.arrived(n, wanted(socks, receiver));
        f.acks.push_back((acknowledged, segment.end));
        run.event(NONE, Kind::Arrived, [c.words[side], c.words[1 - side], n, 0]);
        let (mut readable, urgent) = (f.readable(), f.urgent.is_some());
        if run.keeps_events() {
            let end = readable as usize;
            run.carried(f.bytes.bytes().get(end - n as usize..end).unwrap_or_default());
        }
        let blocked = sender != NONE && socks[sender as usize].no_space;
        let unread = receiver != NONE && !socks[receiver as usize].orphan;
        let to_whom = unread.then(|| {
            let s = &socks[receiver as usize];
            let both_shut = s.shutdown & RCV != 0 && matches!(s.tcp, Tcp::FinWait1 | Tcp::FinWait2);
            (s.file, u64::from(s.options.low_at).max(1), both_shut)
        });
        if broken
            && self.obstacle(hosts[1 - side], hosts[side]).is_some()
            && let Some(ack) = self.net.conns[conn as usize].flows[side].acks.back_mut()
        {
            ack.0 = HELD;
        }
        if blocked {
            self.await_space(conn, side);
        }
        let Some((file, low_at, both_shut)) = to_whom else {
            // Nobody will ever read it: RFC 9293 3.10.7.1, a reset.
            self.send_rst(conn, 1 - side);
            if receiver != NONE {
                self.remove_sock(receiver);
            }
            return;
        };
        if urgent {
            self.urgent_arrives(conn, side, segment.end - n);
            readable = self.net.conns[conn as usize].flows[side].readable();
        }
        if both_shut {
            // Both directions are shut (`tcp_rcv_state_process`): the connection is reset, for both.
            self.net.conns[conn as usize].flows[side].arrived -= n;
            self.send_rst(conn, 1 - side);
            self.net.socks[receiver as usize].error = Some(Errno::ECONNRESET);
            self.connection_over(receiver);
            return;
        }
        if file != NONE && readable >= low_at {
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
        let f = &self.net.conns[conn as usize].flows[side];
        if f.fin_arrived && !f.fin_acked {
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
    fn fin_acked(&mut self, conn: u32, side: usize) {
        let c = &mut self.net.conns[conn as usize];
        c.flows[side].fin_acked = true;
        let sender = c.socks[side];
        if sender == NONE {
            return;
        }
        let s = &mut self.net.socks[sender as usize];
        let waited = s.tcp == Tcp::FinWait1;
        s.tcp = match s.tcp {
            Tcp::FinWait1 => Tcp::FinWait2,
            Tcp::Closing | Tcp::LastAck => Tcp::Close,
            other => other,
        };
        if s.tcp == Tcp::Close {
            s.shutdown = SHUT;
            let (file, orphan) = (s.file, s.orphan);
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
        let half_open = s.tcp == Tcp::SynRecv;
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
