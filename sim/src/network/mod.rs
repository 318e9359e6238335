//! The network: what travels between sockets, and the protocol's answer to it: handshake, segments with latency and
//! windows, acknowledgements, FIN and RST. The states and the order of the steps are those of Linux (net/ipv4/tcp_input.c,
//! tcp.c); what is left out: loss and retransmission (they show as delay), congestion control, Nagle. Who waits for a
//! socket, and which descriptor refers to it, is not known here: changes are reported by [`Notice`].
//!
//! ```text
//!   socket       a TCP socket, and the options of all sockets            connection  two flows, one a direction
//!   inet         bind, listen, accept, connect, shutdown, options        ports       who has which address
//!   tcp          send, receive, poll: the socket's side                  handshake   SYN, SYN-ACK, ACK
//!   transmit     bytes become segments, under the faults                 receive     what arrives does
//!   acknowledging   when a FIN is acknowledged                           close       FIN and RST, and the release of sockets
//!   cork         partial segments that are held back                     urgent      the byte out of band
//!   udp          datagrams                                               unix        AF_UNIX: nothing of it travels
//!   partition, swizzle   hosts that cannot reach each other              probe       whoever gets no answer asks again
//!   notice       what is said upwards                                    ticks       timeouts of sockets
//!   number_option   options that are one number                          byte_queue  the bytes of a flow
//!   other_end    of a connection, for reports                            looks       what a socket holds
//! ```

mod acknowledging;
mod byte_queue;
mod close;
mod connection;
mod control;
mod cork;
mod handshake;
mod inet;
mod looks;
mod notice;
mod number_option;
mod other_end;
mod partition;
mod ports;
mod probe;
mod receive;
mod socket;
mod swizzle;
mod tcp;
mod ticks;
mod transmit;
mod udp;
mod unix;
mod urgent;

pub(crate) use inet::Connect;
pub(crate) use notice::{ALL, Notice};
pub(crate) use other_end::OtherEnd;
pub(crate) use partition::Cut;
pub(crate) use tcp::{RecvProgress, SendProgress};
pub(crate) use unix::{Passed, UnixBinding, UnixConnect};

use crate::choice::{Domain, Group, Lane, Stream};
use crate::fault::Family;
use crate::fifo::Fifo;
use crate::knobs::KernelKnobs;
use crate::run::Run;
use crate::scheduler::Scheduler;
use acknowledging::Acknowledging;
use byte_queue::ByteQueue;
use connection::{Conn, Flow};
use eagain_net::{Events, SigCode, SocketAddr};
use ports::Interface;
use slab::Slab;
use socket::Sock;
use std::net::Ipv4Addr;
use udp::{Flying, UdpSock};
use unix::UnixSock;

/// The state of the network. Only this module sees inside; whoever acts on it does so through [`Net`].
#[derive(Default)]
pub(crate) struct Network {
    socks: Slab<Sock>,
    conns: Slab<Conn>,
    udp: Slab<UdpSock>,
    /// Counts UDP sockets.
    udp_made: u32,
    /// Datagrams on their way.
    flying: Slab<Flying>,
    unix: Slab<UnixSock>,
    /// Open files on their way through AF_UNIX sockets.
    pub passed: Passed,
    /// Counts AF_UNIX sockets.
    unix_made: u32,
    /// Counts connections, so that an event of an older one is known.
    generation: u32,
    hosts: Vec<Interface>,
    /// By process: who makes connections and listens.
    callers: Vec<Caller>,
    /// Links between hosts that carry nothing.
    cuts: Vec<Cut>,
    /// Counts partitions.
    partition: u32,
    /// Hosts that are down, or cut off, the one counted as the other.
    hosts_away: u32,
    /// The event queue has an entry for the beginning of the quiet tail.
    quiet_planned: bool,
    /// When partitions begin.
    partitions: Stream,
    /// When hosts are cut off one after another.
    swizzles: Stream,
    /// What is still to be delivered.
    notices: Vec<Notice>,
    /// Bytes that were ever put into a socket's buffer: no buffer grows by more than this does.
    buffered: u64,
}

/// A process as the network knows it: the names of connections and listeners go by it.
struct Caller {
    name: String,
    /// How many connections were started to each destination.
    connects: Vec<(SocketAddr, u32)>,
    listens: Stream,
    /// How many UDP sockets were made.
    datagram_sockets: u32,
}

/// The network in its run: what its steps need beside its own state.
pub(crate) struct Net<'a> {
    pub net: &'a mut Network,
    pub run: &'a mut Run,
    pub scheduler: &'a mut Scheduler,
    pub knobs: &'a KernelKnobs,
}

impl Network {
    /// Empty, with the capacity of one that is over.
    pub fn recycled(mut old: Network) -> Network {
        old.socks.clear();
        old.conns.clear();
        old.udp.clear();
        old.flying.clear();
        old.unix.clear();
        old.hosts.clear();
        old.callers.clear();
        old.notices.clear();
        let Network { socks, conns, udp, flying, unix, hosts, callers, notices, .. } = old;
        Network { socks, conns, udp, flying, unix, hosts, callers, notices, ..Network::default() }
    }

