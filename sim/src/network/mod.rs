//! What travels between sockets, and the protocol's answer to it: handshake, segments with latency and windows,
//! acknowledgements, FIN and RST. The states and the order of the steps are those of Linux (net/ipv4/tcp_input.c,
//! tcp.c); what is left out: loss and retransmission (they show as delay), congestion control, Nagle.

mod arrive;
mod close;
mod cut;
mod handshake;
mod pump;
mod swizzle;
mod urgent;

pub(crate) use cut::Cut;

use crate::choice::{Domain, Group, Lane};
use crate::fault::Family;
use crate::object::{Conn, Flow};
use crate::world::World;
use eagain_net::SocketAddr;

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

impl World {
    /// The connection, where it still is the one that an entry of the agenda meant.
    fn conn(&mut self, conn: u32, generation: u32) -> Option<&mut Conn> {
        self.conns.get_mut(conn as usize).filter(|c| c.generation == generation)
    }

    /// Makes a choice about the next segment of one direction of a connection.
    #[inline(always)] // a look at whether the family is on, four times a segment
    fn choose_for_segment(&mut self, conn: u32, side: usize, family: Family) -> u64 {
        if self.run.may(family) { self.draw_for_segment(conn, side, family) } else { 0 }
    }

    #[inline(never)]
    fn draw_for_segment(&mut self, conn: u32, side: usize, family: Family) -> u64 {
        let Conn { flows, caller, addresses, ordinal, .. } = &mut self.conns[conn as usize];
        let (caller, to) = (&self.processes[*caller as usize].name, addresses[1]);
        let Flow { segments, segment_words, .. } = &mut flows[side];
        let lane = match family {
            Family::WireDelay => 0,
            Family::WireSplit => 1,
            Family::WireStall => 2,
            Family::WireCoalesce => 4,
            Family::BlackHole => 5,
            _ => 3,
        };
        let source = Lane { words: segment_words, group: SEGMENT, lane, ordinal: *segments };
        self.run.draw(family, source, || flow_name(caller, *ordinal, to, side))
    }
}

/// The name of one direction of a connection: who called, the how-manieth call to that destination, the destination.
pub(crate) fn flow_name(caller: &str, ordinal: u32, to: SocketAddr, side: usize) -> String {
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
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

#[test]
fn the_name_of_a_flow_is_what_its_parts_display() {
    for to in ["10.0.0.1:6379", "127.0.0.1:65535", "[::1]:80"] {
        let to: SocketAddr = to.parse().unwrap();
        assert_eq!(flow_name("client-1", 120, to, 0), format!("client-1#120>{to}/up"));
        assert_eq!(flow_name("c", 1, to, 1), format!("c#1>{to}/down"));
    }
}
