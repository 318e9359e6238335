//! Hosts that cannot reach each other: partitions, two-way and one-way, and hosts that are down. No segment of a stream is lost for
//! good: the sender sends again, after 200 ms, then twice that, and so on (`tcp(7)`, `tcp_retries2`).

use super::{Net, Network};
use crate::NONE;
use crate::choice::{Distribution, Domain};
use crate::fault::Family;
use crate::scheduler::Event;
use crate::trace::Kind;

/// `TCP_RTO_MIN` and `TCP_RTO_MAX`.
const RTO_MIN_NS: u64 = 200_000_000;
const RTO_MAX_NS: u64 = 120_000_000_000;
/// `tcp_retries2`: then `ETIMEDOUT`, after about 15 minutes.
pub(super) const RETRIES: u32 = 15;
/// An acknowledgement that does not get through: it is there when the way is open again.
pub(crate) const HELD: u64 = u64::MAX;

/// When what was lost at `now` gets through, where the way is open again from `open` on: at the first time that it is sent
/// again after that.
pub(super) fn sent_again(now: u64, open: u64) -> u64 {
    let (mut at, mut wait) = (now, RTO_MIN_NS);
    while at < open {
        at += wait;
        wait = (wait * 2).min(RTO_MAX_NS);
    }
    at
}

/// How long after the `times`-th attempt the next one is made.
pub(super) fn retry_after(times: u32) -> u64 {
    RTO_MIN_NS.saturating_mul(1 << (times - 1).min(20)).min(RTO_MAX_NS)
}

/// Which hosts, which way, and for how long.
const WHAT: Domain = Domain("link.partition.what");

/// One direction between two hosts that carries nothing.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    pub from: u32,
    pub to: u32,
    /// The partition that it belongs to; 0: one that the scenario made.
    pub number: u32,
    /// The event that made it.
    pub event: u64,
}

impl Network {
    /// The power of a host fails; whether it was on.
    pub fn switch_off(&mut self, host: u32) -> bool {
        let was_on = !std::mem::replace(&mut self.hosts[host as usize].down, true);
        self.hosts_away += u32::from(was_on);
        was_on
    }

    /// The power of a host is back; whether it was off.
    pub fn switch_on(&mut self, host: u32) -> bool {
        let was_off = std::mem::replace(&mut self.hosts[host as usize].down, false);
        self.hosts_away -= u32::from(was_off);
        was_off
    }

    /// A host that was switched off remembers no port.
    pub fn forget_ports(&mut self, host: u32) {
        let owner = &mut self.hosts[host as usize];
        owner.bound.clear();
        owner.time_wait.clear();
    }
}

