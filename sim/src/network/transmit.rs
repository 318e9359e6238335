//! Sending: bytes that were written become segments, as the receiver's window, the bandwidth and the faults allow.

use super::MAX_SEGMENT;
use super::Net;
use super::connection::{Flow, Segment, SegmentKind};
use crate::NONE;
use crate::choice::{Distribution, Domain, Group, Lane};
use crate::fault::Family;
use crate::scheduler::Event;
use eagain_net::{Events, SigCode};

/// How long the rest of a split segment stays behind.
const GAP: Domain = Domain("wire.gap");
const GAP_NS_MIN: u64 = 1_000;
const GAP_NS_MAX: u64 = 20_000_000;

/// What the faults make of a segment before it leaves.
enum Fate {
    Leaves,
    /// Its direction is held back.
    Held,
    /// The connection is reset.
    Reset,
}

impl Net<'_> {
    /// Sends what can be sent of one direction.
    pub fn transmit(&mut self, conn: u32, side: usize) {
        loop {
            let now = self.run.now();
            let c = &mut self.net.conns[conn as usize];
            let mut f = &mut c.flows[side];
            let pending = f.written - f.sent;
            if f.dead || pending == 0 && (!f.fin_written || f.fin_sent) {
                return;
            }
            if f.held_until > now {
                if !f.resuming {
                    f.resuming = true;
                    let (at, generation) = (f.held_until, c.generation);
                    self.scheduler.plan(at, Event::Transmit(conn, generation, side as u8));
                }
                return;
            }
            if f.window_closed && f.unannounced_until != 0 {
                if f.unannounced_until > now {
                    return;
                }
                (f.window_closed, f.unannounced_until) = (false, 0);
            }
            // What is late by it has it as its cause until it arrives.
            let held = std::mem::take(&mut f.held_cause);
            let window = f.recv_buffer.saturating_sub(f.sent - f.read);
            let mut n = pending.min(window).min(MAX_SEGMENT);
            if f.cork.is_some() && n > 0 && !f.fin_written {
                n = self.corked(conn, side, n);
                if n == 0 {
                    return;
                }
                f = &mut self.net.conns[conn as usize].flows[side];
            }
            if pending > 0 && n == 0 {
                if !std::mem::replace(&mut f.window_closed, true) {
                    f.closed_since = now;
                }
                self.window_is_shut(conn, side);
                return;
            }
            let known_zero = self.run.segment_is_known_zero(&mut f.segment_words, f.segments);
            if !known_zero && f.asked <= f.segments {
                f.asked = f.segments + 1;
                match self.ask_about_segment(conn, side, n) {
                    Fate::Leaves => {}
                    Fate::Held => continue,
                    Fate::Reset => return,
                }
            }
            // The rest waits for the gap, for room, or is not there.
            if !self.send_segment(conn, side, n, known_zero, held) {
                return;
            }
        }
    }

    /// Asks the families that act before a segment of `n` bytes leaves.
    #[cold]
    fn ask_about_segment(&mut self, conn: u32, side: usize, n: u64) -> Fate {
        if self.choose_for_segment(conn, side, Family::Reset) != 0 {
            self.reset_by_the_network(conn, side);
            return Fate::Reset;
        }
        let stall = self.choose_for_segment(conn, side, Family::WireStall);
        if stall != 0 {
            return self.hold_segment(conn, side, Family::WireStall, stall);
        }
        self.choose_black_hole(conn, side);
        let wait = self.choose_for_segment(conn, side, Family::WireCoalesce);
        if wait != 0 && n > 0 {
            return self.hold_segment(conn, side, Family::WireCoalesce, wait);
        }
        Fate::Leaves
    }

    /// A fault keeps the direction back for so long.
    fn hold_segment(&mut self, conn: u32, side: usize, family: Family, wait: u64) -> Fate {
        let cause = self.connection_fault(conn, side, family, wait, 0);
        let until = self.run.now() + wait;
        let f = &mut self.net.conns[conn as usize].flows[side];
        (f.held_until, f.held_cause) = (until, cause);
        Fate::Held
    }

    /// Where nobody answers, it is asked again whether it still is.
    fn window_is_shut(&mut self, conn: u32, side: usize) {
        let c = &self.net.conns[conn as usize];
        if c.lost[1 - side] || self.network_is_broken() {
            self.begin_probing_of(conn, side);
        }
    }

    /// A black hole: from this segment on the direction loses what it carries, until it is healed.
    fn choose_black_hole(&mut self, conn: u32, side: usize) {
        let lost_for = self.choose_for_segment(conn, side, Family::BlackHole);
        if lost_for == 0 {
            return;
        }
        let cause = self.connection_fault(conn, side, Family::BlackHole, lost_for, 0);
        let until = (self.run.now() + lost_for).min(self.run.quiet_from());
        let f = &mut self.net.conns[conn as usize].flows[side];
        f.lost_until = f.lost_until.max(until);
        f.lost_cause = cause;
    }

    /// Sends one segment of `n` bytes, or the FIN where there are none; whether there is more to send. `held`: the fault that has
    /// kept it back until now, or 0.
    #[inline]
    fn send_segment(&mut self, conn: u32, side: usize, mut n: u64, known_zero: bool, held: u64) -> bool {
        let now = self.run.now();
        let (mut delay, mut cause) = (0, held);
        if !known_zero {
            (n, delay, cause) = self.delay_or_split(conn, side, n, held);
        }
        let c = &mut self.net.conns[conn as usize];
        let f = &mut c.flows[side];
        let mut at = f.last_at.max(now + c.latency + delay);
        if let Some(on_the_line) = (n * 1_000_000_000).checked_div(f.bandwidth) {
            at += on_the_line;
            cause = if cause == 0 { f.bandwidth_cause } else { cause };
        }
        if f.lost_until > now {
            at = at.max(super::partition::sent_again(now, f.lost_until) + c.latency);
            cause = f.lost_cause;
        }
        f.last_at = at;
        let kind = if n == 0 { SegmentKind::Fin } else { SegmentKind::Data };
        f.sent += n;
        f.segments += 1;
        f.fin_sent |= n == 0;
        f.wire.push_back(Segment { at, end: f.sent, kind, cause });
        if !f.arriving {
            f.arriving = true;
            self.scheduler.plan(at, Event::Arrive(conn, c.generation, side as u8));
        }
        f.sent != f.written || f.fin_written
    }

    /// Asks the families that act on a segment of `n` bytes as it leaves: how many bytes it has then, what it takes longer, and
    /// the event of the fault that says so.
    #[cold]
    fn delay_or_split(&mut self, conn: u32, side: usize, n: u64, held: u64) -> (u64, u64, u64) {
        let delay = self.choose_for_segment(conn, side, Family::WireDelay);
        let mut cause = held;
        if delay != 0 {
            cause = self.connection_fault(conn, side, Family::WireDelay, delay, 0);
        }
        let split = self.choose_for_segment(conn, side, Family::WireSplit);
        if split == 0 || split >= n {
            return (n, delay, cause);
        }
        let gap = self.split_gap(conn, side);
        let event = self.connection_fault(conn, side, Family::WireSplit, split, n);
        let until = self.run.now() + gap;
        let f = &mut self.net.conns[conn as usize].flows[side];
        (f.held_until, f.held_cause) = (until, event);
        (split, delay, cause)
    }

    fn split_gap(&mut self, conn: u32, side: usize) -> u64 {
        let c = &mut self.net.conns[conn as usize];
        let (caller, ordinal, to) = (&self.net.callers[c.caller as usize].name, c.ordinal, c.addresses[1]);
        let Flow { segments, gap_words, .. } = &mut c.flows[side];
        let source = Lane { words: gap_words, group: Group { domain: GAP }, lane: 0, ordinal: *segments };
        let how_long = Distribution::rarely_log(65_536, GAP_NS_MIN, GAP_NS_MAX);
        let name = || super::flow_name(caller, ordinal, to, side);
        self.run.choose_about(Family::WireSplit, source, GAP, how_long, name).max(GAP_NS_MIN)
    }

    /// A flow may send again.
    pub fn transmit_again(&mut self, conn: u32, generation: u32, side: usize) {
        let Some(c) = self.conn(conn, generation) else { return };
        c.flows[side].resuming = false;
        self.transmit(conn, side);
    }

    /// Acknowledgements that are there free the sender's buffer.
    #[inline]
    pub fn take_acks(&mut self, conn: u32, side: usize) {
        self.net.conns[conn as usize].flows[side].take_acks(self.run.now());
    }

    /// Plans to look when the next acknowledgement is there, for a sender that waits for room.
    pub fn await_space(&mut self, conn: u32, side: usize) {
        let c = &mut self.net.conns[conn as usize];
        let generation = c.generation;
        let f = &mut c.flows[side];
        if let (false, Some(&(at, _))) = (f.spacing, f.acks.front())
            && at != super::partition::HELD
        {
            f.spacing = true;
            self.scheduler.plan(at, Event::Space(conn, generation, side as u8));
        }
    }

    /// An acknowledgement is there (`sk_stream_write_space`).
    pub fn space(&mut self, conn: u32, generation: u32, side: usize) {
        let Some(c) = self.conn(conn, generation) else { return };
        c.flows[side].spacing = false;
        let sock = c.socks[side];
        self.take_acks(conn, side);
        if sock == NONE || !self.net.socks[sock as usize].no_space {
            return;
        }
        if self.net.conns[conn as usize].flows[side].writable() {
            let s = &mut self.net.socks[sock as usize];
            s.no_space = false;
            let file = s.file;
            self.notify(file, Events::OUT, Some(SigCode::PollOut));
        } else {
            self.await_space(conn, side);
        }
    }

    /// `sock_setsockopt` of `SO_SNDBUF`: whoever watches is notified of room, also where there was before.
    pub(super) fn room_to_send(&mut self, sock: u32) {
        let s = &mut self.net.socks[sock as usize];
        if let Some((conn, side)) = s.conn {
            let f = &mut self.net.conns[conn as usize].flows[side as usize];
            f.take_acks(self.run.now());
            if !f.writable() {
                return;
            }
        }
        let waited = std::mem::take(&mut s.no_space);
        let (file, code) = (s.file, waited.then_some(SigCode::PollOut));
        self.notify(file, Events::OUT, code);
    }

    /// Records and counts a fault of one direction of a connection; the number of its event.
    pub(super) fn connection_fault(&mut self, conn: u32, side: usize, family: Family, a: u64, b: u64) -> u64 {
        let c = &self.net.conns[conn as usize];
        let (from, to) = (c.words[side], c.words[1 - side]);
        self.run.injected_now(family, [from, to, a, b])
    }
}