    /// A new host has an address.
    pub fn add_host(&mut self, name: &str, ip: Ipv4Addr) {
        self.hosts.push(Interface::new(name, ip));
    }

    /// A new process may make connections.
    pub fn add_process(&mut self, name: &str) {
        self.callers.push(Caller {
            name: name.to_owned(),
            connects: Vec::new(),
            listens: Stream::default(),
            datagram_sockets: 0,
        });
    }

    pub fn ip(&self, host: u32) -> Ipv4Addr {
        self.hosts[host as usize].ip
    }

    /// Whether the power of a host is off.
    pub fn is_down(&self, host: u32) -> bool {
        self.hosts[host as usize].down
    }

    #[inline]
    pub fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// Takes out the only notice, where there is one and no other.
    #[inline]
    pub fn take_only_notice(&mut self) -> Option<Notice> {
        if self.notices.len() == 1 { self.notices.pop() } else { None }
    }

    /// Takes out what is to be delivered; the list is given back with [`Network::return_notices`].
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The list, delivered, for use again.
    pub fn return_notices(&mut self, mut list: Vec<Notice>) {
        if self.notices.is_empty() {
            list.clear();
            self.notices = list;
        }
    }
}

/// What is chosen about each segment: delay, split, stall, reset, coalescing, black holes.
const SEGMENT: Group = Group { domain: Domain("wire.segment") };

/// The largest segment, in bytes: what segmentation offload hands over at once.
const MAX_SEGMENT: u64 = 64 * 1024;

/// An address as a word of an event: IPv4 address and port.
pub(crate) fn address_word(address: SocketAddr) -> u64 {
    let ip = match address.ip() {
        std::net::IpAddr::V4(ip) => u32::from(ip),
        std::net::IpAddr::V6(ip) if ip.is_loopback() => u32::from(std::net::Ipv4Addr::LOCALHOST),
        std::net::IpAddr::V6(_) => 0,
    };
    u64::from(ip) << 16 | u64::from(address.port())
}

impl Net<'_> {
    #[inline]
    fn notify(&mut self, file: u32, events: Events, signal: Option<SigCode>) {
        self.net.notices.push(Notice::Ready { file, events, signal });
    }

    fn notify_again(&mut self, file: u32, events: Events) {
        self.net.notices.push(Notice::Again { file, events });
    }

    /// The connection, where it still is the one that an entry of the event queue meant.
    fn conn(&mut self, conn: u32, generation: u32) -> Option<&mut Conn> {
        self.net.conns.get_mut(conn as usize).filter(|c| c.generation == generation)
    }

    /// Makes a choice about the next segment of one direction of a connection.
    #[inline(always)] // most often it only looks whether the family is on
    fn choose_for_segment(&mut self, conn: u32, side: usize, family: Family) -> u64 {
        if self.run.may(family) { self.draw_for_segment(conn, side, family) } else { 0 }
    }

    #[inline(never)]
    fn draw_for_segment(&mut self, conn: u32, side: usize, family: Family) -> u64 {
        let Conn { flows, caller, addresses, ordinal, .. } = &mut self.net.conns[conn as usize];
        let (caller, to) = (&self.net.callers[*caller as usize].name, addresses[1]);
        let Flow { segments, segment_words, .. } = &mut flows[side];
        let lane = family.lane();
        let source = Lane { words: segment_words, group: SEGMENT, lane, ordinal: *segments };
        self.run.draw(family, source, || flow_name(caller, *ordinal, to, side))
    }
}

/// The name of one direction of a connection: who called, the number of the call to that destination, the destination.
fn flow_name(caller: &str, ordinal: u32, to: SocketAddr, side: usize) -> String {
    use std::fmt::Write;
    let mut name = String::with_capacity(caller.len() + 40);
    name.push_str(caller);
    name.push('#');
    push_number(&mut name, ordinal);
    name.push('>');
    match to {
        // As it displays, without the formatter: a short world spends a twentieth of its time on names.
        SocketAddr::V4(to) => {
            for (at, octet) in to.ip().octets().into_iter().enumerate() {
                if at > 0 {
                    name.push('.');
                }
                push_number(&mut name, u32::from(octet));
            }
            name.push(':');
            push_number(&mut name, u32::from(to.port()));
        }
        SocketAddr::V6(to) => drop(write!(name, "{to}")),
    }
    name.push_str(if side == 0 { "/up" } else { "/down" });
    name
}

fn push_number(text: &mut String, number: u32) {
    text.push_str(itoa::Buffer::new().format(number));
}

#[test]
fn the_name_of_a_flow_is_what_its_parts_display() {
    for to in ["10.0.0.1:6379", "127.0.0.1:65535", "[::1]:80"] {
        let to: SocketAddr = to.parse().unwrap();
        assert_eq!(flow_name("client-1", 120, to, 0), format!("client-1#120>{to}/up"));
        assert_eq!(flow_name("c", 1, to, 1), format!("c#1>{to}/down"));
    }
}
