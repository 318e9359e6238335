//! UDP (net/ipv4/udp.c): datagrams over the same links as TCP's segments. Nobody sends one again: what meets a partition, a
//! full buffer or a fault of its own is lost, and what overtakes another arrives first. Between sockets of one host, over the
//! loopback, none is lost, doubled or overtaken, as on Linux.

mod transfer;

pub(super) use transfer::Flying;

use super::control::Header;
use super::inet::{named, shown, shutdown_bits, unspecified};
use super::number_option::Of;
use super::ports::share;
use super::socket::{Options, RCV, SHUT, refusal};
use super::{ALL, Net, Network};
use crate::NONE;
use crate::choice::Stream;
use eagain_net::{
    Control, Domain, Errno, Events, Result, ShutdownHow, SocketAddr, SocketOption, SocketOptionName,
};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// A UDP socket.
pub(super) struct UdpSock {
    /// Counts sockets: a number of the slab is used again.
    made: u32,
    file: u32,
    host: u32,
    domain: Domain,
    /// Who made it, as index of its name, and which of its sockets it is: the name that it chooses by.
    caller: u32,
    ordinal: u32,
    local: Option<SocketAddr>,
    /// What `bind` was given: an address that is not any, and whether a port (`SOCK_BINDADDR_LOCK`, `SOCK_BINDPORT_LOCK`).
    chosen: (Option<IpAddr>, bool),
    remote: Option<SocketAddr>,
    shutdown: u8,
    error: Option<Errno>,
    queue: VecDeque<(Vec<u8>, Header)>,
    /// Memory that the queue counts.
    queued: u64,
    options: Options,
    losses: Stream,
    delays: Stream,
    copies: Stream,
}

impl UdpSock {
    /// The address of one that has no port.
    fn any(&self) -> SocketAddr {
        let any = unspecified(self.domain);
        self.chosen.0.map_or(any, |ip| SocketAddr::new(ip, 0))
    }
}

impl Network {
    pub fn udp_set_file(&mut self, sock: u32, file: u32) {
        self.udp[sock as usize].file = file;
    }

    pub fn udp_domain(&self, sock: u32) -> Domain {
        self.udp[sock as usize].domain
    }

    /// Bytes of the datagram that is received next.
    pub fn udp_next_len(&self, sock: u32) -> u64 {
        self.udp[sock as usize].queue.front().map_or(0, |(bytes, _)| bytes.len() as u64)
    }

    /// Whether it is shut for receiving.
    pub fn udp_is_shut(&self, sock: u32) -> bool {
        self.udp[sock as usize].shutdown & RCV != 0
    }

    pub fn udp_getsockname(&self, sock: u32) -> SocketAddr {
        let s = &self.udp[sock as usize];
        shown(s.domain, s.local.unwrap_or(s.any()))
    }

    pub fn udp_getpeername(&self, sock: u32) -> Result<SocketAddr> {
        let s = &self.udp[sock as usize];
        let remote = s.remote.filter(|remote| remote.port() != 0);
        remote.map(|remote| shown(s.domain, remote)).ok_or(Errno::ENOTCONN)
    }

    /// `SO_RCVTIMEO` or `SO_SNDTIMEO`, in nanoseconds.
    pub fn udp_timeout(&self, sock: u32, events: Events) -> Option<u64> {
        self.udp.get(sock as usize)?.options.timeout(events)
    }

    /// The control data of the datagram that is received next; `wall`: what the clock of the day shows now.
    pub fn udp_control(&self, sock: u32, now: u64, wall: u64) -> Vec<Control> {
        let s = &self.udp[sock as usize];
        let Some((_, header)) = s.queue.front() else { return Vec::new() };
        let time = Duration::from_nanos(wall.saturating_sub(now - header.at));
        header.control_for(s.domain, &s.options, time)
    }

    /// Bytes that wait in a socket's queue.
    pub fn udp_buffered(&self, sock: u32) -> u64 {
        self.udp[sock as usize].queue.iter().map(|(bytes, _)| bytes.len() as u64).sum()
    }
}

