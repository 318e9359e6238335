//! Every form of the same trace says the same.

use super::connections::{State, connections};
use super::*;
use crate::fault::Family;
use crate::run::{Record, RunSpec, Settings, TraceLog};
use crate::runner::{Execute, fake};

fn event(number: u64, kind: Kind, args: [u64; 4]) -> Event {
    Event { number, time: number * 1_000, thread: u32::MAX, kind, args, result: 0, cause: 0, bytes: (0, 0) }
}

fn address(host: u64, port: u64) -> u64 {
    (0x0a00_0000 + host) << 16 | port
}

/// Three connections: one whole, one refused, one reset and then made again from the same port.
fn wire() -> TraceLog {
    let (a, b, s, none) = (address(1, 40_000), address(1, 40_001), address(2, 6379), address(2, 1));
    let events = [
        (Kind::Fault(Family::SendBuffer), [s, a, 7, 1]),
        (Kind::Syn, [a, s, 0, 0]),
        (Kind::Established, [a, s, 0, 0]),
        (Kind::Fault(Family::WireSplit), [a, s, 6, 100_000]),
        (Kind::Arrived, [a, s, 6, 0]),
        (Kind::Arrived, [a, s, 99_994, 0]),
        (Kind::Arrived, [s, a, 5, 0]),
        (Kind::Fin, [a, s, 0, 0]),
        (Kind::Syn, [b, none, 0, 0]),
        (Kind::Refused, [b, none, 0, 0]),
        (Kind::Fin, [s, a, 0, 0]),
        (Kind::Syn, [b, s, 0, 0]),
        (Kind::SynDropped, [b, s, 0, 0]),
        (Kind::Syn, [b, s, 0, 0]),
        (Kind::Established, [b, s, 0, 0]),
        (Kind::Rst, [s, b, 0, 0]),
        (Kind::Syn, [b, s, 0, 0]),
    ];
    let mut events: Vec<Event> =
        events.into_iter().zip(1..).map(|((kind, args), number)| event(number, kind, args)).collect();
    events[4].bytes = (0, 6);
    let [hosts, texts] = [vec!["client-1".to_owned(), "server".to_owned()], vec![]];
    TraceLog { events, bytes: b"PING\r\n".to_vec(), hosts, texts, ..TraceLog::default() }
}

fn log() -> TraceLog {
    let spec = RunSpec { record: Record::Trace, ..RunSpec::seeded(fake::FAILS, Settings::new(), 8) };
    fake::Fake::default().run(&spec).trace.unwrap()
}

fn written(write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    bytes
}

#[test]
fn connections_are_put_together_from_the_wire() {
    let states: Vec<_> = connections(&wire()).iter().map(|c| (c.state, c.bytes, c.faults)).collect();
    let expected = [
        (State::Closed, [100_000, 5], 2),
        (State::Refused, [0, 0], 0),
        (State::Reset, [0, 0], 0),
        (State::SynSent, [0, 0], 0),
    ];
    assert_eq!(states, expected);
    let table = written(|out| netstat::write(&wire(), out));
    insta::assert_snapshot!(String::from_utf8(table).unwrap());
}

#[test]
fn packets_are_whole_blocks() {
    for log in [wire(), log(), TraceLog::default()] {
        let bytes = written(|out| pcapng::write(&log, out));
        assert_eq!(bytes[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let mut at = 0;
        while at < bytes.len() {
            let length = word(at + 4) as usize;
            assert_eq!((length % 4, word(at + length - 4) as usize), (0, length));
            at += length;
        }
        assert_eq!(at, bytes.len());
    }
}

#[cfg(feature = "cli")]
#[test]
fn perfetto_is_json_with_every_event() {
    for log in [wire(), log()] {
        let json: serde_json::Value =
            serde_json::from_slice(&written(|out| perfetto::write(&log, out))).unwrap();
        let numbers: Vec<u64> = json["traceEvents"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|e| e["args"]["event"].as_u64())
            .collect();
        assert_eq!(numbers, (1..=log.events.len() as u64).collect::<Vec<_>>());
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_page_holds_its_data_whatever_is_in_it() {
    let mut log = log();
    log.threads[0] = "</script><b>".to_owned();
    let page = String::from_utf8(written(|out| {
        html::write(&log, Heads { title: "t", verdict: "v", failed: Some(1) }, out)
    }))
    .unwrap();
    assert_eq!(page.matches("</script>").count(), 1);
    let start = page.find("const data = ").unwrap() + 13;
    let end = start + page[start..].find(";\n").unwrap();
    let data: serde_json::Value = serde_json::from_str(&page[start..end]).unwrap();
    assert_eq!(data["events"].as_array().unwrap().len(), log.events.len());
    assert_eq!(data["threads"][0], "</script><b>");
}
