//! The bugs that are planted in programs of this example are found, and the repaired programs are not blamed. `atomics` is
//! for `cargo preempt`, and is not here.

use std::path::Path;
use std::process::Command;

/// The exit status of a sweep, and what it says of each kind of failure.
fn sweep(scenario: &str, version: &str, seeds: u32, out: &Path) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unmodified"));
    command.args(["explore", scenario, "--no-shrink", "--jobs", "2", "--seeds", &seeds.to_string()]);
    let output = command.args(["--set", &format!("version={version}")]).env("EAGAIN_OUT", out).output();
    let output = output.expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text.split("FAILED ").skip(1).map(str::to_owned).collect())
}

#[test]
fn planted_bugs_are_found_and_their_repaired_programs_hold() {
    let out = tempfile::tempdir().expect("a folder");
    let planted = [
        ("hasty", "/0 at examples/unmodified/src/programs/std_echo.rs:"),
        ("racy", "it was given twice"),
        ("unready", "a request was refused on a connection that is open"),
        ("forgotten-select", "came back as"),
        ("resend", "bytes differs"),
        ("keep-alive", "another line came back"),
        ("shut-down-early", "bytes came before the end"),
        ("gathered", "bytes differs"),
        ("forgotten-request", "(O6)"),
        ("end-inside", "(O3)"),
        ("unread-body", "bytes differs"),
        ("pipeline", "(O6)"),
        ("pooled", "came"),
        ("worker-pool", "(O6)"),
    ];
    for (scenario, says) in planted {
        // Every run fails there, and a loop without progress takes long to be one.
        let seeds = if scenario == "end-inside" { 2 } else { 200 };
        let (status, failures) = sweep(scenario, "broken", seeds, out.path());
        let found = failures.iter().all(|failure| failure.contains(says));
        assert!(status == Some(1) && !failures.is_empty() && found, "{scenario}: {status:?} {failures:#?}");
        let (status, failures) = sweep(scenario, "fixed", 50, out.path());
        assert!(status == Some(0), "{scenario}: the repaired program is blamed: {failures:#?}");
    }
}
