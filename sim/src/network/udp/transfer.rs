//! A datagram leaves, and may be lost, late or doubled; it arrives, at a socket or none; it is received.

use super::super::control::Header;
use super::super::inet::{check_family, shown};
use super::super::ports::{share, spread};
use super::super::socket::{RCV, SEND};
use super::super::{Caller, Net, Network, address_word};
use super::UdpSock;
use crate::NONE;
use crate::fault::Family;
use crate::scheduler::{Event, Step};
use crate::trace::Kind;
use eagain_net::{
    Control, Domain, Errno, Events, NumberOption, RecvFlags, Result, SendFlags, SigCode, SocketAddr,
};

/// Bytes of a datagram over IPv4 (RFC 768, RFC 791).
const LEN_MAX: usize = 65_507;
/// The same over IPv6, without jumbograms.
const LEN_MAX_V6: usize = 65_527;

/// A datagram on its way.
pub(in crate::network) struct Flying {
    header: Header,
    hosts: [u32; 2],
    latency: u64,
    bytes: Vec<u8>,
    /// The socket that sent it, and when that was made.
    sender: (u32, u32),
}

impl Network {
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

    /// The datagram leaves; it may be lost, late, or doubled. Its sender has the memory back, which wakes who waits to write (`sock_wfree`).
    fn udp_launch(&mut self, datagram: Flying) {
        self.notify(self.net.udp[datagram.sender.0 as usize].file, Events::OUT, None);
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
        let numbers = &s.options.numbers;
        header.has_info = numbers.has(NumberOption::PktInfo) || numbers.has(NumberOption::RecvPktInfo6);
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
        // `ip_recv_error`: nothing fills the queue.
        if flags.contains(RecvFlags::ERRQUEUE) {
            return Step::Done(Err(Errno::EAGAIN));
        }
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
}

/// Whether a socket that is connected to `remote` has to do with `other`: port 0 is any.
fn is_of(remote: SocketAddr, other: SocketAddr) -> bool {
    remote.ip() == other.ip() && (remote.port() == 0 || remote.port() == other.port())
}

/// What a datagram counts in the receiver's buffer: its bytes, its headers and the kernel's own.
fn charge(len: usize) -> u64 {
    256 + (len as u64 + 60 + 320).next_power_of_two().max(512)
}
