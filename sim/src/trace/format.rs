//! How events are written, the same in every form of a trace.

use super::Event;
use super::TraceLog;
use crate::calls::{self, Arg, Kind, Resolve, argument};
use crate::print::{put_bytes, put_hex, put_number, put_span, put_time, text};
use std::net::{Ipv4Addr, SocketAddrV4};

/// The nanoseconds since the start, as seconds: `1.000250000`.
pub fn time(ns: u64) -> String {
    text(|out| put_time(out, ns))
}

/// A span, exactly, in the largest unit that divides it: `20ms`, `1500ns`.
pub fn span(ns: u64) -> String {
    text(|out| put_span(out, ns))
}

/// The address in a word: ip << 16 | port.
pub fn address(word: u64) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from((word >> 16) as u32), word as u16)
}

/// The host at an address, by name, and the port.
pub fn place(log: &TraceLog, word: u64) -> String {
    let address = address(word);
    match argument::host_of(word).and_then(|index| log.host(index)) {
        Some(name) => format!("{name}:{}", address.port()),
        None => address.to_string(),
    }
}

/// Bytes as a C string, cut after `limit`.
pub fn bytes(bytes: &[u8], limit: usize) -> String {
    text(|out| put_bytes(out, bytes, limit))
}

impl Resolve for TraceLog {
    fn text(&self, index: usize) -> Option<&str> {
        self.texts.get(index).map(String::as_str)
    }

    fn host(&self, index: usize) -> Option<&str> {
        self.hosts.get(index).map(String::as_str)
    }
}

/// `recv(7, 4096, 0)`; the two ends of a wire are written `from > to`.
pub fn call(log: &TraceLog, event: &Event) -> String {
    text(|out| put_call(out, log, event))
}

pub(super) fn put_call(out: &mut Vec<u8>, log: &TraceLog, event: &Event) {
    put_call_of(out, log, event.kind, &event.args);
    if event.kind == Kind::Setsockopt
        && let Ok(value) = payload(log, event).try_into()
    {
        out.pop();
        out.push(b'=');
        calls::put_option_value(out, event.args[1], u64::from_le_bytes(value));
        out.push(b')');
    }
}

/// A call with its words, whether it has ended or not.
pub(crate) fn put_call_of(out: &mut Vec<u8>, names: &impl Resolve, kind: Kind, words: &[u64; 4]) {
    let args = kind.args();
    out.extend_from_slice(kind.name().as_bytes());
    out.push(b'(');
    for (index, (arg, word)) in args.iter().zip(words).enumerate() {
        if index > 0 {
            let ends = index == 1 && matches!(args, [Arg::Address, Arg::Address, ..]);
            out.extend_from_slice(if ends { b" > " } else { b", " });
        }
        arg.put(out, names, *word);
    }
    out.push(b')');
}

/// `= 6`, or `= -1 EAGAIN`; nothing for what is no call.
pub fn result(log: &TraceLog, event: &Event) -> String {
    text(|out| put_result_of(out, log, event.kind, event.result))
}

pub(crate) fn put_result_of(out: &mut Vec<u8>, names: &impl Resolve, kind: Kind, result: i64) {
    if !kind.is_call() {
        return;
    }
    match argument::errno(result) {
        Some(errno) => {
            out.extend_from_slice(b"= -1 ");
            argument::put_errno(out, errno);
        }
        None => {
            out.extend_from_slice(b"= ");
            kind.row().result.put(out, names, result as u64);
        }
    }
}

/// How many bytes the event is about, where it carries any.
pub fn moved(event: &Event) -> u64 {
    match event.kind {
        Kind::Arrived | Kind::Datagram => event.args[2],
        _ => u64::try_from(event.result).unwrap_or(0),
    }
}

/// The bytes that were kept of what was sent or received, if any.
pub fn payload<'a>(log: &'a TraceLog, event: &Event) -> &'a [u8] {
    let (start, length) = (event.bytes.0 as usize, event.bytes.1 as usize);
    start.checked_add(length).and_then(|end| log.bytes.get(start..end)).unwrap_or_default()
}

