//! What a scenario about unmodified programs says, as docs/NATIVE.md shows it: a client that waits for its server, values of the
//! workload, and checks while the world runs and after it.
#![cfg(feature = "native")]

use eagain::{Knob, KnobValues, World};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

const VERSION: &[Knob] = &[Knob {
    name: "version",
    about: "whether the server answers each request",
    values: KnobValues::Words(&["fixed", "broken"]),
}];

fn server(answers: &[u8]) {
    let listener = TcpListener::bind("0.0.0.0:7").unwrap();
    for stream in listener.incoming() {
        let (mut stream, mut request) = (stream.unwrap(), [0]);
        while stream.read(&mut request).unwrap() == 1 {
            stream.write_all(answers).unwrap();
        }
    }
}

fn connect(to: &str) -> TcpStream {
    loop {
        match TcpStream::connect(to) {
            Ok(stream) => return stream,
            // The server may not listen yet: all hosts begin at the same time.
            Err(_) => sleep(Duration::from_millis(1)),
        }
    }
}

/// Each request gets its answer.
#[eagain::scenario(seeds = 20, knobs = VERSION)]
fn answered(world: &mut World) {
    let broken = world.word("version") == "broken";
    let asked = Arc::new(AtomicU64::new(0));
    world.host("server").server(move || server(if broken { b"no" } else { b"y" }));
    for i in 0..2 {
        let asked = Arc::clone(&asked);
        world.host(format!("client-{i}")).client(move || {
            let mut stream = connect("server:7");
            for _ in 0..eagain::choose("requests", 1, 20) {
                stream.write_all(b"?").unwrap();
                let mut answer = [0];
                stream.read_exact(&mut answer).unwrap();
                eagain::always("the answer is yes", answer == *b"y", || format!("{answer:?}"));
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    world.run();
    let asked = asked.load(Ordering::Relaxed);
    assert!((2..=40).contains(&asked), "{asked} requests were answered");
}

#[test]
fn the_page_shows_this_scenario() {
    let page = include_str!("../../docs/NATIVE.md");
    let shown = page.split("```rust\n").skip(1).filter_map(|part| part.split("```").next());
    let shown = shown.filter(|code| code.contains("fn answered(")).collect::<Vec<_>>();
    let [shown] = shown[..] else { panic!("docs/NATIVE.md shows it once") };
    let this = include_str!("says.rs");
    for line in shown.lines().filter(|line| !line.is_empty()) {
        assert!(this.lines().any(|own| own == line), "{line}");
    }
}

/// At its first request a client sends, the server waits for a connection or for that request: the stacks are the program's.
#[test]
fn a_run_that_stops_has_the_stacks_of_its_programs() {
    use eagain::sim::run::{Record, RunSpec};
    let plain = RunSpec::seeded(answered::SCENARIO, Default::default(), 1);
    let plain = RunSpec { record: Record::Trace, ..plain };
    let report = eagain::executor().run(&plain);
    let events = report.trace.expect("it is kept").events;
    let sends = |event: &&eagain::sim::trace::Event| event.kind == eagain::sim::trace::Kind::Send;
    let at = events.iter().find(sends).expect("a client sends").number;
    let stopped = eagain::executor().run(&RunSpec { record: Record::StopAt(at), ..plain });
    assert_eq!(stopped.hash, report.hash);
    let stacks = stopped.stacks;
    let maker = stacks
        .split("\n\n")
        .find(|stack| stack.contains(", which makes this event"))
        .expect("a thread makes it");
    assert!(maker.contains("client-") && maker.contains("tests/says.rs:"), "{stacks}");
    let waits =
        stacks.split("\n\n").find(|stack| stack.trim().starts_with("server/0")).expect("the server waits");
    assert!(waits.contains("server\n") && waits.contains("tests/says.rs:"), "{stacks}");
}

#[test]
fn what_it_checks_can_break() {
    let mut worker = eagain::executor();
    let settings = [("version".to_owned(), "broken".to_owned())].into();
    let spec = eagain::sim::run::RunSpec::seeded(answered::SCENARIO, settings, 1);
    let failure = worker.run(&spec).failure.expect("the answer is wrong");
    assert_eq!(failure.headline(), "always at the answer is yes");
}
