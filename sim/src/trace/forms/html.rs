//! A trace as a self-contained page: a lane for each thread and each connection, faults marked, the line of the event under the
//! mouse. The page is `timeline.html`; this fills in its data.

use super::Heads;
use super::text::Lines;
use crate::trace::connections::Follower;
use crate::trace::{Event, Kind, TraceLog, format};
use eagain_net::Errno;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

const PAGE: &str = include_str!("timeline.html");
/// Browsers are slow with more; the text form has all.
const EVENTS_MAX: usize = 100_000;

/// Writes the page.
pub fn write(log: &TraceLog, heads: Heads<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Heads { title, verdict, failed } = heads;
    // The last events matter: a failure is at the end.
    let skipped = log.events.len().saturating_sub(EVENTS_MAX);
    let mut follower = Follower::default();
    let mut free_since = vec![0; log.threads.len()];
    let lines = Lines::new(log);
    let mut rows = Vec::new();
    for (at, event) in log.events.iter().enumerate() {
        let on_wire = follower.follow(event);
        let thread = event.thread as usize;
        let start = match free_since.get_mut(thread) {
            // Between two calls of a thread no simulated time passes.
            Some(since) if event.kind.is_call() => std::mem::replace(since, event.time).min(event.time),
            _ => event.time,
        };
        if at < skipped {
            continue;
        }
        let lane = match (thread < log.threads.len(), on_wire) {
            (true, _) => thread as i64,
            // Connections count from -2 downwards; -1 is the world as a whole.
            (false, Some((connection, _))) => -2 - connection as i64,
            (false, None) => -1,
        };
        let side = on_wire.map_or(0, |(_, side)| side);
        rows.push(json!([
            event.number,
            lane,
            start,
            event.time,
            class(event),
            side,
            event.cause,
            lines.line(event).trim()
        ]));
    }
    let connections = follower.all.iter().map(|connection| {
        let [client, server] = connection.ends.map(|end| format::place(log, end));
        Value::from(format!("{client} > {server}"))
    });
    let (verdict, details) = verdict.split_once('\n').unwrap_or((verdict, ""));
    let ended: BTreeSet<u32> =
        log.events.iter().filter(|event| event.kind == Kind::ThreadEnd).map(|event| event.thread).collect();
    // A stream has no end of its own: it waits where its last call would have.
    let last: BTreeMap<u32, &Event> = log.events.iter().map(|event| (event.thread, event)).collect();
    let waits = |thread: &u32| match last.get(thread) {
        Some(Event { kind: Kind::PollRead | Kind::PollWrite | Kind::PollShutdown, result, .. }) => {
            *result == -i64::from(Errno::EAGAIN.0)
        }
        _ => !ended.contains(thread),
    };
    let waiting: Vec<u32> = (0..log.threads.len() as u32).filter(waits).collect();
    let data = json!({
        "title": title,
        "verdict": verdict,
        "details": details.trim_end(),
        "failed": failed,
        "skipped": skipped,
        "threads": log.threads,
        "connections": Value::from_iter(connections),
        "waiting": waiting,
        "events": rows,
    });
    // Nothing in the data may end the script that holds it.
    let data = data.to_string().replace('<', "\\u003c");
    let (head, tail) = PAGE.split_once("/*DATA*/").unwrap_or((PAGE, ""));
    out.write_all(head.as_bytes())?;
    out.write_all(data.as_bytes())?;
    out.write_all(tail.as_bytes())
}

/// The class of an event in the page.
fn class(event: &Event) -> &'static str {
    match (event.kind.is_call(), event.kind.is_fault(), event.result) {
        (_, true, _) => "fault",
        (false, ..) => "event",
        (true, _, -11) => "again",
        (true, _, -4095..=-1) => "error",
        (true, ..) => "call",
    }
}
