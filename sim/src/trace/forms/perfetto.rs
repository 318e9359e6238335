//! A trace as JSON in Chrome's trace event format, for ui.perfetto.dev and chrome://tracing: a process for each host, a track
//! for each thread and each connection, an arrow from a fault to each call that it hit.

use crate::trace::TraceLog;
use crate::trace::connections::Follower;
use crate::trace::format;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// The process that stands for the wire; hosts follow.
const WIRE: u64 = 1;

/// Writes the JSON.
pub fn write(log: &TraceLog, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    let mut first = true;
    let mut put = |value: Value| -> io::Result<()> {
        let separator = if std::mem::take(&mut first) { "\n" } else { ",\n" };
        write!(out, "{separator}{value}")
    };
    put(json!({"ph": "M", "name": "process_name", "pid": WIRE, "args": {"name": "wire"}}))?;
    for (index, name) in log.hosts.iter().enumerate() {
        put(json!({"ph": "M", "name": "process_name", "pid": host_track(index), "args": {"name": name}}))?;
    }
    for (index, name) in log.threads.iter().enumerate() {
        put(
            json!({"ph": "M", "name": "thread_name", "pid": process_of(log, index), "tid": index + 1, "args": {"name": name}}),
        )?;
    }
    let causes: BTreeSet<u64> = log.events.iter().map(|event| event.cause).collect();
    let mut follower = Follower::default();
    let mut named = 0;
    // A thread is in its call from the end of the one before: between two calls no simulated time passes.
    let mut free_since: Vec<Option<u64>> = vec![None; log.threads.len()];
    for event in &log.events {
        let on_wire = follower.follow(event);
        while named < follower.all.len() {
            let [client, server] = follower.all[named].ends.map(|end| format::place(log, end));
            let name = format!("{client} > {server}");
            put(
                json!({"ph": "M", "name": "thread_name", "pid": WIRE, "tid": named + 1, "args": {"name": name}}),
            )?;
            named += 1;
        }
        let thread = (event.thread as usize) < log.threads.len();
        let (pid, tid) = match (thread, on_wire) {
            (true, _) => (process_of(log, event.thread as usize), event.thread as usize + 1),
            (false, Some((connection, _))) => (WIRE, connection + 1),
            (false, None) => (WIRE, 0),
        };
        let (ts, name) = (us(event.time), event.kind.name());
        let mut args = json!({"event": event.number, "call": format::call(log, event)});
        let payload = format::payload_text(log, event, 64);
        if !payload.is_empty() {
            args[if payload.starts_with('[') { "found" } else { "bytes" }] = json!(payload);
        }
        if event.kind.is_call() {
            args["result"] = json!(format::result(log, event).trim_start_matches("= "));
            let since = free_since.get_mut(event.thread as usize).map(|since| since.replace(event.time));
            let start = since.flatten().unwrap_or(event.time).min(event.time);
            put(json!({
                "ph": "X", "name": name, "cat": "call", "pid": pid, "tid": tid,
                "ts": us(start), "dur": us(event.time - start), "args": args,
            }))?;
        } else {
            let category = if event.kind.is_fault() { "fault" } else { "event" };
            put(
                json!({"ph": "i", "s": "t", "name": name, "cat": category, "pid": pid, "tid": tid, "ts": ts, "args": args}),
            )?;
        }
        let flow = |phase: &str, id: u64| json!({"ph": phase, "bp": "e", "name": "caused", "cat": "fault", "id": id, "pid": pid, "tid": tid, "ts": ts});
        if causes.contains(&event.number) {
            put(flow("s", event.number))?;
        }
        if event.cause != 0 {
            put(flow("f", event.cause))?;
        }
    }
    writeln!(out, "\n]}}")
}

/// Nanoseconds as the format's microseconds.
fn us(ns: u64) -> f64 {
    ns as f64 / 1e3
}

fn host_track(index: usize) -> u64 {
    WIRE + 1 + index as u64
}

/// The host of a thread: what its name begins with. A host may have several processes, and a name of its own.
fn process_of(log: &TraceLog, thread: usize) -> u64 {
    let host = log.threads[thread].split('/').next().unwrap_or_default();
    log.hosts.iter().position(|name| name == host).map_or(WIRE + 1 + log.hosts.len() as u64, host_track)
}
