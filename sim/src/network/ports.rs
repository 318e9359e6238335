//! Addresses and ports of a host: what is bound, what an accepted connection shares, what waits for a minute after a
//! connection (`bind(2)`, `ip(7)`; net/ipv4/inet_connection_sock.c).

use super::Net;
use crate::NONE;
use eagain_net::{Errno, SocketAddr};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first ephemeral port (`ip(7)`, `ip_local_port_range`).
const FIRST_PORT: u16 = 32_768;
const LAST_PORT: u16 = 60_999;
/// `TCP_TIMEWAIT_LEN`.
pub(super) const TIME_WAIT_NS: u64 = 60_000_000_000;

/// A host as the network knows it.
pub(super) struct Interface {
    pub name: String,
    pub ip: Ipv4Addr,
    /// Sockets that are bound: address and socket.
    pub bound: Vec<(SocketAddr, u32)>,
    /// UDP sockets that are bound: address and socket, in the order in which they were.
    pub udp_bound: Vec<(SocketAddr, u32)>,
    /// How many accepted connections share a listener's address, by address and `SO_REUSEADDR`.
    pub inherited: BTreeMap<(SocketAddr, bool), u32>,
    /// Ports of closed connections: `tcp(7)`'s TIME_WAIT: address, until when, whether the socket had `SO_REUSEADDR`.
    pub time_wait: Vec<(SocketAddr, u64, bool)>,
    next_port: u16,
    /// Its power is off.
    pub down: bool,
    /// Nobody reaches it until then, and it reaches nobody; 0: it is not cut off.
    pub cut_off_until: u64,
    pub cut_off_event: u64,
}

impl Interface {
    pub fn new(name: &str, ip: Ipv4Addr) -> Interface {
        Interface {
            name: name.to_owned(),
            ip,
            bound: Vec::new(),
            udp_bound: Vec::new(),
            inherited: BTreeMap::new(),
            time_wait: Vec::new(),
            next_port: FIRST_PORT,
            down: false,
            cut_off_until: 0,
            cut_off_event: 0,
        }
    }
}

/// Whether `address` is `all`, or one of those that `all` stands for: `0.0.0.0` every one of IPv4, `[::]` those of both
/// families (`ipv6(7)`), or with `IPV6_V6ONLY` (`only`) those of IPv6.
fn covers(all: IpAddr, only: bool, address: IpAddr) -> bool {
    all == address || all.is_unspecified() && (all.is_ipv4() == address.is_ipv4() || all.is_ipv6() && !only)
}

/// Whether `a` and `b` claim the same port (`inet_rcv_saddr_equal`).
fn overlap(a: &SocketAddr, b: &SocketAddr) -> bool {
    share((a, false), (b, false))
}

/// The same; with each, whether its socket has `IPV6_V6ONLY`.
pub(super) fn share((a, a_only): (&SocketAddr, bool), (b, b_only): (&SocketAddr, bool)) -> bool {
    a.port() == b.port() && (covers(a.ip(), a_only, b.ip()) || covers(b.ip(), b_only, a.ip()))
}

/// A hash of where a connection or a datagram comes from.
pub(super) fn spread(from: SocketAddr) -> u64 {
    let ip = match from.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(_) => 0,
    };
    crate::choice::splitmix(ip << 16 | u64::from(from.port()))
}

