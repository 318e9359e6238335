//! What the command prints about a failure runs as it is, also where the program was renamed and lies in a folder with a
//! space. `sim/tests/layouts.rs` has the layouts that cargo has to build.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The command that stands behind `head` in what was printed.
fn line<'a>(said: &'a str, head: &str) -> &'a str {
    let found = said.lines().find_map(|line| line.strip_prefix(head));
    found.unwrap_or_else(|| panic!("no line `{head}` in {said}")).trim()
}

#[test]
fn lines_of_a_renamed_program_run() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("my tools");
    std::fs::create_dir(&place).unwrap();
    let program = place.join("sweep it");
    std::fs::copy(env!("CARGO_BIN_EXE_tokio-line-server"), &program).unwrap();
    // As from a shell: cargo's variables are not there.
    let plain = |program: &Path| {
        let mut command = Command::new(program);
        let cargo = std::env::vars_os().map(|(name, _)| name);
        for name in cargo.filter(|name| name.to_string_lossy().starts_with("CARGO_")) {
            command.env_remove(name);
        }
        command.current_dir(folder.path()).env("EAGAIN_OUT", place.join("out"));
        command
    };
    let swept =
        plain(&program).args(["explore", "--seeds", "200", "--set", "version=first"]).output().unwrap();
    let said = text(&swept);
    assert_eq!(swept.status.code(), Some(1), "{said}");
    for head in ["reproduce  ", "replay     "] {
        let line = line(&said, head);
        assert!(line.starts_with('\''), "{line}");
        let again = plain(Path::new("sh")).args(["-c", line]).output().unwrap();
        assert_eq!(again.status.code(), Some(1), "{line}\n{}", text(&again));
        assert!(text(&again).contains("bytes came back of"), "{line}\n{}", text(&again));
    }
}

/// Ctrl-C ends a sweep with its summary; where nothing had failed, the status is a shell's for SIGINT.
#[test]
fn an_interrupted_sweep_says_so() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokio-line-server"));
    // More than can end by itself.
    command.args(["explore", "--seeds", "0xffffffff", "--jobs", "1"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let catches_interrupts = || {
        let text = std::fs::read_to_string(&status).unwrap();
        let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << (2 - 1) != 0
    };
    while !catches_interrupts() {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains(" of 4294967295 seeds (interrupted)"), "{said}");
}
