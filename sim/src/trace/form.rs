//! How the words of events are written, the same in every view.

use super::{Event, Kind};
use crate::run::TraceLog;
use eagain_net::Errno;
use std::net::{Ipv4Addr, SocketAddrV4};

/// What is put together piece by piece: all pieces are text. A trace has many lines, so what makes them adds to a line
/// that is there already, and leaves formatters out.
pub(super) fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// A number in decimal digits.
pub(super) fn put_number(out: &mut Vec<u8>, number: u64) {
    put_digits(out, number, 1);
}

/// A number in at least `least` decimal digits, zeros before it.
fn put_digits(out: &mut Vec<u8>, mut number: u64, least: usize) {
    // 2^64 has twenty digits.
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number != 0 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - least)..]);
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn put_hex(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(b"0x");
    let first = (63 - (number | 1).leading_zeros()) / 4;
    out.extend((0..=first).rev().map(|at| HEX[(number >> (4 * at)) as usize & 15]));
}

/// A number that may be negative.
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    put_number(out, number.unsigned_abs());
}

/// The nanoseconds since the start, as seconds: `1.000250000`.
pub fn time(ns: u64) -> String {
    text(|out| put_time(out, ns))
}

pub(super) fn put_time(out: &mut Vec<u8>, ns: u64) {
    put_number(out, ns / 1_000_000_000);
    out.push(b'.');
    put_digits(out, ns % 1_000_000_000, 9);
}

/// A span, exactly, in the largest unit that divides it: `20ms`, `1500ns`. The largest number is no span at all: `never`.
pub fn span(ns: u64) -> String {
    text(|out| put_span(out, ns))
}

fn put_span(out: &mut Vec<u8>, ns: u64) {
    let (number, unit): (u64, &[u8]) = match ns {
        u64::MAX => return out.extend_from_slice(b"never"),
        0 => return out.push(b'0'),
        ns if ns % 1_000_000_000 == 0 => (ns / 1_000_000_000, b"s"),
        ns if ns % 1_000_000 == 0 => (ns / 1_000_000, b"ms"),
        ns if ns % 1_000 == 0 => (ns / 1_000, b"us"),
        ns => (ns, b"ns"),
    };
    put_number(out, number);
    out.extend_from_slice(unit);
}

/// The address in a word: ip << 16 | port.
pub fn address(word: u64) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from((word >> 16) as u32), word as u16)
}

/// The host at an address, by name, and the port.
pub fn place(log: &TraceLog, word: u64) -> String {
    let address = address(word);
    match host(log, *address.ip()) {
        Some(name) => format!("{name}:{}", address.port()),
        None => address.to_string(),
    }
}

/// Hosts have the addresses 10.0.x.y, dealt out in order from 10.0.0.1.
fn host(log: &TraceLog, ip: Ipv4Addr) -> Option<&str> {
    let [10, 0, high, low] = ip.octets() else { return None };
    let index = (usize::from(high) << 8 | usize::from(low)).checked_sub(1)?;
    log.hosts.get(index).map(String::as_str)
}

fn put_address(out: &mut Vec<u8>, word: u64) {
    for (at, octet) in ((word >> 16) as u32).to_be_bytes().into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        put_number(out, octet.into());
    }
    out.push(b':');
    put_number(out, word & 0xffff);
}

/// Bytes as a C string, cut after `limit`.
pub fn bytes(bytes: &[u8], limit: usize) -> String {
    text(|out| put_bytes(out, bytes, limit))
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    out.push(b'"');
    for &byte in bytes.iter().take(limit) {
        match byte {
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            // Always two digits: a digit may follow.
            _ => out.extend_from_slice(&[
                b'\\',
                b'x',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
    out.push(b'"');
}

/// One argument.
fn put_argument(out: &mut Vec<u8>, log: &TraceLog, form: &str, word: u64) {
    match form.as_bytes() {
        b"x" if word != 0 => put_hex(out, word),
        b"addr" => put_address(out, word),
        b"ns" => put_span(out, word),
        b"text" => match log.texts.get(index(word)) {
            Some(text) => put_bytes(out, text.as_bytes(), 200),
            None => put_named(out, b"text ", word),
        },
        b"ptr" => put_named(out, b"w", word),
        b"host" if word == u64::MAX => out.push(b'*'),
        b"host" => match log.hosts.get(index(word)) {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => put_named(out, b"host ", word),
        },
        _ => put_signed(out, word as i64),
    }
}

fn index(word: u64) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}

fn put_named(out: &mut Vec<u8>, name: &[u8], number: u64) {
    out.extend_from_slice(name);
    put_number(out, number);
}

/// `recv(7, 4096, 0)`; the two ends of a wire are written `from > to`.
pub fn call(log: &TraceLog, event: &Event) -> String {
    text(|out| put_call(out, log, event))
}

pub(super) fn put_call(out: &mut Vec<u8>, log: &TraceLog, event: &Event) {
    let forms = event.kind.args();
    out.extend_from_slice(event.kind.name().as_bytes());
    out.push(b'(');
    for (index, (form, word)) in forms.iter().zip(event.args).enumerate() {
        if index > 0 {
            let ends = index == 1 && forms[0] == "addr" && *form == "addr";
            out.extend_from_slice(if ends { b" > " } else { b", " });
        }
        put_argument(out, log, form, word);
    }
    out.push(b')');
}

/// `= 6`, or `= -1 EAGAIN`; nothing for a happening.
pub fn result(event: &Event) -> String {
    text(|out| put_result(out, event))
}

pub(super) fn put_result(out: &mut Vec<u8>, event: &Event) {
    if !event.kind.is_call() {
        return;
    }
    match i32::try_from(event.result) {
        // -4095 to -1 are errno values, as in the kernel's own convention.
        Ok(negated @ -4095..=-1) => {
            out.extend_from_slice(b"= -1 ");
            let errno = Errno(-negated);
            match errno.name() {
                "E?" => out.extend_from_slice(format!("{errno:?}").as_bytes()),
                name => out.extend_from_slice(name.as_bytes()),
            }
        }
        _ => {
            out.extend_from_slice(b"= ");
            put_signed(out, event.result);
        }
    }
}

/// How many bytes the event is about, where it carries any.
pub fn moved(event: &Event) -> u64 {
    match event.kind {
        Kind::Arrived => event.args[2],
        _ => u64::try_from(event.result).unwrap_or(0),
    }
}

/// The bytes that were kept of what was sent or received, if any.
pub fn payload<'a>(log: &'a TraceLog, event: &Event) -> &'a [u8] {
    let (start, length) = (event.bytes.0 as usize, event.bytes.1 as usize);
    start.checked_add(length).and_then(|end| log.bytes.get(start..end)).unwrap_or_default()
}

/// The event that caused this one's result.
pub fn cause<'a>(log: &'a TraceLog, event: &Event) -> Option<&'a Event> {
    if event.cause == 0 {
        return None;
    }
    // A log holds all events, numbered from 1; one that was cut out of another does not.
    let at = log.events.get(index(event.cause - 1)).filter(|other| other.number == event.cause);
    at.or_else(|| {
        let index = log.events.binary_search_by_key(&event.cause, |other| other.number).ok()?;
        log.events.get(index)
    })
}

/// Who: `host/thread`, or `~` for a happening that is nobody's.
pub fn actor<'a>(log: &'a TraceLog, event: &Event) -> &'a str {
    match event.thread {
        u32::MAX => "~",
        index => log.threads.get(index as usize).map_or("?", String::as_str),
    }
}

/// Whether the event is a fault.
pub fn is_fault(kind: Kind) -> bool {
    (kind as u16) >= 2000
}
