//! The socket calls that are not about bytes (net/ipv4/af_inet.c): the checks in their order, on a socket by its index.

use super::number_option::Of;
use super::socket::{Listen, Options, Port, RCV, SEND, SHUT, Sock, SocketState, Tcp, refusal};
use super::{ALL, Net, Network};
use crate::NONE;
use crate::scheduler::Event;
use eagain_net::{
    Domain, Errno, Events, Fd, NumberOption, Result, ShutdownHow, SigCode, SocketAddr, SocketOption,
    SocketOptionName,
};
use std::net::IpAddr;

/// What an attempt to connect comes to.
pub(crate) enum Connect {
    Done,
    /// It is under way: `EINPROGRESS` the first time, `EALREADY` then.
    Pending(Errno),
    /// The attempt is over, with this error: the socket is to be disconnected.
    Failed(Errno),
}

pub(super) fn unspecified(domain: Domain) -> SocketAddr {
    match domain {
        Domain::Inet6 => SocketAddr::from(([0_u16; 8], 0)),
        Domain::Inet | Domain::Unix => SocketAddr::from(([0, 0, 0, 0], 0)),
    }
}

pub(super) fn check_family(domain: Domain, address: SocketAddr) -> Result<()> {
    match (domain, address) {
        (Domain::Inet, SocketAddr::V6(_)) => Err(Errno::EAFNOSUPPORT),
        (Domain::Inet6, SocketAddr::V4(_)) => Err(Errno::EINVAL),
        _ => Ok(()),
    }
}

/// The address that a program names: one of IPv4 that is mapped into IPv6 (RFC 4291 2.5.5.2) is that one from here on.
/// `only`: what it is where the socket has `IPV6_V6ONLY`.
pub(super) fn named(
    domain: Domain,
    options: &Options,
    address: SocketAddr,
    only: Errno,
) -> Result<SocketAddr> {
    check_family(domain, address)?;
    match (domain, address) {
        (Domain::Inet6, SocketAddr::V6(v6)) => match v6.ip().to_ipv4_mapped() {
            Some(_) if options.v6_only => Err(only),
            Some(v4) => Ok(SocketAddr::from((v4, v6.port()))),
            // Which of the links it is on has to be said (`SIN6_LEN`, "bind_not_ok" of `__inet6_bind`).
            None if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => Err(Errno::EINVAL),
            None => Ok(address),
        },
        _ => Ok(address),
    }
}

/// An address as a socket of this family shows it.
pub(super) fn shown(domain: Domain, address: SocketAddr) -> SocketAddr {
    match (domain, address) {
        (Domain::Inet6, SocketAddr::V4(v4)) => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
        _ => address,
    }
}

impl Network {
    /// The open file that refers to a socket.
    pub fn set_file(&mut self, sock: u32, file: u32) {
        self.socks[sock as usize].file = file;
    }

    pub fn domain(&self, sock: u32) -> Domain {
        self.socks[sock as usize].domain
    }

    pub fn getsockname(&self, sock: u32) -> SocketAddr {
        let s = &self.socks[sock as usize];
        shown(s.domain, s.local.unwrap_or(unspecified(s.domain)))
    }

    pub fn getpeername(&self, sock: u32) -> Result<SocketAddr> {
        let s = &self.socks[sock as usize];
        match s.remote {
            Some(remote) if !matches!(s.tcp, Tcp::Close | Tcp::SynSent) => Ok(shown(s.domain, remote)),
            _ => Err(Errno::ENOTCONN),
        }
    }
}

