//! A small sweep of random programs on both kernels. By the command, in a process of its own: descriptor numbers belong to
//! the process, and what a program means depends on them; so do signals that no other thread may take.
#![cfg(target_os = "linux")]

use eagain_scenarios::conform::call::{Call, Op};
use eagain_scenarios::conform::machine::Machine;
use eagain_scenarios::conform::sides::calls_of;
use eagain_scenarios::conform::{files, generate, handoff, script, waiting};
use eagain_sim::Engine;
use eagain_sim::trace::Kind;
use std::collections::BTreeSet;
use std::process::Command;

fn conform(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_eagain")).arg("conform").args(arguments).output();
    let output = output.expect("the command starts");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What prints without looking would panic here.
#[test]
fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is_one() {
    let to = |out: std::process::Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eagain"));
        let output =
            command.args(["conform", "--program", "3"]).stdout(out).output().expect("the command starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    assert_eq!(to(writer.into()), (Some(0), String::new()));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let (status, said) = to(full.into());
    assert!(
        status == Some(2) && said.starts_with("error: standard output: No space left"),
        "{status:?} {said}"
    );
}

#[test]
fn random_programs_about_files_agree_with_linux() {
    let (status, printed) = conform(&["--files", "--programs", "1000", "--show", "3"]);
    assert_eq!(status, Some(0), "{printed}");
}

#[test]
fn random_programs_that_wait_agree_with_linux() {
    let (status, printed) = conform(&["--waiting", "--programs", "100", "--show", "3"]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(
        printed.contains("recv          connection  MSG_WAITALL") && printed.contains("\nempty: "),
        "{printed}"
    );
}

/// Every program of two steps on a connection, and some of three.
#[test]
fn short_programs_on_a_connection_agree_with_linux() {
    for arguments in [["--every", "2", "--programs", "256"], ["--every", "3", "--programs", "400"]] {
        let (status, printed) = conform(&arguments);
        assert_eq!(status, Some(0), "{printed}");
    }
}

/// Each cell of the table that `conform --waiting` prints occurs, or has the reason why it cannot, and does not.
#[test]
fn every_cell_of_the_table_occurs_or_has_its_reason() {
    let [empty, impossible] = waiting::uncovered(2_000);
    assert_eq!((empty, impossible), (Vec::new(), Vec::new()));
}

#[test]
fn random_programs_come_to_the_same_on_both_kernels() {
    let (status, output) = conform(&["--programs", "1000", "--show", "3"]);
    assert_eq!(status, Some(0), "{output}");
    let last = output.lines().last().unwrap_or_default();
    assert!(last.starts_with("1000 programs, "), "{last}");
    assert!(last.contains(", 0 unexplained differences, "), "{last}");
    let calls: u64 = last.split_whitespace().nth(2).and_then(|word| word.parse().ok()).unwrap_or(0);
    assert!(calls >= 1000 * 40, "{last}");
}

#[test]
fn programs_are_checked_under_faults() {
    let (status, output) = conform(&["--adversarial", "--programs", "200", "--from", "1000"]);
    assert_eq!(status, Some(0), "{output}");
    assert!(output.trim_end().ends_with(" 0 violations"), "{output}");
}

#[test]
fn a_program_is_its_seed_and_its_text() {
    let program = generate::program(7);
    assert_eq!(program, generate::program(7));
    let text: String = program.iter().map(|call| format!("{call}\n")).collect();
    let read = script::parse(&text).expect("what is printed can be read");
    assert_eq!(program, read.into_iter().map(|(call, _)| call).collect::<Vec<_>>());
}

/// Every operation that a program can be made of is drawn, but for those that wait, or that only contract rows have.
#[test]
fn the_generator_draws_everything() {
    let calls: Vec<Call> = (0..2_000).flat_map(generate::program).collect();
    let drawn: BTreeSet<&str> = calls.iter().map(|call| call.op.name()).collect();
    let missing: Vec<&str> =
        Op::ALL.iter().map(|op| op.name()).filter(|name| !drawn.contains(name)).collect();
    // Buffer sizes are the kernels' own; blocking descriptors wait; what a ring hands to another thread ends some time.
    assert_eq!(missing, ["sndbuf", "rcvbuf", "mode", "u-shutdown", "u-close"]);
    let wrong: BTreeSet<u64> = calls.iter().filter(|c| c.op == Op::Wrong).map(|c| c.args[1]).collect();
    assert_eq!(wrong.iter().copied().collect::<Vec<_>>(), (0..wrong.len() as u64).collect::<Vec<_>>());
}

/// Calls that no random program makes.
const NOT_DRAWN: [(&str, &[&str]); 4] = [
    ("newer than the generators; contract rows have them", &["stat", "chmod", "fchmod", "mkfifo"]),
    (
        "time has to pass, or it is not the same twice; contract rows have them",
        &[
            "timer_create",
            "timer_settime",
            "timer_gettime",
            "timer_getoverrun",
            "timer_delete",
            "setitimer",
            "getitimer",
            "utimensat",
            "futimens",
        ],
    ),
    ("what it gives is each kernel's own", &["clock_gettime", "getrandom", "sched_yield"]),
    (
        "no call of a program",
        &[
            "kill_process",
            "crash_host",
            "switch_on",
            "partition",
            "heal",
            "poll_read",
            "poll_write",
            "poll_shutdown",
        ],
    ),
];

/// The simulator's table of calls is what there is to draw: a call that is new is in no program, and this says so.
#[test]
fn every_call_of_the_table_is_made_by_a_random_program_or_has_a_reason() {
    let (mut engine, mut made) = (Engine::new(), BTreeSet::new());
    for seed in 0..150 {
        let calls = generate::program(seed);
        made.extend(calls_of(&mut engine, move |k| drop(handoff::run(Machine::new(k), &calls))));
        made.extend(files::calls_made(&mut engine, seed));
        made.extend(waiting::calls_made(&mut engine, seed));
    }
    let missing = Kind::ALL.iter().filter(|kind| kind.is_call() && !made.contains(kind));
    let missing: BTreeSet<&str> = missing.map(|kind| kind.name()).collect();
    let named = NOT_DRAWN.iter().flat_map(|(_, names)| names.iter().copied());
    assert_eq!(missing, named.collect::<BTreeSet<_>>());
}
