//! UDP (net/ipv4/udp.c): datagrams over the same links as TCP's segments. Nobody sends one again: what meets a partition, a
//! full buffer or a fault of its own is lost, and what overtakes another arrives first. Between sockets of one host, over the
//! loopback, none is lost, doubled or overtaken, as on Linux.

use super::control::Header;
use super::inet::{check_family, named, shown, shutdown_bits, unspecified};
use super::number_option::Of;
use super::ports::{share, spread};
use super::socket::{Options, RCV, SEND, SHUT, refusal};
use super::{ALL, Caller, Net, Network, address_word};
use crate::NONE;
use crate::choice::Stream;
use crate::fault::Family;
use crate::scheduler::{Event, Step};
use crate::trace::Kind;
use eagain_net::{
    Control, Domain, Errno, Events, RecvFlags, Result, SendFlags, ShutdownHow, SigCode, SocketAddr,
    SocketOption, SocketOptionName,
};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// Bytes of a datagram over IPv4 (RFC 768, RFC 791).
const LEN_MAX: usize = 65_507;
/// The same over IPv6, without jumbograms.
const LEN_MAX_V6: usize = 65_527;

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

/// A datagram on its way.
pub(super) struct Flying {
    header: Header,
    hosts: [u32; 2],
    latency: u64,
    bytes: Vec<u8>,
    /// The socket that sent it, and when that was made.
    sender: (u32, u32),
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

    /// What is said of the datagram that is received next; `wall`: what the clock of the day shows now.
    pub fn udp_told(&self, sock: u32, now: u64, wall: u64) -> Vec<Control> {
        let s = &self.udp[sock as usize];
        let Some((_, header)) = s.queue.front() else { return Vec::new() };
        let time = Duration::from_nanos(wall.saturating_sub(now - header.at));
        header.told(s.domain, &s.options, time)
    }

    /// Bytes that wait in a socket's queue.
    pub fn udp_buffered(&self, sock: u32) -> u64 {
        self.udp[sock as usize].queue.iter().map(|(bytes, _)| bytes.len() as u64).sum()
    }

