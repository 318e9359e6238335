//! A machine: its address, its processors, its clocks, its ports.

use super::{NONE, World};
use eagain_net::{ClockId, Errno, Instant, SocketAddr};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host of the world.
pub(crate) struct Host {
    pub name: String,
    pub ip: Ipv4Addr,
    /// When each processor is free.
    pub cpus: Vec<u64>,
    /// What the monotonic clock shows at time 0.
    pub mono_start: u64,
    /// What the wall clock shows at time 0, in nanoseconds since the epoch.
    pub wall_start: u64,
    /// How much faster the clocks run, in parts per billion.
    pub drift_ppb: i64,
    /// Steps of the wall clock so far, in nanoseconds.
    pub wall_step: i64,
    /// Sockets that are bound: address, socket, whether it listens.
    pub bound: Vec<(SocketAddr, u32)>,
    /// How many accepted connections share a listener's address, by address and `SO_REUSEADDR`.
    pub inherited: BTreeMap<(SocketAddr, bool), u32>,
    /// Ports of closed connections: `tcp(7)`'s TIME_WAIT: address, until when, whether the socket had `SO_REUSEADDR`.
    pub time_wait: Vec<(SocketAddr, u64, bool)>,
    pub next_port: u16,
    /// When the wall clock steps.
    pub steps: crate::choice::Stream,
    /// Its power is off.
    pub down: bool,
    /// Nobody reaches it until then, and it reaches nobody; 0: it is not cut off.
    pub cut_off_until: u64,
    pub cut_off_event: u64,
    pub crashes: u32,
    pub files: crate::object::Disk,
}

/// 2026-01-01 00:00:00 UTC.
const WALL_START: u64 = 1_767_225_600_000_000_000;
/// The first ephemeral port (`ip(7)`, `ip_local_port_range`).
const FIRST_PORT: u16 = 32_768;
const LAST_PORT: u16 = 60_999;
/// `TCP_TIMEWAIT_LEN`.
pub(crate) const TIME_WAIT_NS: u64 = 60_000_000_000;

impl Host {
    pub fn new(name: &str, ip: Ipv4Addr, cpus: usize) -> Host {
        Host {
            name: name.to_owned(),
            ip,
            cpus: vec![0; cpus.max(1)],
            mono_start: 1_000_000_000,
            wall_start: WALL_START,
            drift_ppb: 0,
            wall_step: 0,
            bound: Vec::new(),
            inherited: BTreeMap::new(),
            time_wait: Vec::new(),
            next_port: FIRST_PORT,
            steps: crate::choice::Stream::default(),
            down: false,
            cut_off_until: 0,
            cut_off_event: 0,
            crashes: 0,
            files: crate::object::Disk::default(),
        }
    }

    /// Runs a call that costs `ns` on the processor that is free first, from `time` on; when it is over.
    #[inline]
    pub fn charge(&mut self, time: u64, ns: u64) -> u64 {
        let Some((first, others)) = self.cpus.split_first_mut() else { return time + ns };
        let free = others.iter_mut().fold(first, |free, cpu| if *cpu < *free { cpu } else { free });
        *free = time.max(*free) + ns;
        *free
    }

    /// What a clock of this host shows when the world's time is `now`.
    pub fn clock(&self, clock: ClockId, now: u64) -> Instant {
        let passed = now.saturating_add_signed(scaled(now, self.drift_ppb));
        Instant(match clock {
            ClockId::Monotonic => self.mono_start.saturating_add(passed),
            ClockId::Realtime => self.wall_start.saturating_add(passed).saturating_add_signed(self.wall_step),
        })
    }

    /// How long `duration` of this host's clocks is in the world's time; rounded up, so that no timer is early.
    pub fn true_duration(&self, duration: u64) -> u64 {
        if self.drift_ppb == 0 || duration == 0 {
            return duration;
        }
        let scaled = u128::from(duration) * 1_000_000_000;
        let rate = (1_000_000_000 + self.drift_ppb) as u128;
        u64::try_from(scaled.div_ceil(rate) + 1).unwrap_or(u64::MAX)
    }

    /// The world's time at which `clock` shows `at`.
    pub fn true_time(&self, clock: ClockId, at: Instant, now: u64) -> u64 {
        let shown = self.clock(clock, now);
        now.saturating_add(self.true_duration(at.0.saturating_sub(shown.0)))
    }
}

fn scaled(value: u64, ppb: i64) -> i64 {
    (i128::from(value) * i128::from(ppb) / 1_000_000_000) as i64
}

/// Whether `a` and `b` claim the same port: the same, or one of them every address.
fn overlap(a: &SocketAddr, b: &SocketAddr) -> bool {
    a.port() == b.port() && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// A hash of where a connection comes from.
fn spread(from: SocketAddr) -> u64 {
    let ip = match from.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(_) => 0,
    };
    crate::choice::mix(ip << 16 | u64::from(from.port()))
}

impl World {
    /// The host that has this address, as seen from `from`.
    pub fn host_of(&self, from: u32, ip: IpAddr) -> Option<u32> {
        if ip.is_loopback() || ip.is_unspecified() {
            return Some(from);
        }
        let IpAddr::V4(ip) = ip else { return None };
        // Addresses are dealt out in order: 10.0.x.y is host 256 x + y - 1.
        let [10, 0, high, low] = ip.octets() else { return None };
        let index = (u32::from(high) << 8 | u32::from(low)).checked_sub(1)?;
        ((index as usize) < self.hosts.len()).then_some(index)
    }

