//! How the words of events are written, the same in every view.

use super::{Event, Kind};
use crate::run::TraceLog;
use eagain_net::Errno;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddrV4};

/// The nanoseconds since the start, as seconds: `1.000250000`.
pub fn time(ns: u64) -> String {
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// A span, exactly, in the largest unit that divides it: `20ms`, `1500ns`. The largest number is no span at all: `never`.
pub fn span(ns: u64) -> String {
    match ns {
        u64::MAX => "never".to_owned(),
        0 => "0".to_owned(),
        ns if ns % 1_000_000_000 == 0 => format!("{}s", ns / 1_000_000_000),
        ns if ns % 1_000_000 == 0 => format!("{}ms", ns / 1_000_000),
        ns if ns % 1_000 == 0 => format!("{}us", ns / 1_000),
        ns => format!("{ns}ns"),
    }
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

/// Bytes as a C string, cut after `limit`.
pub fn bytes(bytes: &[u8], limit: usize) -> String {
    let mut text = String::from("\"");
    for &byte in bytes.iter().take(limit) {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b' '..=b'~' => text.push(char::from(byte)),
            // Always two digits: a digit may follow.
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push('"');
    text
}

/// A number that may be negative.
fn number(word: u64) -> String {
    (word as i64).to_string()
}

/// One argument.
fn argument(log: &TraceLog, form: &str, word: u64) -> String {
    match form {
        "x" if word != 0 => format!("{word:#x}"),
        "addr" => address(word).to_string(),
        "ns" => span(word),
        "text" => match usize::try_from(word).ok().and_then(|index| log.texts.get(index)) {
            Some(text) => bytes(text.as_bytes(), 200),
            None => format!("text {word}"),
        },
        "ptr" => format!("w{word}"),
        "host" if word == u64::MAX => "*".to_owned(),
        "host" => match usize::try_from(word).ok().and_then(|index| log.hosts.get(index)) {
            Some(name) => name.clone(),
            None => format!("host {word}"),
        },
        _ => number(word),
    }
}

/// `recv(7, 4096, 0)`; the two ends of a wire are written `from > to`.
pub fn call(log: &TraceLog, event: &Event) -> String {
    let forms = event.kind.args();
    let mut text = format!("{}(", event.kind.name());
    for (index, (form, word)) in forms.iter().zip(event.args).enumerate() {
        if index > 0 {
            let ends = index == 1 && forms[0] == "addr" && *form == "addr";
            text.push_str(if ends { " > " } else { ", " });
        }
        text.push_str(&argument(log, form, word));
    }
    text.push(')');
    text
}

/// `= 6`, or `= -1 EAGAIN`; nothing for a happening.
pub fn result(event: &Event) -> String {
    if !event.kind.is_call() {
        return String::new();
    }
    match i32::try_from(event.result) {
        // -4095 to -1 are errno values, as in the kernel's own convention.
        Ok(negated @ -4095..=-1) => format!("= -1 {:?}", Errno(-negated)),
        _ => format!("= {}", event.result),
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
    let index = log.events.binary_search_by_key(&event.cause, |other| other.number).ok()?;
    log.events.get(index)
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