impl Net<'_> {
    /// A new socket of a process.
    pub fn udp_socket(&mut self, host: u32, process: u32, domain: Domain) -> u32 {
        let ordinal = {
            let caller = &mut self.net.callers[process as usize];
            caller.datagram_sockets += 1;
            caller.datagram_sockets
        };
        self.net.udp_made += 1;
        let sock = UdpSock {
            made: self.net.udp_made,
            file: NONE,
            host,
            domain,
            caller: process,
            ordinal,
            local: None,
            chosen: (None, false),
            remote: None,
            shutdown: 0,
            error: None,
            queue: VecDeque::new(),
            queued: 0,
            options: Options::plain(),
            losses: Stream::default(),
            delays: Stream::default(),
            copies: Stream::default(),
        };
        self.net.udp.insert(sock) as u32
    }

    pub fn udp_bind(&mut self, sock: u32, address: SocketAddr) -> Result<()> {
        let s = &self.net.udp[sock as usize];
        let host = s.host;
        let mut address = named(s.domain, &s.options, address, Errno::EINVAL)?;
        self.may_bind(host, address.ip(), false)?;
        if s.local.is_some() {
            return Err(Errno::EINVAL);
        }
        let chosen = (Some(address.ip()).filter(|ip| !ip.is_unspecified()), address.port() != 0);
        if address.port() == 0 {
            address.set_port(self.udp_free_port(sock, address).ok_or(Errno::EADDRINUSE)?);
        } else if !self.udp_port_is_free(sock, &address, true) {
            return Err(Errno::EADDRINUSE);
        }
        self.udp_bound(sock, address);
        self.net.udp[sock as usize].chosen = chosen;
        // `__inet6_bind`: who is at one address of IPv6 has none of IPv4.
        let s = &mut self.net.udp[sock as usize];
        s.options.v6_only |= address.is_ipv6() && !address.ip().is_unspecified();
        Ok(())
    }

    fn udp_bound(&mut self, sock: u32, address: SocketAddr) {
        let s = &mut self.net.udp[sock as usize];
        s.local = Some(address);
        self.net.hosts[s.host as usize].udp_bound.push((address, sock));
    }

    /// Whether `sock` may have this address (`udp_lib_lport_inuse`), alone or sharing it.
    fn udp_port_is_free(&self, sock: u32, address: &SocketAddr, sharing: bool) -> bool {
        let UdpSock { host, options: mine, .. } = &self.net.udp[sock as usize];
        let shares = |other: &Options| {
            sharing && (mine.reuse_addr && other.reuse_addr || mine.reuse_port && other.reuse_port)
        };
        let mut bound = self.net.hosts[*host as usize].udp_bound.iter();
        !bound.any(|&(at, other)| {
            let other = &self.net.udp[other as usize].options;
            share((&at, other.v6_only), (address, mine.v6_only)) && !shares(other)
        })
    }

    fn udp_free_port(&mut self, sock: u32, mut address: SocketAddr) -> Option<u16> {
        let host = self.net.udp[sock as usize].host;
        for _ in 0..self.ephemeral_ports() {
            address.set_port(self.next_port(host));
            if self.udp_port_is_free(sock, &address, false) {
                return Some(address.port());
            }
        }
        None
    }

    /// `inet_autobind`.
    fn udp_autobind(&mut self, sock: u32) -> Result<SocketAddr> {
        let s = &self.net.udp[sock as usize];
        if let Some(local) = s.local {
            return Ok(local);
        }
        let mut any = s.any();
        any.set_port(self.udp_free_port(sock, any).ok_or(Errno::EAGAIN)?);
        self.udp_bound(sock, any);
        Ok(any)
    }

    /// `ip4_datagram_connect`: where it sends to, and from whom it receives, from now on.
    pub fn udp_connect(&mut self, sock: u32, address: SocketAddr) -> Result<()> {
        let mut local = self.udp_autobind(sock)?;
        let remote = self.udp_destination(sock, address, Errno::EAFNOSUPPORT)?;
        let host = self.net.udp[sock as usize].host;
        if local.ip().is_unspecified() {
            local.set_ip(self.route_source(host, remote.ip()));
        }
        let s = &mut self.net.udp[sock as usize];
        (s.local, s.remote) = (Some(local), Some(remote));
        let bound = &mut self.net.hosts[host as usize].udp_bound;
        bound.iter_mut().filter(|(_, of)| *of == sock).for_each(|(at, _)| *at = local);
        Ok(())
    }

    /// `__udp_disconnect`: it receives from everybody, and keeps of its address what `bind` was given.
    pub fn udp_disconnect(&mut self, sock: u32) {
        let s = &mut self.net.udp[sock as usize];
        s.remote = None;
        let Some(local) = s.local else { return };
        let any = SocketAddr::new(s.any().ip(), local.port());
        s.local = s.chosen.1.then_some(any);
        let (kept, bound) = (s.local, &mut self.net.hosts[s.host as usize].udp_bound);
        match kept {
            Some(kept) => bound.iter_mut().filter(|(_, of)| *of == sock).for_each(|(at, _)| *at = kept),
            None => bound.retain(|&(_, of)| of != sock),
        }
    }

    /// Where what is for `address` goes. A socket of IPv6 takes addresses of IPv4 as they are, too (`__ip6_datagram_connect`,
    /// `udpv6_sendmsg`); `only`: what that is where it has `IPV6_V6ONLY`.
    fn udp_destination(&self, sock: u32, address: SocketAddr, only: Errno) -> Result<SocketAddr> {
        let s = &self.net.udp[sock as usize];
        let address = match (s.domain, address) {
            (Domain::Inet6, SocketAddr::V4(_)) if s.options.v6_only => return Err(only),
            (Domain::Inet6, SocketAddr::V4(_)) => address,
            _ => named(s.domain, &s.options, address, Errno::ENETUNREACH)?,
        };
        self.destination(s.host, s.local.map(|local| local.ip()), address)
    }

    /// `udp_poll`.
    pub fn udp_poll(&mut self, sock: u32) -> Events {
        let s = &self.net.udp[sock as usize];
        let mut mask = Events::OUT;
        if s.error.is_some() {
            mask |= Events::ERR;
        }
        if s.shutdown & RCV != 0 {
            mask |= Events::IN | Events::RDHUP;
        }
        if s.shutdown == SHUT {
            mask |= Events::HUP;
        }
        if !s.queue.is_empty() {
            mask |= Events::IN;
        }
        mask
    }

    /// `inet_shutdown`: what is not connected is shut too, and says that it is not.
    pub fn udp_shutdown(&mut self, sock: u32, how: ShutdownHow) -> Result<()> {
        let s = &mut self.net.udp[sock as usize];
        s.shutdown |= shutdown_bits(how);
        let (file, connected) = (s.file, s.remote.is_some());
        self.notify(file, ALL, None);
        if connected { Ok(()) } else { Err(Errno::ENOTCONN) }
    }

    pub fn udp_setsockopt(&mut self, sock: u32, option: SocketOption) -> Result<()> {
        let s = &mut self.net.udp[sock as usize];
        match (refusal(option.name(), s.domain, false), option) {
            (Some((errno, _)), _) => Err(errno),
            // It counts for what is bound later (`inet_num`).
            (None, SocketOption::V6Only(_)) if s.local.is_some() => Err(Errno::EINVAL),
            (None, option) => s.options.set(option, self.knobs, Of::plain(s.domain, true)),
        }
    }

    pub fn udp_getsockopt(&mut self, sock: u32, option: SocketOptionName) -> Result<SocketOption> {
        let s = &self.net.udp[sock as usize];
        let mtu = s.remote.map(|remote| self.mtu(s.host, remote.ip()));
        let of = Of { mtu, ..Of::plain(s.domain, true) };
        let s = &mut self.net.udp[sock as usize];
        match refusal(option, s.domain, false) {
            Some((_, errno)) => Err(errno),
            None => s.options.get(option, of, || s.error.take()),
        }
    }

    /// The last descriptor is gone, and with it what was not received. What it has sent is on its way.
    pub fn udp_close(&mut self, sock: u32) {
        let s = self.net.udp.remove(sock as usize);
        self.net.hosts[s.host as usize].udp_bound.retain(|&(_, of)| of != sock);
    }
}