    /// The listening socket for what comes from `from` to `address` on `host`; an exact address before every address.
    /// Of several with `SO_REUSEPORT`, the one that a hash of both ends says (`inet_lhash2_lookup`).
    pub fn listener(&self, host: u32, address: SocketAddr, from: SocketAddr) -> Option<u32> {
        let listens = |sock: u32| self.socks.get(sock as usize).is_some_and(|s| s.listen.is_some());
        let find = |test: &dyn Fn(&SocketAddr) -> bool| {
            let bound = self.hosts[host as usize].bound.iter();
            let mut all = bound.filter(|(at, sock)| test(at) && listens(*sock)).map(|&(_, sock)| sock);
            let first = all.next()?;
            if !self.socks[first as usize].options.reuse_port {
                return Some(first);
            }
            let others: Vec<u32> = all.collect();
            let which = spread(from) % (others.len() as u64 + 1);
            Some(which.checked_sub(1).map_or(first, |other| others[other as usize]))
        };
        find(&|at| *at == address)
            .or_else(|| find(&|at| at.port() == address.port() && at.ip().is_unspecified()))
    }

    /// `bind(2)`: `EADDRINUSE` by the rules of `socket(7)`, `SO_REUSEADDR`.
    pub fn bind_port(&mut self, sock: u32, mut address: SocketAddr) -> Result<SocketAddr, Errno> {
        let (host, reuse, reuse_port) = {
            let s = &self.socks[sock as usize];
            (s.host, s.options.reuse_addr, s.options.reuse_port)
        };
        if address.port() == 0 {
            address.set_port(self.free_port(host, address).ok_or(Errno::EADDRINUSE)?);
        } else if !self.port_is_free(host, &address, reuse, reuse_port, sock) {
            return Err(Errno::EADDRINUSE);
        }
        self.hosts[host as usize].bound.push((address, sock));
        self.socks[sock as usize].port.held = true;
        Ok(address)
    }

    /// Whether `sock` may have this address (`inet_csk_bind_conflict`).
    pub fn port_is_free(
        &self,
        host: u32,
        address: &SocketAddr,
        reuse: bool,
        reuse_port: bool,
        sock: u32,
    ) -> bool {
        let owner = &self.hosts[host as usize];
        let waits = |&(at, until, had_reuse): &(SocketAddr, u64, bool)| {
            overlap(&at, address) && until > self.run.now() && !(reuse && had_reuse)
        };
        let taken = |&(at, other): &(SocketAddr, u32)| {
            let same = other == sock;
            let Some(other) = self.socks.get(other as usize) else { return false };
            overlap(&at, address)
                && !same
                && !(reuse && other.options.reuse_addr && other.listen.is_none())
                && !(reuse_port && other.options.reuse_port)
        };
        let shared = |((at, had_reuse), _): (&(SocketAddr, bool), &u32)| {
            overlap(at, address) && !(reuse && *had_reuse)
        };
        !owner.time_wait.iter().any(waits)
            && !owner.bound.iter().any(taken)
            && !owner.inherited.iter().any(shared)
    }

    fn free_port(&mut self, host: u32, address: SocketAddr) -> Option<u16> {
        for _ in 0..=LAST_PORT - FIRST_PORT {
            let owner = &mut self.hosts[host as usize];
            let port = owner.next_port;
            owner.next_port = if port == LAST_PORT { FIRST_PORT } else { port + 1 };
            let mut candidate = address;
            candidate.set_port(port);
            if self.port_is_free(host, &candidate, false, false, NONE) {
                return Some(port);
            }
        }
        None
    }

    /// The address that a connection from `sock` to `remote` comes from: bound, or an ephemeral port of the route's.
    pub fn source_address(&mut self, sock: u32, remote: SocketAddr) -> Result<SocketAddr, Errno> {
        let host = self.socks[sock as usize].host;
        let route = |ip: IpAddr, own: Ipv4Addr| match ip {
            IpAddr::V6(v6) if v6.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip if ip.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => IpAddr::V4(own),
        };
        let ip = route(remote.ip(), self.hosts[host as usize].ip);
        let s = &self.socks[sock as usize];
        if let (true, Some(mut local)) = (s.port.held, s.local) {
            if local.ip().is_unspecified() {
                local.set_ip(ip);
            }
            return Ok(local);
        }
        let ip = s.local.filter(|_| s.port.address_locked).map_or(ip, |local| local.ip());
        let port = self.free_port(host, SocketAddr::new(ip, 0)).ok_or(Errno::EADDRNOTAVAIL)?;
        let local = SocketAddr::new(ip, port);
        self.hosts[host as usize].bound.push((local, sock));
        self.socks[sock as usize].port.held = true;
        Ok(local)
    }

    /// Gives back what `sock` has bound.
    pub fn unbind(&mut self, sock: u32) {
        let s = &mut self.socks[sock as usize];
        if !std::mem::take(&mut s.port.held) {
            return;
        }
        let owner = &mut self.hosts[s.host as usize];
        match (s.port.inherited, s.local) {
            (true, Some(local)) => {
                s.port.inherited = false;
                let key = (local, s.options.reuse_addr);
                if let Some(count) = owner.inherited.get_mut(&key) {
                    *count -= 1;
                    if *count == 0 {
                        owner.inherited.remove(&key);
                    }
                }
            }
            _ => owner.bound.retain(|&(_, owner)| owner != sock),
        }
    }

    /// An accepted connection takes part in its listener's port.
    pub fn inherit_port(&mut self, sock: u32) {
        let s = &self.socks[sock as usize];
        if let Some(local) = s.local {
            *self.hosts[s.host as usize].inherited.entry((local, s.options.reuse_addr)).or_default() += 1;
        }
    }
}