impl Net<'_> {
    /// Whether anything stands between any two hosts; else nobody asks further.
    #[inline]
    pub(super) fn network_is_broken(&self) -> bool {
        self.net.hosts_away > 0 || !self.net.cuts.is_empty()
    }

    /// The event that keeps a segment from `from` from arriving at `to`; 0 where the host is down.
    pub(super) fn obstacle(&self, from: u32, to: u32) -> Option<u64> {
        let cut = self.net.cuts.iter().find(|cut| cut.from == from && cut.to == to);
        if let Some(cut) = cut {
            return Some(cut.event);
        }
        let [sender, receiver] = [from, to].map(|host| &self.net.hosts[host as usize]);
        let away = [sender, receiver].into_iter().find(|host| host.cut_off_until != 0);
        match away.filter(|_| from != to) {
            Some(host) => Some(host.cut_off_event),
            None => receiver.down.then_some(0),
        }
    }

    /// Nothing gets from `from` to `to` any more, because the scenario says so.
    pub fn cut(&mut self, from: u32, to: u32, ns: u64) {
        if from == to {
            return;
        }
        let words = [u64::from(from), u64::from(to), ns, 0];
        let event = self.run.event(NONE, Kind::Fault(Family::Partition), words);
        self.add_cut(Cut { from, to, number: 0, event });
    }

    fn add_cut(&mut self, cut: Cut) {
        self.net.cuts.push(cut);
        self.begin_probing();
        self.plan_quiet();
    }

    /// What is cut is whole again when the quiet tail begins.
    pub(super) fn plan_quiet(&mut self) {
        if !std::mem::replace(&mut self.net.quiet_planned, true) {
            let at = self.run.quiet_from().max(self.run.now());
            self.scheduler.plan(at, Event::Quiet);
        }
    }

    /// Every way is open again.
    pub fn heal_all(&mut self) {
        self.heal(|_| true);
        self.all_back();
    }

    /// The ways that `which` names are open again. What waits arrives when it is sent again.
    pub fn heal(&mut self, which: impl Fn(&Cut) -> bool) {
        let healed: Vec<Cut> = self.net.cuts.iter().copied().filter(&which).collect();
        self.net.cuts.retain(|cut| !which(cut));
        for cut in healed {
            self.run.event(NONE, Kind::Healed, [u64::from(cut.from), u64::from(cut.to), 0, 0]);
            if self.obstacle(cut.from, cut.to).is_none() {
                self.release_acks(|from, to| (from, to) == (cut.from, cut.to));
            }
        }
    }

    /// Acknowledgements that were held on the ways that are open again.
    pub(super) fn release_acks(&mut self, is_open: impl Fn(u32, u32) -> bool) {
        let now = self.run.now();
        let mut senders = Vec::new();
        for (conn, c) in &mut self.net.conns {
            for side in 0..2 {
                if !is_open(c.hosts[1 - side], c.hosts[side]) {
                    continue;
                }
                let latency = c.latency;
                for (at, _) in c.flows[side].acks.iter_mut().filter(|(at, _)| *at == HELD) {
                    *at = now + latency;
                }
                senders.push((conn as u32, side, c.socks[side]));
            }
        }
        for (conn, side, sock) in senders {
            if sock != NONE && self.net.socks[sock as usize].no_space {
                self.await_space(conn, side);
            }
        }
    }

    /// The head of a flow's wire cannot arrive: it is sent again later, until its sender gives up.
    pub(super) fn send_again(&mut self, conn: u32, generation: u32, side: usize, cause: u64) {
        let now = self.run.now();
        let c = &mut self.net.conns[conn as usize];
        let sender = c.socks[side];
        let f = &mut c.flows[side];
        if c.lost[side] {
            // Nobody is left to send it again.
            f.wire.clear();
            return;
        }
        if f.retries == 0 {
            f.tried_from = now;
        }
        f.retries += 1;
        // `TCP_USER_TIMEOUT`, in the place of so many attempts (`tcp_write_timeout`).
        let user = self.net.socks.get(sender as usize).map_or(0, |s| s.options.user_timeout);
        let over = match user {
            0 => f.retries > RETRIES + 1,
            user => now - f.tried_from >= user,
        };
        if over {
            f.wire.clear();
            f.dead = true;
            if sender != NONE {
                self.give_up(sender);
            }
            return;
        }
        let mut at = now + retry_after(f.retries);
        if user != 0 {
            at = at.min(f.tried_from + user);
        }
        f.last_at = f.last_at.max(at);
        if let Some(segment) = f.wire.front_mut() {
            segment.at = at;
            segment.cause = cause;
        }
        f.arriving = true;
        self.scheduler.plan(at, Event::Arrive(conn, generation, side as u8));
    }

    /// The sockets of a host whose power failed are gone, without a word to the other side; the open files that referred
    /// to them.
    pub fn lose_sockets(&mut self, host: u32) -> Vec<u32> {
        let socks = self.net.socks.iter().filter(|(_, s)| s.host == host).map(|(at, _)| at as u32);
        let mut files = Vec::new();
        for sock in socks.collect::<Vec<_>>() {
            let s = &self.net.socks[sock as usize];
            files.extend((s.file != NONE).then_some(s.file));
            if let Some((conn, side)) = s.conn {
                self.net.conns[conn as usize].lost[side as usize] = true;
                self.drop_unsent(conn, side as usize);
            }
            self.remove_sock(sock);
        }
        files
    }

    /// A segment came to a host that knows nothing of the connection any more: a reset (RFC 9293 3.10.7.1).
    pub(super) fn answer_for_the_lost(&mut self, conn: u32, side: usize) {
        let c = &mut self.net.conns[conn as usize];
        c.flows[side].wire.clear();
        c.flows[1 - side].dead = false;
        self.send_rst(conn, 1 - side);
    }

    /// The next partition, if there is one: after how long is chosen now.
    pub fn plan_partition(&mut self) {
        if self.net.hosts.len() < 2 {
            return;
        }
        let after = self.run.draw(Family::Partition, &mut self.net.partitions, || "network".to_owned());
        if after != 0 {
            self.scheduler.plan(self.run.now() + after, Event::Partition);
        }
    }

    /// A partition begins: between which two hosts, which way, and for how long is chosen now.
    pub fn partition_begins(&mut self) {
        if self.run.is_quiet() {
            return;
        }
        let hosts = self.net.hosts.len() as u64;
        self.net.partition += 1;
        let number = self.net.partition;
        let name = format!("{}", self.net.partitions.count());
        let mut stream = crate::choice::Stream::default();
        let mut choose = |distribution| self.run.choose(&mut stream, WHAT, distribution, || name.clone());
        let one = choose(Distribution::uniform(0, hosts - 1)) as u32;
        let other = choose(Distribution::uniform(0, hosts - 2)) as u32;
        let ways = choose(Distribution::uniform(0, 2));
        let ns = 10_000_000 + choose(Distribution::rarely_log(60_000, 10_000_000, 10_000_000_000));
        let other = if other >= one { other + 1 } else { other };
        for (from, to, spared) in [(one, other, 2), (other, one, 1)] {
            if ways != spared {
                let words = [u64::from(from), u64::from(to), ns, 0];
                let event = self.run.injected_now(Family::Partition, words);
                self.add_cut(Cut { from, to, number, event });
            }
        }
        let at = self.run.now() + ns;
        self.scheduler.plan(at, Event::Heal(number));
        self.plan_partition();
    }
}