/// What a call moved, reported or found; nothing where there is none of it.
pub fn payload_text(log: &TraceLog, event: &Event, bytes_max: usize) -> String {
    text(|out| put_payload(out, log, event, bytes_max)).trim_start().to_owned()
}

/// Behind a space, what a call moved: the beginning of the bytes, what a wait has found, or the value of an option.
pub(super) fn put_payload(out: &mut Vec<u8>, log: &TraceLog, event: &Event, bytes_max: usize) {
    let payload = payload(log, event);
    // An option that is set is an argument.
    if payload.is_empty() || event.kind == Kind::Setsockopt {
        return;
    }
    out.push(b' ');
    if matches!(event.kind, Kind::EpollWait | Kind::Poll | Kind::Select) {
        return put_found(out, event, payload);
    }
    if let (Kind::Getsockopt, Ok(value)) = (event.kind, payload.try_into()) {
        out.push(b'[');
        calls::put_option_value(out, event.args[1], u64::from_le_bytes(value));
        return out.push(b']');
    }
    put_bytes(out, payload, bytes_max);
    if payload.len() > bytes_max || moved(event) > payload.len() as u64 {
        out.extend_from_slice(b"...");
    }
}

/// `[{fd 3, EPOLLIN, data 1}]` of an epoll set, with the data of the entry; `[{fd 3, POLLIN}]`; `[{fd 3, in}]`.
fn put_found(out: &mut Vec<u8>, event: &Event, payload: &[u8]) {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    out.push(b'[');
    let all = payload.chunks_exact(FOUND_BYTES);
    let shown = all.len() as u64;
    for (at, entry) in all.enumerate() {
        out.extend_from_slice(if at > 0 { b", {fd " } else { b"{fd " });
        put_number(out, word(&entry[12..]));
        out.extend_from_slice(b", ");
        let names = match event.kind {
            Kind::EpollWait => calls::EPOLL_EVENTS,
            Kind::Poll => calls::POLL_EVENTS,
            _ => calls::SELECT_SETS,
        };
        names.put(out, &Nameless, word(&entry[8..12]));
        if event.kind == Kind::EpollWait {
            out.extend_from_slice(b", data ");
            // A token is a small number, or a pointer or a constant of all ones.
            let data = word(&entry[..8]);
            if data >> 32 == 0 { put_number(out, data) } else { put_hex(out, data) }
        }
        out.push(b'}');
    }
    out.push(b']');
    if event.result > 0 && event.result as u64 > shown {
        out.extend_from_slice(b"...");
    }
}

/// What a wait has found is kept as data (64 bits), events (32 bits) and a descriptor (32 bits) each.
const FOUND_BYTES: usize = 16;

/// Flags refer to nothing by index.
struct Nameless;

impl Resolve for Nameless {
    fn text(&self, _: usize) -> Option<&str> {
        None
    }

    fn host(&self, _: usize) -> Option<&str> {
        None
    }
}

/// The event that caused this one's result.
pub fn cause<'a>(log: &'a TraceLog, event: &Event) -> Option<&'a Event> {
    if event.cause == 0 {
        return None;
    }
    // A log holds all events, numbered from 1; one that was cut out of another does not.
    let index = usize::try_from(event.cause - 1).unwrap_or(usize::MAX);
    let at = log.events.get(index).filter(|other| other.number == event.cause);
    at.or_else(|| {
        let index = log.events.binary_search_by_key(&event.cause, |other| other.number).ok()?;
        log.events.get(index)
    })
}

/// Who: `host/thread`, or `~` for an event of no thread.
pub fn actor<'a>(log: &'a TraceLog, event: &Event) -> &'a str {
    match event.thread {
        u32::MAX => "~",
        index => log.threads.get(index as usize).map_or("?", String::as_str),
    }
}
