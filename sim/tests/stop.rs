//! `run --stop-at` writes the stacks of all threads at an event, and stops there under a debugger; the run is the same.
#![cfg(feature = "cli")]

mod common;

use eagain_net::*;
use eagain_sim::cli::Registry;
use eagain_sim::run::Scenario;
use eagain_sim::{SimKernel, choose, fail, runner::engine};
use std::process::Command;
use std::time::Duration;

#[inline(never)]
fn waits_for_a_request(k: SimKernel, fd: Fd) {
    while k.recv(fd, &mut [0; 9], RecvFlags::NONE) == Ok(1) {}
}

#[inline(never)]
fn sends_requests(k: SimKernel, fd: Fd) {
    for _ in 0..5 {
        sleep(k, Duration::from_micros(choose("pause", 1, 9)));
        k.send(fd, b"x", SendFlags::NONE).unwrap();
    }
}

const REQUESTS: Scenario = Scenario {
    name: "requests",
    about: "",
    knobs: &[],
    seeds: 1,
    body: |sim| {
        let host = sim.host("host");
        sim.client(host, "client", |k| {
            let (a, b) = common::pair(k, SocketFlags::NONE);
            thread::spawn(k, "short", || {}).unwrap().join();
            let server = thread::spawn(k, "server", move || waits_for_a_request(k, b)).unwrap();
            sends_requests(k, a);
            k.close(a).unwrap();
            server.join();
        });
    },
};

#[inline(never)]
fn sleeps_too_long(k: SimKernel, us: u64) {
    sleep(k, Duration::from_micros(us));
    fail("O11", "too long", String::new());
}

/// What fails comes later in the run that is found than in the shrunk one.
const FAILS: Scenario = Scenario {
    name: "fails",
    body: |sim| {
        let host = sim.host("host");
        sim.client(host, "client", |k| {
            for _ in 0..choose("before", 0, 1000) {
                sleep(k, Duration::from_micros(1));
            }
            match choose("long", 5, 100_000) {
                5 => {}
                us => sleeps_too_long(k, us),
            }
        });
    },
    ..REQUESTS
};

const REGISTRY: Registry = Registry {
    scenarios: &[REQUESTS, FAILS],
    bugs: &[],
    extras: &[],
    regressions: "no such folder",
    executor: engine::make,
};

/// The variable with the arguments of the command that this program is.
const COMMAND: &str = "COMMAND_THAT_STOPS";

#[test]
#[allow(clippy::disallowed_methods)]
fn is_the_command() {
    let Ok(line) = std::env::var(COMMAND) else { return };
    let (code, out, err) = common::eagain(&REGISTRY, &line);
    println!("{out}{err}");
    std::process::exit(code.into());
}

/// What a shell line says that has `$EAGAIN` in the place of the command.
#[allow(clippy::disallowed_methods)]
fn shell(line: &str, arguments: &str) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.args(["-c", line]).env(COMMAND, arguments).env("RUST_TEST_THREADS", "1");
    let exe = std::env::current_exe().unwrap();
    command.env("EAGAIN", exe).env("ARGUMENTS", "--exact is_the_command --nocapture");
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn eagain(line: &str) -> (Option<i32>, String) {
    shell("\"$EAGAIN\" $ARGUMENTS", line)
}

/// The number of the third send.
fn third_send() -> u64 {
    let (_, trace) = eagain("run requests --seed 1 --trace");
    let line = trace.lines().filter(|line| line.contains(" send(")).nth(2).unwrap();
    line.split_whitespace().next().unwrap().trim_start_matches('#').parse().unwrap()
}

#[test]
fn the_stacks_of_all_threads_are_written_at_the_event_and_the_run_is_the_same() {
    let event = third_send();
    let plain = eagain("run requests --seed 1").1;
    let (code, said) = eagain(&format!("run requests --seed 1 --stop-at #{event}"));
    assert_eq!(code, Some(0), "{said}");
    let hash = |text: &str| text.lines().find(|line| line.starts_with("trace ")).map(str::to_owned);
    assert_eq!(hash(&said), hash(&plain), "{said}");
    let (_, stacks) = said.split_once(&format!("stacks at event #{event}\n")).unwrap();
    let (client, server) = stacks.split_once("\nclient/0.2:server\n").unwrap();
    assert!(client.contains("client/0, which makes this event\n"), "{stacks}");
    assert!(client.contains("sends_requests\n") && server.contains("waits_for_a_request\n"), "{stacks}");
    assert!(!stacks.contains("client/0.1:short"), "{stacks}");
    let ours: Vec<&str> =
        stacks.lines().filter(|line| line.starts_with("    ") && line.contains("eagain_")).collect();
    assert!(ours.is_empty() && !stacks.contains("/rustc/"), "{stacks}");
    assert!(said.contains("no debugger is attached") && said.contains("-ex run --args "), "{said}");
    let (code, said) = eagain("run requests --seed 1 --stop-at 4000");
    assert!(code == Some(2) && said.contains("there is no event #4000: the last is #"), "{said}");
    assert_eq!(eagain("run requests --seed 1 --stop-at #0").0, Some(2));
}

/// The numbers of a report are those of its shrunk run, and that is what `replay` runs.
#[test]
fn a_saved_run_stops_at_an_event_of_its_report() {
    let out = tempfile::tempdir().unwrap();
    let eagain =
        |line: &str| shell(&format!("EAGAIN_OUT={} \"$EAGAIN\" $ARGUMENTS", out.path().display()), line);
    let found = eagain("run fails --seed 1").1;
    let (_, shrunk) =
        found.split_once("last events of the shrunk run\n").unwrap_or_else(|| panic!("{found}"));
    let event = shrunk.lines().find(|line| line.contains(" clock_nanosleep(6us)")).unwrap();
    let event = event.split_whitespace().next().unwrap();
    let file = out.path().join("fails-0x1/replay.json").display().to_string();
    let (code, said) = eagain(&format!("replay {file} --stop-at {event}"));
    assert!(code == Some(1) && said.contains("the same failure"), "{said}");
    let (_, stacks) = said.split_once(&format!("stacks at event {event}\n")).unwrap();
    assert!(
        stacks.contains("client/0, which makes this event\n    ") && stacks.contains("sleeps_too_long\n"),
        "{said}"
    );
    // A value is the one that the program got.
    let row = found.lines().find(|line| line.contains("client/0:long")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>()[2..], ["1", "6", "at", "the", "start"], "{found}");
    let (code, said) = eagain(&format!("replay {file} --stop-at 500"));
    assert!(code == Some(2) && said.contains("there is no event #500: the last is #"), "{said}");
}

#[test]
fn a_debugger_stops_on_the_stack_of_the_thread_that_makes_the_event() {
    if shell("gdb --version", "").0 != Some(0) {
        return eprintln!("skipped: there is no gdb here");
    }
    let line = format!("run requests --seed 1 --stop-at #{}", third_send());
    let gdb = "gdb -nx -batch -ex run -ex bt --args \"$EAGAIN\" $ARGUMENTS";
    let (_, said) = shell(gdb, &line);
    let (_, stack) = said.split_once("SIGTRAP").unwrap_or_else(|| panic!("{said}"));
    assert!(stack.contains("sends_requests"), "{said}");
    assert!(!said.contains("no debugger is attached"), "{said}");
}