impl Net<'_> {
    /// The host that has this address, as seen from `from`.
    pub(super) fn host_of(&self, from: u32, ip: IpAddr) -> Option<u32> {
        if ip.is_loopback() || ip.is_unspecified() {
            return Some(from);
        }
        let IpAddr::V4(ip) = ip else { return None };
        // Addresses are dealt out in order: 10.0.x.y is host 256 x + y - 1.
        let [10, 0, high, low] = ip.octets() else { return None };
        let index = (u32::from(high) << 8 | u32::from(low)).checked_sub(1)?;
        ((index as usize) < self.net.hosts.len()).then_some(index)
    }

    /// The listening socket for what comes from `from` to `address` on `host`; an exact address before every address of its
    /// family, and that before `[::]` (`compute_score`).
    /// Of several with `SO_REUSEPORT`, the one that a hash of both ends says (`inet_lhash2_lookup`).
    pub(super) fn listener(&self, host: u32, address: SocketAddr, from: SocketAddr) -> Option<u32> {
        let listens = |sock: u32| self.net.socks.get(sock as usize).is_some_and(|s| s.listen.is_some());
        let find = |test: &dyn Fn(&SocketAddr) -> bool, any: bool| {
            let bound = self.net.hosts[host as usize].bound.iter();
            let takes = |sock: u32| !any || !self.net.socks[sock as usize].options.v6_only;
            let mut all =
                bound.filter(|(at, sock)| test(at) && listens(*sock) && takes(*sock)).map(|&(_, sock)| sock);
            let first = all.next()?;
            if !self.net.socks[first as usize].options.reuse_port {
                return Some(first);
            }
            let others: Vec<u32> = all.collect();
            let which = spread(from) % (others.len() as u64 + 1);
            Some(which.checked_sub(1).map_or(first, |other| others[other as usize]))
        };
        let claims = |at: &SocketAddr| overlap(at, &address);
        find(&|at| *at == address, false)
            .or_else(|| find(&|at| claims(at) && at.is_ipv4() == address.is_ipv4(), false))
            .or_else(|| find(&claims, true))
    }

    /// `bind(2)`: `EADDRINUSE` by the rules of `socket(7)`, `SO_REUSEADDR`.
    pub(super) fn bind_port(&mut self, sock: u32, mut address: SocketAddr) -> Result<SocketAddr, Errno> {
        let (host, reuse, reuse_port) = {
            let s = &self.net.socks[sock as usize];
            (s.host, s.options.reuse_addr, s.options.reuse_port)
        };
        if address.port() == 0 {
            address.set_port(self.free_port(host, address).ok_or(Errno::EADDRINUSE)?);
        } else if !self.port_is_free(host, &address, reuse, reuse_port, sock) {
            return Err(Errno::EADDRINUSE);
        }
        self.net.hosts[host as usize].bound.push((address, sock));
        self.net.socks[sock as usize].port.held = true;
        Ok(address)
    }

    /// Whether `sock` may have this address (`inet_csk_bind_conflict`).
    pub(super) fn port_is_free(
        &self,
        host: u32,
        address: &SocketAddr,
        reuse: bool,
        reuse_port: bool,
        sock: u32,
    ) -> bool {
        let owner = &self.net.hosts[host as usize];
        let only = |sock: u32| self.net.socks.get(sock as usize).is_some_and(|s| s.options.v6_only);
        let asked = (address, only(sock));
        let waits = |&(at, until, had_reuse): &(SocketAddr, u64, bool)| {
            share((&at, false), asked) && until > self.run.now() && !(reuse && had_reuse)
        };
        let taken = |&(at, other): &(SocketAddr, u32)| {
            let (same, owner) = (other == sock, other);
            let Some(other) = self.net.socks.get(other as usize) else { return false };
            share((&at, only(owner)), asked)
                && !same
                && !(reuse && other.options.reuse_addr && other.listen.is_none())
                && !(reuse_port && other.options.reuse_port)
        };
        let shared = |((at, had_reuse), _): (&(SocketAddr, bool), &u32)| {
            share((at, false), asked) && !(reuse && *had_reuse)
        };
        !owner.time_wait.iter().any(waits)
            && !owner.bound.iter().any(taken)
            && !owner.inherited.iter().any(shared)
    }

    /// How many ports the kernel chooses from.
    pub(super) fn ephemeral_ports(&self) -> u16 {
        LAST_PORT - FIRST_PORT + 1
    }

    /// The next of them.
    pub(super) fn next_port(&mut self, host: u32) -> u16 {
        let owner = &mut self.net.hosts[host as usize];
        let port = owner.next_port;
        owner.next_port = if port == LAST_PORT { FIRST_PORT } else { port + 1 };
        port
    }

    /// The address that a host has on the way to another.
    pub(super) fn route_source(&self, host: u32, to: IpAddr) -> IpAddr {
        match to {
            IpAddr::V6(v6) if v6.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip if ip.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => IpAddr::V4(self.net.hosts[host as usize].ip),
        }
    }

    fn free_port(&mut self, host: u32, address: SocketAddr) -> Option<u16> {
        for _ in 0..self.ephemeral_ports() {
            let port = self.next_port(host);
            let mut candidate = address;
            candidate.set_port(port);
            if self.port_is_free(host, &candidate, false, false, NONE) {
                return Some(port);
            }
        }
        None
    }

    /// Where what a socket of `host` that is `bound` to one address sends to `address` goes: every address is the one that it
    /// is bound to, or the loopback's (`ip_route_output_key_hash_rcu`, `tcp_v6_connect`, `udpv6_sendmsg`). A bound address must
    /// be of the same family.
    pub(super) fn destination(
        &self,
        host: u32,
        bound: Option<IpAddr>,
        mut address: SocketAddr,
    ) -> Result<SocketAddr, Errno> {
        if address.ip().is_unspecified() {
            let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
            address.set_ip(match (address, bound) {
                (SocketAddr::V4(_), Some(IpAddr::V4(ip))) if !ip.is_unspecified() => IpAddr::V4(ip),
                (SocketAddr::V4(_), _) | (_, Some(IpAddr::V4(_))) => loopback,
                (SocketAddr::V6(_), _) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            });
        }
        match (address.ip(), bound) {
            (ip, _) if ip.is_multicast() => Err(Errno::ENETUNREACH),
            (IpAddr::V6(_), Some(IpAddr::V4(_))) => Err(Errno::EAFNOSUPPORT),
            (ip, _) => self.host_of(host, ip).map(|_| address).ok_or(Errno::ENETUNREACH),
        }
    }

    /// The address that a connection from `sock` to `remote` comes from: bound, or an ephemeral port of the route's.
    pub(super) fn source_address(&mut self, sock: u32, remote: SocketAddr) -> Result<SocketAddr, Errno> {
        let host = self.net.socks[sock as usize].host;
        let ip = self.route_source(host, remote.ip());
        let s = &self.net.socks[sock as usize];
        if let (true, Some(mut local)) = (s.port.held, s.local) {
            if local.ip().is_unspecified() {
                local.set_ip(ip);
            }
            // Who has bound the same port may be connected to the same peer (`__inet_check_established`).
            let mut conns = self.net.conns.iter().map(|(_, c)| c);
            let taken = conns.any(|c| {
                let own = |side: usize| c.addresses[side] == local && c.addresses[1 - side] == remote;
                (0..2).any(|side| own(side) && c.hosts[side] == host && c.socks[side] != NONE)
            });
            return if taken { Err(Errno::EADDRNOTAVAIL) } else { Ok(local) };
        }
        let ip = s.local.filter(|_| s.port.address_locked).map_or(ip, |local| local.ip());
        let port = self.free_port(host, SocketAddr::new(ip, 0)).ok_or(Errno::EADDRNOTAVAIL)?;
        let local = SocketAddr::new(ip, port);
        self.net.hosts[host as usize].bound.push((local, sock));
        self.net.socks[sock as usize].port.held = true;
        Ok(local)
    }

    /// Gives back what `sock` has bound.
    pub(super) fn unbind(&mut self, sock: u32) {
        let s = &mut self.net.socks[sock as usize];
        if !std::mem::take(&mut s.port.held) {
            return;
        }
        let owner = &mut self.net.hosts[s.host as usize];
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
    pub(super) fn inherit_port(&mut self, sock: u32) {
        let s = &self.net.socks[sock as usize];
        if let Some(local) = s.local {
            *self.net.hosts[s.host as usize].inherited.entry((local, s.options.reuse_addr)).or_default() += 1;
        }
    }
}
