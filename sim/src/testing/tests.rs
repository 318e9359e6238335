//! A test says what a person needs, whatever the environment asks for.

use super::*;
use crate::replay::ReplayFile;
use crate::replay::build::build_id;
use crate::runner::fake;
use std::path::Path;

fn test(scenario: Scenario, manifest: &Path) -> Test {
    Test { scenario, manifest: manifest.into(), path: "scenarios::x".to_owned(), executor: fake::make }
}

fn outcome(scenario: Scenario, out: &Path, pairs: &[(&str, &str)]) -> Result<String, String> {
    let variable =
        |name: &str| pairs.iter().find(|(other, _)| *other == name).map(|(_, text)| (*text).to_owned());
    let mut environment = Environment::read(variable).unwrap();
    environment.out = Some(out.to_owned());
    test(scenario, out).run(&environment)
}

#[test]
fn a_failing_test_ends_with_the_line_that_makes_it_fail_again() {
    let out = tempfile::tempdir().unwrap();
    let text = outcome(fake::FAILS, out.path(), &[("EAGAIN_SEEDS", "60")]).unwrap_err();
    assert!(text.starts_with("7 of 60 seeds fail\nFAILED lost-reply seed "), "{text}");
    assert!(
        text.trim_end()
            .lines()
            .last()
            .unwrap()
            .starts_with("reproduce  cargo eagain run lost-reply --seed 0x")
    );
    let folder = std::fs::read_dir(out.path()).unwrap().next().unwrap().unwrap().path();
    for file in ["report.md", "replay.json", "trace.txt"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
}

#[test]
fn the_lines_of_a_failure_hold_in_the_folder_of_the_workspace() {
    let out = tempfile::tempdir().unwrap();
    let line = |start: &str| {
        let text = outcome(fake::FAILS, out.path(), &[("EAGAIN_SEED", "8")]).unwrap_err();
        text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let above = format!("{}/", out.path().display());
    let keep = |folder: &str| {
        format!(
            "mkdir -p {folder}regressions && cp {folder}lost-reply-0x8/replay.json {folder}regressions/lost-reply-0x8.json"
        )
    };
    // A member of a workspace: its lock is elsewhere.
    assert_eq!(line("report     "), format!("{above}lost-reply-0x8/report.md"));
    assert_eq!(line("keep       "), keep(&above));
    std::fs::write(out.path().join("Cargo.lock"), "").unwrap();
    assert_eq!(line("report     "), "lost-reply-0x8/report.md");
    assert_eq!(line("keep       "), keep(""));
    // What is kept is not kept again.
    std::fs::remove_file(out.path().join("Cargo.lock")).unwrap();
    std::fs::create_dir(out.path().join("regressions")).unwrap();
    std::fs::write(out.path().join("regressions/lost-reply-0x8.json"), "").unwrap();
    let text = outcome(fake::FAILS, out.path(), &[("EAGAIN_SEED", "8")]).unwrap_err();
    assert!(!text.contains("keep "), "{text}");
}

#[test]
fn one_seed_shows_its_trace() {
    let out = tempfile::tempdir().unwrap();
    let text = outcome(fake::HOLDS, out.path(), &[("EAGAIN_SEED", "2"), ("EAGAIN_SET", "rounds=1")]).unwrap();
    assert!(text.contains("send(5, ") && text.contains("held, trace 0x"), "{text}");
    assert!(
        outcome(fake::FAILS, out.path(), &[("EAGAIN_SEED", "8")]).unwrap_err().contains("7 choices -> 2")
    );
}

#[test]
fn shards_settings_and_refusals() {
    let out = tempfile::tempdir().unwrap();
    let run = |pairs: &[(&str, &str)]| outcome(fake::HOLDS, out.path(), pairs).unwrap();
    assert!(run(&[]).starts_with("held: "));
    assert_ne!(run(&[]), run(&[("EAGAIN_SHARD", "1/2")]));
    assert!(run(&[("EAGAIN_SET", "wheels=4")]).starts_with("skipped: "));
    for (set, line) in [
        ("modle=poll", "no knob `modle` (did you mean `model`?)"),
        ("model=pol", "`model=pol`: the value must be one of epoll, poll, io_uring"),
    ] {
        let error = outcome(fake::HOLDS, out.path(), &[("EAGAIN_SET", set)]).unwrap_err();
        assert!(error.contains(line), "{error}");
    }
    assert!(run(&[("EAGAIN_SET", "model=io_uring")]).starts_with("skipped: `model=io_uring`"));
}

#[test]
fn a_replay_file_is_run_by_the_test_of_its_scenario_and_a_regression_before_any_seed() {
    let out = tempfile::tempdir().unwrap();
    outcome(fake::FAILS, out.path(), &[("EAGAIN_SEED", "8")]).unwrap_err();
    let file = out.path().join("lost-reply-0x8/replay.json");
    let file_name = file.display().to_string();
    let replay = |scenario| outcome(scenario, out.path(), &[("EAGAIN_REPLAY", &file_name)]);
    assert!(replay(fake::FAILS).unwrap_err().ends_with("the saved failure is still there"));
    assert!(replay(fake::HOLDS).unwrap().starts_with("skipped: "));

    let regressions = out.path().join("regressions");
    std::fs::create_dir(&regressions).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(regressions.join("lost-reply-cut.json"), text.replace(build_id(), "older")).unwrap();
    let failed = outcome(fake::FAILS, out.path(), &[("EAGAIN_SEEDS", "1")]).unwrap_err();
    let begins = "FAILED regression regressions/lost-reply-cut.json\n";
    assert!(failed.starts_with(begins) && failed.contains("still there"), "{failed}");
    // It holds on another machine too.
    assert!(
        failed.ends_with("\nreproduce  cargo eagain replay regressions/lost-reply-cut.json\n"),
        "{failed}"
    );
    let repaired = Scenario { name: "lost-reply", ..fake::HOLDS };
    assert!(
        outcome(repaired, out.path(), &[("EAGAIN_SEEDS", "1")])
            .unwrap()
            .starts_with("1 regression held\nheld")
    );
}

#[test]
fn a_replay_that_holds_says_so_and_how_it_is_kept() {
    let out = tempfile::tempdir().unwrap();
    outcome(fake::FAILS, out.path(), &[("EAGAIN_SEED", "8")]).unwrap_err();
    let file = out.path().join("lost-reply-0x8/replay.json");
    let kept = out.path().join("regressions/lost-reply-0x8.json");
    let saved = ReplayFile::read(&file).unwrap();
    let said = test(fake::FAILS, out.path()).holds_now(&saved, &file);
    let (file, folder) = (file.display(), out.path().display());
    let line = format!("mkdir -p {folder}/regressions && cp {file} {}", kept.display());
    assert_eq!(said, format!("lost-reply: {file} no longer fails\nkeep it, so that it stays so  {line}"));
    assert!(test(fake::FAILS, out.path()).holds_now(&saved, &kept).ends_with("no longer fails"));
}

/// A path is typed in the folder of the workspace, and a test runs in that of its package.
#[test]
fn a_path_is_found_from_the_folder_of_the_package_and_from_those_above() {
    use super::run::below_or_above;
    assert_eq!(below_or_above(Path::new("Cargo.toml")), Path::new("Cargo.toml"));
    let above = below_or_above(Path::new("sim/src/testing/tests.rs"));
    assert!(above.is_absolute() && above.is_file(), "{}", above.display());
    assert_eq!(below_or_above(Path::new("no/such/file")), Path::new("no/such/file"));
}

#[test]
fn a_test_says_what_it_runs_before_it_does() {
    let begins = |pairs: &[(&str, &str)]| {
        let variable =
            |name: &str| pairs.iter().find(|(other, _)| *other == name).map(|(_, v)| (*v).to_owned());
        test(fake::HOLDS, Path::new("")).begins(&Environment::read(variable).unwrap()).unwrap()
    };
    assert_eq!(begins(&[]), "steady-echo: 16 seeds from 0x0");
    assert_eq!(
        begins(&[("EAGAIN_SEED", "9"), ("EAGAIN_SET", "rounds=2")]),
        "steady-echo: seed 0x9 --set rounds=2"
    );
}
