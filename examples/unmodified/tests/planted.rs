//! The bugs that are planted in programs of this example are found, and the repaired programs are not blamed. `atomics` is
//! for `cargo preempt`, and is not here.

use std::process::Command;

/// The exit status of a sweep.
fn sweep(scenario: &str, version: &str, seeds: u32, out: &std::path::Path) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unmodified"));
    command.args(["explore", scenario, "--no-shrink", "--jobs", "1", "--seeds", &seeds.to_string()]);
    let output = command.args(["--set", &format!("version={version}")]).env("EAGAIN_OUT", out).output();
    output.expect("the command starts").status.code()
}

#[test]
fn planted_bugs_are_found_and_their_repaired_programs_hold() {
    let out = tempfile::tempdir().expect("a folder");
    for scenario in ["hasty", "racy", "unready", "forgotten-select"] {
        assert_eq!(sweep(scenario, "broken", 200, out.path()), Some(1), "{scenario} is not found");
        assert_eq!(
            sweep(scenario, "fixed", 50, out.path()),
            Some(0),
            "{scenario}: the repaired program is blamed"
        );
    }
}