impl Net<'_> {
    /// A new socket of a host.
    pub fn socket(&mut self, host: u32, domain: Domain) -> u32 {
        let options = Options::new(self.knobs);
        self.net.socks.insert(Sock::new(host, domain, options)) as u32
    }

    pub fn bind(&mut self, sock: u32, address: SocketAddr) -> Result<()> {
        let s = &self.net.socks[sock as usize];
        let host = s.host;
        let asked = address;
        let address = named(s.domain, &s.options, asked, Errno::EINVAL)?;
        self.may_bind(host, address.ip(), true)?;
        let s = &self.net.socks[sock as usize];
        if s.tcp != Tcp::Close || s.port.held {
            return Err(Errno::EINVAL);
        }
        let local = match self.bind_port(sock, address) {
            Ok(local) => local,
            Err(errno) => {
                let s = &mut self.net.socks[sock as usize];
                let nowhere = unspecified(s.domain).ip();
                s.local.iter_mut().for_each(|local| local.set_ip(nowhere));
                return Err(errno);
            }
        };
        let s = &mut self.net.socks[sock as usize];
        s.local = Some(local);
        s.remote = None;
        s.port.address_locked |= !asked.ip().is_unspecified();
        // `__inet6_bind`: who is at one address of IPv6 cannot call one of IPv4.
        s.options.v6_only |= local.is_ipv6() && !local.ip().is_unspecified();
        // A port of the kernel's choice is not the program's: it goes with the connection.
        s.port.port_locked |= address.port() != 0;
        Ok(())
    }

    /// Whether a socket of `host` may be bound to this address (`inet_addr_valid_or_nonlocal`, `__inet6_bind`).
    pub(super) fn may_bind(&self, host: u32, ip: IpAddr, stream: bool) -> Result<()> {
        match ip {
            IpAddr::V4(ip) if ip.is_broadcast() || ip.is_multicast() => Ok(()),
            // Within the interface or the link: which one has to be said (`__ipv6_addr_needs_scope_id`).
            IpAddr::V6(ip) if ip.is_multicast() && (stream || matches!(ip.octets()[1] & 15, 1 | 2)) => {
                Err(Errno::EINVAL)
            }
            IpAddr::V6(ip) if ip.is_multicast() => Ok(()),
            ip if self.host_of(host, ip) != Some(host) => Err(Errno::EADDRNOTAVAIL),
            _ => Ok(()),
        }
    }

    /// `listen(2)` by `process`; `fd` is for the trace.
    pub fn listen(&mut self, process: u32, fd: Fd, sock: u32, backlog: i32) -> Result<()> {
        let s = &self.net.socks[sock as usize];
        if s.state != SocketState::Unconnected || !matches!(s.tcp, Tcp::Close | Tcp::Listen) {
            return Err(Errno::EINVAL);
        }
        if s.tcp == Tcp::Close {
            let (host, reuse, reuse_port) = (s.host, s.options.reuse_addr, s.options.reuse_port);
            match s.local.filter(|_| s.port.held) {
                Some(local) if !self.port_is_free(host, &local, reuse, reuse_port, sock) => {
                    return Err(Errno::EADDRINUSE);
                }
                Some(_) => {}
                None => {
                    let locked = s.local.filter(|_| s.port.address_locked).map(|local| local.ip());
                    let any = SocketAddr::new(locked.unwrap_or(unspecified(s.domain).ip()), 0);
                    let local = self.bind_port(sock, any)?;
                    self.net.socks[sock as usize].local = Some(local);
                }
            }
        }
        // A negative one is a very large one, as in Linux, where it is compared unsigned.
        let most = self.knobs.somaxconn;
        let backlog = usize::try_from(backlog).map_or(most, |asked| asked.min(most));
        let (backlog, cause) = self.grant_backlog(process, fd, backlog);
        let s = &mut self.net.socks[sock as usize];
        s.tcp = Tcp::Listen;
        let listen = s.listen.get_or_insert_with(|| {
            Box::new(Listen { backlog: 0, short_backlog_cause: 0, queue: Default::default(), half_open: 0 })
        });
        listen.backlog = backlog;
        listen.short_backlog_cause = cause;
        Ok(())
    }

    /// The next connection of a listener, and its peer's address: `EAGAIN` where there is none.
    pub fn accept(&mut self, sock: u32) -> Result<(u32, SocketAddr)> {
        let listen = self.net.socks[sock as usize].listen.as_mut().ok_or(Errno::EINVAL)?;
        let child = listen.queue.pop_front().ok_or(Errno::EAGAIN)?;
        let c = &mut self.net.socks[child as usize];
        c.parent = NONE;
        self.scheduler.progress(self.run);
        let c = &self.net.socks[child as usize];
        Ok((child, shown(c.domain, c.remote.unwrap_or(unspecified(c.domain)))))
    }

    /// `__inet_stream_connect` by `process`.
    pub fn connect(&mut self, process: u32, sock: u32, address: SocketAddr) -> Result<Connect> {
        let s = &self.net.socks[sock as usize];
        let mut pending = Errno::EALREADY;
        match s.state {
            SocketState::Connected => return Err(Errno::EISCONN),
            SocketState::Disconnecting => return Err(Errno::EINVAL),
            SocketState::Connecting => {}
            SocketState::Unconnected => {
                if s.tcp != Tcp::Close {
                    return Err(Errno::EISCONN);
                }
                let address = named(s.domain, &s.options, address, Errno::ENETUNREACH)?;
                let bound = s.local.filter(|_| s.port.address_locked).map(|local| local.ip());
                let address = self.destination(s.host, bound, address)?;
                let local = self.source_address(sock, address)?;
                self.send_syn(process, sock, local, address)?;
                self.net.socks[sock as usize].state = SocketState::Connecting;
                pending = Errno::EINPROGRESS;
            }
        }
        Ok(self.connect_stands(sock, pending))
    }

    /// The second half, and all that a caller who has waited does again; `pending`: what it returns where it waits no more.
    pub fn connect_stands(&mut self, sock: u32, pending: Errno) -> Connect {
        let s = &mut self.net.socks[sock as usize];
        match s.tcp {
            Tcp::SynSent | Tcp::SynRecv => Connect::Pending(pending),
            // The attempt is over: the error, once; then the socket can be used again.
            Tcp::Close => Connect::Failed(s.error.take().unwrap_or(Errno::ECONNABORTED)),
            _ => {
                s.state = SocketState::Connected;
                Connect::Done
            }
        }
    }

    /// The first half of `inet_shutdown`: what is shut. Whether a listener, or a connection that is being made, is to be
    /// disconnected for it.
    pub fn shutdown(&mut self, sock: u32, how: ShutdownHow) -> Result<bool> {
        let how = shutdown_bits(how);
        let s = &mut self.net.socks[sock as usize];
        if s.state == SocketState::Connecting {
            s.state = if matches!(s.tcp, Tcp::SynSent | Tcp::SynRecv | Tcp::Close) {
                SocketState::Disconnecting
            } else {
                SocketState::Connected
            };
        }
        match s.tcp {
            Tcp::Close => {
                s.shutdown |= how;
                Err(Errno::ENOTCONN)
            }
            Tcp::Listen if how & RCV == 0 => Ok(false),
            Tcp::Listen | Tcp::SynSent => Ok(true),
            _ => {
                s.shutdown |= how;
                Ok(false)
            }
        }
    }

    /// A socket that `shutdown` has disconnected can be used again.
    pub fn set_unconnected(&mut self, sock: u32) {
        self.net.socks[sock as usize].state = SocketState::Unconnected;
    }

    /// The second half: the FIN is sent. Whether that takes no time, as on loopback.
    pub fn shutdown_reaches_peer(&mut self, sock: u32, how: ShutdownHow) -> bool {
        self.shutdown_peer(sock, shutdown_bits(how))
    }

    /// The last: everybody who watches is notified.
    pub fn shutdown_done(&mut self, sock: u32) {
        let file = self.net.socks[sock as usize].file;
        self.notify(file, ALL, None);
    }

    pub fn setsockopt(&mut self, sock: u32, option: SocketOption) -> Result<()> {
        use SocketOption as O;
        let s = &mut self.net.socks[sock as usize];
        if let Some((errno, _)) = refusal(option.name(), s.domain, true) {
            return Err(errno);
        }
        let of = self.option_facts(sock);
        let s = &mut self.net.socks[sock as usize];
        match option {
            O::ReuseAddr(on) => {
                let inherited = s.port.inherited;
                if inherited {
                    self.unbind(sock);
                }
                self.net.socks[sock as usize].options.reuse_addr = on;
                if inherited {
                    self.net.socks[sock as usize].port =
                        Port { held: true, inherited, ..self.net.socks[sock as usize].port };
                    self.inherit_port(sock);
                }
                return Ok(());
            }
            // It counts for what is bound later (`inet_num`).
            O::V6Only(_) if s.port.held => return Err(Errno::EINVAL),
            O::RecvLowAt(bytes) => {
                let before = s.options.recv_buffer;
                s.options.set_low_at(bytes);
                let grown = u64::from(s.options.recv_buffer);
                if let (Some((conn, incoming)), true) = (s.receives(), s.options.recv_buffer > before) {
                    self.resize_receive_buffer(conn, incoming, grown);
                }
                // What is enough now is reported at once.
                let s = &self.net.socks[sock as usize];
                let (file, enough) = (s.file, s.done || self.is_enough(sock));
                if enough {
                    self.notify(file, Events::IN, Some(SigCode::PollIn));
                }
                return Ok(());
            }
            other => s.options.set(other, self.knobs, of)?,
        }
        if let Some((conn, side)) = s.conn {
            let (send, recv) = (u64::from(s.options.send_buffer), u64::from(s.options.recv_buffer));
            let incoming = usize::from(s.incoming);
            match option {
                O::SendBuffer(_) => self.net.conns[conn as usize].flows[side as usize].send_buffer = send,
                O::RecvBuffer(_) => self.resize_receive_buffer(conn, incoming, recv),
                _ => {}
            }
        }
        match option {
            O::SendBuffer(_) => self.room_to_send(sock),
            O::NoDelay(true) => self.cork(sock, true),
            O::Number(NumberOption::Cork, on) => self.cork(sock, on == 0),
            _ => {}
        }
        Ok(())
    }

    /// The sender gets no notice of more room: it finds out when it probes.
    fn resize_receive_buffer(&mut self, conn: u32, incoming: usize, bytes: u64) {
        let (now, c) = (self.run.now(), &mut self.net.conns[conn as usize]);
        let f = &mut c.flows[incoming];
        f.recv_buffer = bytes;
        if f.window_closed {
            let at = now + f.until_probe(now) + c.latency;
            f.unannounced_until = at;
            self.scheduler.plan(at, Event::Transmit(conn, c.generation, incoming as u8));
        }
    }

    pub fn getsockopt(&mut self, sock: u32, option: SocketOptionName) -> Result<SocketOption> {
        let of = self.option_facts(sock);
        let s = &mut self.net.socks[sock as usize];
        match refusal(option, s.domain, true) {
            Some((_, errno)) => Err(errno),
            None => s.options.get(option, of, || s.error.take()),
        }
    }

    fn option_facts(&self, sock: u32) -> Of {
        let s = &self.net.socks[sock as usize];
        let connected = !matches!(s.tcp, Tcp::Close | Tcp::Listen | Tcp::SynSent);
        let to = s.remote.filter(|_| connected).map(|remote| remote.ip());
        Of {
            listens: s.tcp == Tcp::Listen,
            closed: s.tcp == Tcp::Close,
            mtu: to.map(|to| self.mtu(s.host, to)),
            segment: to.map(|to| self.segment(s.host, to)),
            ..Of::plain(s.domain, false)
        }
    }

    /// The largest packet to an address, in bytes.
    pub(super) fn mtu(&self, host: u32, to: IpAddr) -> i32 {
        match self.host_of(host, to) == Some(host) {
            // `IP_MAX_MTU`.
            true if to.is_ipv4() => 65_535,
            true => 65_536,
            false => 1_500,
        }
    }

    /// The most bytes of a segment to an address: without the headers of IP and TCP, with time stamps.
    pub(super) fn segment(&self, host: u32, to: IpAddr) -> i32 {
        self.mtu(host, to) - if to.is_ipv4() { 52 } else { 72 }
    }
}

pub(super) fn shutdown_bits(how: ShutdownHow) -> u8 {
    match how {
        ShutdownHow::Read => RCV,
        ShutdownHow::Write => SEND,
        ShutdownHow::Both => SHUT,
    }
}