    /// The socket for what comes from `from` to `to` (`udp4_lib_lookup2`): one that is connected to there, or bound to that
    /// address, or of its family, before others. Of equal ones the last that was bound, or with `SO_REUSEPORT` the one that a
    /// hash of the sender says.
    fn udp_receiver(&self, host: u32, from: SocketAddr, to: SocketAddr) -> Option<u32> {
        let bound = &self.hosts[host as usize].udp_bound;
        let score = |sock: u32| {
            let s = &self.udp[sock as usize];
            let local = s.local?;
            let connected = match s.remote {
                Some(remote) if !is_of(remote, from) => return None,
                remote => remote.is_some(),
            };
            share((&local, s.options.v6_only), (&to, false)).then_some((
                connected,
                local.ip() == to.ip(),
                (s.domain == Domain::Inet) == to.is_ipv4(),
            ))
        };
        let scored = bound.iter().filter_map(|&(_, sock)| Some((score(sock)?, sock)));
        let (best, last) = scored.clone().max_by_key(|&(score, _)| score)?;
        let in_group = |sock: u32| self.udp[sock as usize].options.reuse_port;
        if best.0 || !in_group(last) {
            return Some(last);
        }
        let group = scored.filter(|&(score, sock)| score == best && in_group(sock)).map(|(_, sock)| sock);
        let group: Vec<u32> = group.collect();
        Some(group[(spread(from) % group.len() as u64) as usize])
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

    /// `udp_sendmsg`, `udpv6_sendmsg`; `to`: the address, where one is given.
    pub fn udp_send(
        &mut self,
        sock: u32,
        to: Option<SocketAddr>,
        buffers: &[&[u8]],
        flags: SendFlags,
        control: &[Control],
    ) -> Result<usize> {
        let len: usize = buffers.iter().map(|part| part.len()).sum();
        let local = self.udp_autobind(sock)?;
        let s = &self.net.udp[sock as usize];
        if len > 0xffff {
            return Err(Errno::EMSGSIZE);
        }
        // Only IPv4 minds, and a socket of IPv6 that sends to it.
        let urgent = if flags.contains(SendFlags::OOB) { Err(Errno::EOPNOTSUPP) } else { Ok(()) };
        if s.domain == Domain::Inet {
            urgent?;
        }
        let to = match to {
            Some(to) => {
                if s.domain == Domain::Inet {
                    check_family(s.domain, to)?;
                } else if to.is_ipv4() {
                    self.udp_destination(sock, to, Errno::ENETUNREACH)?;
                    urgent?;
                }
                if to.port() == 0 {
                    return Err(Errno::EINVAL);
                }
                self.udp_destination(sock, to, Errno::ENETUNREACH)?
            }
            None => s.remote.ok_or(Errno::EDESTADDRREQ)?,
        };
        if to.is_ipv4() {
            urgent?;
            if s.domain == Domain::Inet6 && to.port() == 0 {
                return Err(Errno::EINVAL);
            }
        }
        let host = self.net.udp[sock as usize].host;
        let target = self.host_of(host, to.ip()).ok_or(Errno::ENETUNREACH)?;
        let mut from = local;
        if from.ip().is_unspecified() || from.is_ipv4() != to.is_ipv4() {
            from.set_ip(self.route_source(host, to.ip()));
        }
        let s = &self.net.udp[sock as usize];
        let header = self.udp_header((host, s.domain, &s.options), (from, to), control)?;
        if len > if to.is_ipv4() { LEN_MAX } else { LEN_MAX_V6 } {
            return Err(Errno::EMSGSIZE);
        }
        let s = &mut self.net.udp[sock as usize];
        if let Some(error) = s.error.take() {
            return Err(error);
        }
        if s.shutdown & SEND != 0 {
            return Err(Errno::EPIPE);
        }
        let sender = (sock, s.made);
        let bytes = buffers.concat();
        self.run.payload(self.scheduler.current(), &bytes, true);
        self.scheduler.progress(self.run);
        let latency = if target == host { self.knobs.loopback_latency_ns } else { self.knobs.latency_ns };
        self.udp_launch(Flying { header, hosts: [host, target], latency, bytes, sender });
        Ok(len)
    }

    /// The datagram leaves; it may be lost, late, or doubled.
    fn udp_launch(&mut self, datagram: Flying) {
        let mut at = self.run.now() + datagram.latency;
        let [from, to] = [datagram.header.from, datagram.header.to].map(address_word);
        let words = |value: u64| [from, to, datagram.bytes.len() as u64, value];
        if datagram.hosts[0] != datagram.hosts[1] {
            if self.udp_draw(datagram.sender.0, Family::DatagramLoss) != 0 {
                self.run.injected_now(Family::DatagramLoss, words(0));
                return;
            }
            let late = self.udp_draw(datagram.sender.0, Family::DatagramReorder);
            if late != 0 {
                self.run.injected_now(Family::DatagramReorder, words(late));
                at += late;
            }
            let again = self.udp_draw(datagram.sender.0, Family::DatagramDuplicate);
            if again != 0 {
                self.run.injected_now(Family::DatagramDuplicate, words(again));
                let copy = Flying { bytes: datagram.bytes.clone(), ..datagram };
                let copy = self.net.flying.insert(copy) as u32;
                self.scheduler.plan(at + again, Event::Datagram(copy));
            }
        }
        let datagram = self.net.flying.insert(datagram) as u32;
        self.scheduler.plan(at, Event::Datagram(datagram));
    }

    fn udp_draw(&mut self, sock: u32, family: Family) -> u64 {
        let UdpSock { caller, ordinal, losses, delays, copies, .. } = &mut self.net.udp[sock as usize];
        let stream = match family {
            Family::DatagramLoss => losses,
            Family::DatagramReorder => delays,
            _ => copies,
        };
        let Caller { name, .. } = &self.net.callers[*caller as usize];
        self.run.draw(family, stream, || format!("{name}#udp{ordinal}"))
    }

    /// A datagram is at the other host.
    pub fn udp_arrives(&mut self, datagram: u32) {
        let Some(datagram) = self.net.flying.try_remove(datagram as usize) else { return };
        let Flying { mut header, hosts, latency, bytes, sender } = datagram;
        let Header { from, to, .. } = header;
        let words = [address_word(from), address_word(to), bytes.len() as u64, 0];
        // From the loopback's address to another host: a martian (`ip_route_input`).
        let martian = from.ip().is_loopback() && hosts[0] != hosts[1];
        let obstacle = if self.network_is_broken() { self.obstacle(hosts[0], hosts[1]) } else { None };
        if martian || obstacle.is_some() {
            self.run.blame(obstacle.unwrap_or(0));
            self.run.completion(NONE, Kind::DatagramDropped, words);
            return;
        }
        let Some(sock) = self.net.udp_receiver(hosts[1], from, to) else {
            self.run.event(NONE, Kind::DatagramDropped, words);
            let open = !self.network_is_broken() || self.obstacle(hosts[1], hosts[0]).is_none();
            // It finds a socket that is connected there (`__udp4_lib_err`).
            let of = self.net.udp.get(sender.0 as usize).filter(|s| s.made == sender.1);
            if open && of.is_some_and(|s| s.remote.is_some_and(|remote| is_of(remote, to))) {
                // ICMP: port unreachable.
                self.scheduler.plan(self.run.now() + latency, Event::Unreachable(sender.0, sender.1));
            }
            return;
        };
        let s = &mut self.net.udp[sock as usize];
        if s.queued > u64::from(s.options.recv_buffer) {
            self.run.event(NONE, Kind::DatagramDropped, words);
            return;
        }
        self.run.event(NONE, Kind::Datagram, words);
        if self.run.keeps_events() {
            self.run.carried(&bytes);
        }
        s.queued += charge(bytes.len());
        (header.at, header.is_local) = (self.run.now(), hosts[0] == hosts[1]);
        s.queue.push_back((bytes, header));
        let file = s.file;
        self.notify(file, Events::IN | Events::PRI, Some(SigCode::PollIn));
    }

    /// Nobody had that port: who is connected gets the error.
    pub fn udp_unreachable(&mut self, sock: u32, made: u32) {
        let found = self.net.udp.get_mut(sock as usize).filter(|s| s.made == made && s.remote.is_some());
        let Some(s) = found else { return };
        s.error = Some(Errno::ECONNREFUSED);
        let file = s.file;
        self.notify(file, Events::ERR, Some(SigCode::PollErr));
    }

    /// `udp_recvmsg`: how many bytes, and who sent them.
    pub fn udp_recv(
        &mut self,
        sock: u32,
        buffer: &mut [u8],
        flags: RecvFlags,
        nonblocking: bool,
        deadline: &mut Option<u64>,
    ) -> Step<(usize, Option<SocketAddr>)> {
        let now = self.run.now();
        let s = &mut self.net.udp[sock as usize];
        if let Some(error) = s.error.take() {
            return Step::Done(Err(error));
        }
        let Some((bytes, header)) = s.queue.front() else {
            let waits = !nonblocking && deadline.is_none_or(|at| now < at);
            return match waits {
                true if s.shutdown & RCV != 0 => Step::Done(Ok((0, None))),
                true => {
                    deadline.get_or_insert_with(|| s.options.deadline(Events::IN, now));
                    Step::Wait
                }
                false => Step::Done(Err(Errno::EAGAIN)),
            };
        };
        let n = bytes.len().min(buffer.len());
        buffer[..n].copy_from_slice(&bytes[..n]);
        let len = if flags.contains(RecvFlags::TRUNC) { bytes.len() } else { n };
        let from = shown(s.domain, header.from);
        if !flags.contains(RecvFlags::PEEK) {
            s.queued -= charge(bytes.len());
            s.queue.pop_front();
            self.scheduler.progress(self.run);
        }
        self.run.payload(self.scheduler.current(), &buffer[..n], false);
        Step::Done(Ok((len, Some(from))))
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

/// Whether a socket that is connected to `remote` has to do with `other`: port 0 is any.
fn is_of(remote: SocketAddr, other: SocketAddr) -> bool {
    remote.ip() == other.ip() && (remote.port() == 0 || remote.port() == other.port())
}

/// What a datagram counts in the receiver's buffer: its bytes, its headers and the kernel's own.
fn charge(len: usize) -> u64 {
    256 + (len as u64 + 60 + 320).next_power_of_two().max(512)
}
