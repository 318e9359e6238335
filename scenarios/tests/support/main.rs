//! `docs/SYSCALLS.md`: each call on each kernel, found out by making it. The table in the docs must be the one that
//! comes out here; `EAGAIN_BLESS=1` writes it. A call of the traits that has no probe fails the test.
#![cfg(target_os = "linux")]

mod limits;
mod probes;

use eagain_net::{Errno, Kernel};
use eagain_scenarios::conform::sides::{on_linux, on_simulation};
use probes::{Probe, probes};
use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

type Results = Vec<(&'static str, &'static str, Result<(), Errno>)>;

fn run<K: Kernel>(k: K) -> Results {
    let folder = format!("/tmp/eagain-support-{}", std::process::id());
    let _ = k.mkdir("/tmp");
    let _ = k.mkdir(&folder);
    let results = probes::<K>()
        .into_iter()
        .map(|Probe { family, call, run }| (family, call, run(k, &folder)))
        .collect();
    for name in k.read_dir(&folder).unwrap_or_default() {
        let _ = k.unlink(&format!("{folder}/{name}"));
    }
    results
}

fn cell(call: &str, result: Result<(), Errno>, simulated: bool) -> String {
    let limit = limits::LIMITS.iter().find(|(name, _)| *name == call);
    match (result, limit) {
        (Err(errno), _) => format!("refused: {errno:?}"),
        (Ok(()), Some(_)) if simulated => "partial".to_owned(),
        (Ok(()), _) => "supported".to_owned(),
    }
}

fn table() -> String {
    let both = [Arc::new(Mutex::new(Results::new())), Arc::new(Mutex::new(Results::new()))];
    let [linux, simulation] = both.clone();
    on_linux(move |k| *linux.lock().unwrap() = run(k)).expect("the probes run on Linux");
    on_simulation(move |k| *simulation.lock().unwrap() = run(k)).expect("the probes run in the simulation");
    let [linux, simulation] = both.map(|results| results.lock().unwrap().clone());
    let mut text = String::from(limits::HEAD);
    let mut last = "";
    for ((family, call, real), (_, _, simulated)) in linux.into_iter().zip(simulation) {
        if family != last {
            let _ = write!(
                text,
                "\n## {family}\n\n| call | Linux | simulator | what is left out |\n|---|---|---|---|\n"
            );
            last = family;
        }
        // Whether the machine that runs this allows rings says nothing about Linux.
        let real = if call.starts_with("io_uring") { Ok(()) } else { real };
        let note = limits::LIMITS.iter().find(|(name, _)| *name == call).map_or("", |(_, note)| note);
        let _ = writeln!(
            text,
            "| `{call}` | {} | {} | {note} |",
            cell(call, real, false),
            cell(call, simulated, true)
        );
    }
    text
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

#[test]
fn the_support_table_is_what_the_probes_say() {
    let path = root().join("docs/SYSCALLS.md");
    let made = table();
    if std::env::var_os("EAGAIN_BLESS").is_some() {
        std::fs::write(&path, &made).expect("the docs can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (made, kept) in made.lines().zip(kept.lines()) {
        assert_eq!(made, kept, "docs/SYSCALLS.md is out of date: run this test with EAGAIN_BLESS=1");
    }
    assert_eq!(made.len(), kept.len(), "docs/SYSCALLS.md is out of date: run this test with EAGAIN_BLESS=1");
}

#[test]
fn every_call_of_the_traits_has_a_probe() {
    let known: Vec<&str> = probes::<eagain_net::Linux>().into_iter().map(|probe| probe.call).collect();
    for entry in std::fs::read_dir(root().join("net/src/kernel")).expect("the traits are there") {
        let text = std::fs::read_to_string(entry.expect("listed").path()).expect("source is text");
        for line in text.lines().filter_map(|line| line.strip_prefix("    fn ")) {
            let name = line.split('(').next().unwrap_or_default();
            let covered = known.iter().any(|call| *call == name || call.split(' ').next() == Some(name));
            assert!(covered || limits::NO_CALLS.contains(&name), "{name} has no probe");
        }
    }
    for (name, _) in limits::LIMITS {
        assert!(known.contains(name), "{name} is limited, but has no probe");
    }
}
