//! The last messages before a failure as a Mermaid sequence diagram, which GitHub and GitLab draw in an issue: hosts, what
//! arrived between them, and the faults of connections.

use crate::run::TraceLog;
use crate::trace::{Event, Kind, connections, format};
use std::collections::BTreeSet;
use std::fmt::Write;

/// How many messages are shown.
const MESSAGES_MAX: usize = 12;
/// How much of a payload.
const BYTES_MAX: usize = 24;

/// The diagram, or nothing where no message travelled.
pub fn diagram(log: &TraceLog) -> String {
    let travels = |event: &&Event| {
        let kinds = [Kind::Syn, Kind::Established, Kind::Arrived, Kind::Fin, Kind::Rst, Kind::Refused];
        connections::ends(event).is_some() && (kinds.contains(&event.kind) || event.kind.is_fault())
    };
    let all: Vec<&Event> = log.events.iter().filter(travels).collect();
    let shown = &all[all.len().saturating_sub(MESSAGES_MAX)..];
    if !shown.iter().any(|event| event.kind == Kind::Arrived) {
        return String::new();
    }
    let host = |word: u64| {
        let place = format::place(log, word);
        place.rsplit_once(':').map_or_else(|| place.clone(), |(host, _)| host.to_owned())
    };
    let ends = |event: &Event| connections::ends(event).map(|ends| ends.map(host));
    let mut hosts: Vec<String> = Vec::new();
    for name in shown.iter().filter_map(|event| ends(event)).flatten() {
        if !hosts.contains(&name) {
            hosts.push(name);
        }
    }
    let hit: BTreeSet<u64> = log.events.iter().map(|event| event.cause).collect();
    let number = |name: &str| hosts.iter().position(|host| host == name).unwrap_or_default();
    let mut out = String::from("sequenceDiagram\n");
    for (at, name) in hosts.iter().enumerate() {
        // Writing to a String does not fail.
        let _ = writeln!(out, "    participant h{at} as {}", plain(name));
    }
    for event in shown {
        let Some([from, to]) = ends(event) else { continue };
        let (a, b) = (number(&from), number(&to));
        let what = format!("#{} {}", event.number, event.kind.name());
        let _ = if event.kind.is_fault() {
            // Of faults, those that nothing ran into explain nothing.
            if !hit.contains(&event.number) {
                continue;
            }
            writeln!(out, "    Note over h{a},h{b}: {}", plain(&what))
        } else {
            let payload = format::payload(log, event);
            let bytes = if payload.is_empty() {
                String::new()
            } else {
                format!(" {}", format::bytes(payload, BYTES_MAX))
            };
            let arrow = if matches!(event.kind, Kind::Rst | Kind::Refused) { "--x" } else { "->>" };
            writeln!(out, "    h{a}{arrow}h{b}: {}", plain(&format!("{what}{bytes}")))
        };
    }
    out
}

/// A text that ends nothing in a diagram: `;` and `#` are its own.
fn plain(text: &str) -> String {
    let safe = |c: char| match c {
        '#' => "#35;".to_owned(),
        ';' => "#59;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_arrows_between_hosts() {
        let (client, server) = (0x0a00_0001_u64 << 16 | 40_000, 0x0a00_0002_u64 << 16 | 7);
        let event = |number, kind, args, bytes| Event {
            number,
            time: number,
            thread: u32::MAX,
            kind,
            args,
            result: 0,
            cause: 0,
            bytes,
        };
        let log = TraceLog {
            events: vec![
                event(1, Kind::Syn, [client, server, 0, 0], (0, 0)),
                event(2, Kind::Arrived, [client, server, 3, 0], (0, 3)),
                event(3, Kind::Rst, [server, client, 0, 0], (0, 0)),
            ],
            bytes: b"a;#".to_vec(),
            threads: vec![],
            hosts: vec!["client".to_owned(), "server".to_owned()],
            texts: vec![],
            ..TraceLog::default()
        };
        assert_eq!(
            diagram(&log),
            "sequenceDiagram\n    participant h0 as client\n    participant h1 as server\n    \
             h0->>h1: #35;1 syn\n    h0->>h1: #35;2 arrived \"a#59;#35;\"\n    h1--xh0: #35;3 rst\n"
        );
        let quiet = TraceLog { events: vec![], ..log };
        assert_eq!(diagram(&quiet), "");
    }
}
