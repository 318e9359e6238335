//! A trace as packets, for Wireshark and tshark (pcapng, draft-ietf-opsawg-pcapng): each segment when it arrives, as IPv4 and
//! TCP. What was not kept of a payload counts as not captured; a fault is a comment on the packet that it hit.
//!
//! ```text
//! block:  type 32 | length 32 | body, padded to 32 | length 32
//! options in a body:  code 16 | length 16 | value, padded to 32 | … | 0 0
//! ```

use crate::trace::TraceLog;
use crate::trace::connections::Follower;
use crate::trace::{Event, Kind, format};
use std::collections::BTreeMap;
use std::io::{self, Write};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
const PACKET: u32 = 6;
/// `LINKTYPE_RAW`: a packet begins with its IP header.
const RAW_IP: u16 = 101;
const COMMENT: u16 = 1;
const PROGRAM: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;
const HEADERS: usize = 40;
/// An IPv4 packet holds 65,535 bytes; a segment of the simulated wire may be a little longer.
const PAYLOAD_MAX: u64 = 32 * 1024;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// Writes the file.
pub fn write(log: &TraceLog, out: &mut dyn Write) -> io::Result<()> {
    let mut section = Vec::new();
    section.extend(0x1a2b_3c4d_u32.to_le_bytes());
    section.extend([1_u16, 0].map(u16::to_le_bytes).concat());
    section.extend(u64::MAX.to_le_bytes());
    options(&mut section, &[(PROGRAM, b"eagain")]);
    block(out, SECTION, &section)?;
    let mut interface = Vec::new();
    interface.extend([RAW_IP, 0].map(u16::to_le_bytes).concat());
    interface.extend(0_u32.to_le_bytes());
    options(&mut interface, &[(INTERFACE_NAME, b"wire"), (TIME_RESOLUTION, &[9])]);
    block(out, INTERFACE, &interface)?;

    // The host names, so that Wireshark resolves addresses by them (Name Resolution Block).
    let mut names = Vec::new();
    for (index, name) in log.hosts.iter().enumerate() {
        let [high, low] = (index as u16).wrapping_add(1).to_be_bytes();
        let record = [&[10, 0, high, low][..], name.as_bytes(), &[0]].concat();
        names.extend(1_u16.to_le_bytes());
        names.extend(u16::try_from(record.len()).unwrap_or(u16::MAX).to_le_bytes());
        names.extend(&record[..record.len().min(usize::from(u16::MAX))]);
        pad(&mut names);
    }
    if !names.is_empty() {
        names.extend([0; 4]);
        block(out, NAMES, &names)?;
    }

    let mut packets = Packets { log, out, numbers: BTreeMap::new(), comments: BTreeMap::new() };
    let mut follower = Follower::default();
    for event in &log.events {
        if let Some((connection, side)) = follower.follow(event) {
            packets.event(event, connection, side, follower.all[connection].ends)?;
        }
    }
    Ok(())
}

struct Packets<'a> {
    log: &'a TraceLog,
    out: &'a mut dyn Write,
    /// By connection: the next sequence number of each direction.
    numbers: BTreeMap<usize, [u32; 2]>,
    /// By connection and direction: faults since its last packet.
    comments: BTreeMap<(usize, usize), Vec<String>>,
}

impl Packets<'_> {
    fn event(&mut self, event: &Event, connection: usize, side: usize, ends: [u64; 2]) -> io::Result<()> {
        match event.kind {
            Kind::Syn => self.packet(event, (connection, 0), ends, SYN, 0, &[]),
            Kind::Refused => self.packet(event, (connection, 1), ends, RST | ACK, 0, &[]),
            Kind::Established => {
                self.packet(event, (connection, 1), ends, SYN | ACK, 0, &[])?;
                self.packet(event, (connection, 0), ends, ACK, 0, &[])
            }
            Kind::Arrived => {
                let mut payload = format::payload(self.log, event);
                let mut left = event.args[2];
                while left > 0 {
                    let length = left.min(PAYLOAD_MAX);
                    let kept = payload.len().min(length as usize);
                    self.packet(event, (connection, side), ends, PSH | ACK, length, &payload[..kept])?;
                    payload = &payload[kept..];
                    left -= length;
                }
                Ok(())
            }
            Kind::Fin => self.packet(event, (connection, side), ends, FIN | ACK, 0, &[]),
            Kind::Rst => self.packet(event, (connection, side), ends, RST | ACK, 0, &[]),
            kind if kind.is_fault() => {
                let text = format!("#{} {}", event.number, format::call(self.log, event));
                self.comments.entry((connection, side)).or_default().push(text);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A packet of `length` bytes of which `payload` was kept, from one side of a connection.
    fn packet(
        &mut self,
        event: &Event,
        (connection, side): (usize, usize),
        ends: [u64; 2],
        flags: u8,
        length: u64,
        payload: &[u8],
    ) -> io::Result<()> {
        let numbers = self.numbers.entry(connection).or_default();
        let (from, to) = (format::address(ends[side]), format::address(ends[1 - side]));
        let mut packet = ip_header(from.ip().octets(), to.ip().octets(), HEADERS as u16 + length as u16);
        let acknowledged = if flags & ACK != 0 { numbers[1 - side] } else { 0 };
        packet.extend(from.port().to_be_bytes());
        packet.extend(to.port().to_be_bytes());
        packet.extend(numbers[side].to_be_bytes());
        packet.extend(acknowledged.to_be_bytes());
        packet.extend([5 << 4, flags]);
        // Window; checksum, left out as by a card that computes it; urgent pointer.
        packet.extend([0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        // SYN and FIN count as a byte. A SYN that is sent again has the number of the first.
        let phantom = u32::from(flags & FIN != 0);
        numbers[side] = match flags & SYN != 0 {
            true => 1,
            false => numbers[side].wrapping_add(length as u32).wrapping_add(phantom),
        };

        let mut body = Vec::with_capacity(packet.len() + 64);
        body.extend(0_u32.to_le_bytes());
        body.extend(((event.time >> 32) as u32).to_le_bytes());
        body.extend((event.time as u32).to_le_bytes());
        body.extend((packet.len() as u32).to_le_bytes());
        body.extend((HEADERS as u32 + length as u32).to_le_bytes());
        body.extend(&packet);
        pad(&mut body);
        let comments = self.comments.remove(&(connection, side)).unwrap_or_default();
        let number = format!("event #{}", event.number);
        let texts: Vec<(u16, &[u8])> =
            comments.iter().chain([&number]).map(|text| (COMMENT, text.as_bytes())).collect();
        options(&mut body, &texts);
        block(self.out, PACKET, &body)
    }
}

/// 20 bytes; the packet is `length` bytes long with them.
fn ip_header(from: [u8; 4], to: [u8; 4], length: u16) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    // Version 4, no options; do not fragment; time to live 64; TCP.
    let mut header = vec![0x45, 0, high, low, 0, 0, 0x40, 0, 64, 6, 0, 0];
    header.extend(from);
    header.extend(to);
    let sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn options(body: &mut Vec<u8>, options: &[(u16, &[u8])]) {
    for (code, value) in options {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        body.extend(code.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(&value[..usize::from(length)]);
        pad(body);
    }
    body.extend([0; 4]);
}

fn block(out: &mut dyn Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = (body.len() as u32 + 12).to_le_bytes();
    for part in [&kind.to_le_bytes()[..], &length, body, &length] {
        out.write_all(part)?;
    }
    Ok(())
}
