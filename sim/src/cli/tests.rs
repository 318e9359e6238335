//! The contract of the command line, over the fake world: what is printed, and the exit status.

mod outputs;

use super::*;
use crate::Oracle;
use crate::replay::ReplayFile;
use crate::runner::fake;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

const BUG: PlantedBug = PlantedBug {
    name: "dropped-reply",
    class: 'a',
    about: "a reply is dropped when a cut meets a pause",
    source: "B00",
    defect: Scenario { name: "dropped-reply", ..fake::FAILS },
    twin: Scenario { name: "dropped-reply-repaired", ..fake::HOLDS },
    oracles: &[Oracle::ReplyPairing],
};

const REGISTRY: Registry<'static> = Registry {
    scenarios: &[fake::HOLDS, fake::FAILS, fake::PLAIN],
    bugs: &[BUG],
    extras: &[Extra { name: "conform", about: "compare with Linux", run: |rest| 40 + rest.len() as u8 }],
    regressions: "no/such/folder",
    executor: fake::make,
};

#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Exit status, standard output, standard error.
fn with(registry: &Registry, line: &str) -> (u8, String, String) {
    let (out, err) = (Memory::default(), Memory::default());
    let mut console = Console::new(Box::new(out.clone()), Box::new(err.clone()));
    let arguments = ["eagain"].into_iter().chain(line.split_whitespace()).map(OsString::from);
    let code = run(registry, arguments, &mut console);
    let text = |memory: &Memory| String::from_utf8(memory.0.borrow().clone()).unwrap();
    (code, text(&out), text(&err))
}

pub(super) fn eagain(line: &str) -> (u8, String, String) {
    with(&REGISTRY, line)
}

fn code(line: &str) -> u8 {
    eagain(line).0
}

/// A folder for what the running test lets the command write.
fn own_root() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    crate::report::folder::OWN_ROOT.set(Some(folder.path().to_path_buf()));
    folder
}

#[test]
fn list_names_every_scenario_of_the_sweep() {
    insta::assert_snapshot!(eagain("list").1);
    insta::assert_snapshot!(eagain("list --json").1);
}

#[test]
fn run_says_verdict_time_calls_and_hash() {
    insta::assert_snapshot!(eagain("run steady-echo --seed 0x2 --set rounds=3 --trace").1);
    assert_eq!(code("run steady-echo --seed 2"), 0);
    assert_eq!(eagain("run steady-echo --seed 2").1, eagain("run steady-echo --seed 0x2").1);
}

#[test]
fn what_makes_no_sense_is_two_and_a_line() {
    let lines = [
        "run no-such-scenario --seed 1",
        "run stedy-echo --seed 1",
        "run steady-echo --seed 1 --set rounds=1000",
        "run steady-echo --seed 1 --set wheels=4",
        "run plain --set rounds=4",
        "run steady-echo --set model=io_uring",
        "explore --set model=io_uring --seeds 5",
        "explore nobody",
        "explore --shard 3/3",
        "replay /nonexistent/file.json",
        "bugs nobody",
        "merge /nonexistent.json",
        "merge /nonexistent/sweep-*.json",
    ];
    let answers = lines.map(|line| {
        let (code, out, err) = eagain(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        let error = err.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        format!("{line}\n  {error}")
    });
    insta::assert_snapshot!(answers.join("\n"));
    for line in [
        "",
        "run",
        "run --seed 1x",
        "run steady-echo --seed -1",
        "run steady-echo --stuck-after 500ms",
        "explore --shard -1/4",
        "explore --time s",
        "run steady-echo --seed 1x",
        "fly",
        "explore --jobs 0",
        "explore --time 5d",
    ] {
        let (code, out, err) = eagain(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(!err.is_empty() && !err.contains("use '-- -1'"), "{err}");
    }
    assert!(eagain("run steady-echo --seed -1").2.contains("invalid number `-1`: expected decimal or 0x…"));
    assert!(eagain("run steady-echo --stuck-after 1500ms").2.contains("a whole number of seconds"));
    assert_eq!(code("--help"), 0);
    assert_eq!(code("explore --help"), 0);
}

#[test]
fn a_failure_is_shrunk_and_reported_once() {
    let (code, out, _) = eagain("run lost-reply --seed 8");
    assert_eq!(code, 1);
    assert!(out.contains("7 choices -> 2"), "{out}");
    assert!(out.trim_end().ends_with("reproduce  cargo eagain run lost-reply --seed 0x8"), "{out}");
    let (code, out, _) = eagain("shrink lost-reply --seed 8");
    assert_eq!(code, 0);
    assert!(out.contains("wire.split"));
    let (code, out, _) = eagain("shrink lost-reply --seed 1");
    assert_eq!((code, out.as_str()), (0, "lost-reply holds: there is nothing to shrink\n"));
}

#[test]
fn a_sweep_ends_with_its_sums() {
    let (code, out, _) = eagain("explore steady-echo plain --seeds 50 --jobs 2");
    assert_eq!(code, 0);
    let sums = out.lines().find(|line| line.contains("scenarios")).unwrap();
    assert!(sums.starts_with("2 scenarios, 100 seeds, 0 failures; "), "{sums}");
    assert!(out.contains("faults fired  pause "));
    assert!(out.contains("hash 0x"));
    let (code, out, err) = eagain("explore --seeds 30 --set model=poll");
    assert_eq!(code, 1);
    assert!(err.contains("skipped: plain has no knob `model`"));
    assert!(out.contains("--set model=poll"));
}

#[test]
fn a_sweep_looks_at_repaired_failures_first() {
    let _root = own_root();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let registry = Registry { regressions: path, ..REGISTRY };
    let (code, out, _) = with(&registry, "shrink lost-reply --seed 8");
    assert_eq!(code, 0, "{out}");
    let saved = out.lines().find_map(|line| line.trim().strip_prefix("replay     cargo eagain replay "));
    std::fs::copy(saved.unwrap(), folder.path().join("cut.json")).unwrap();
    let (code, out, _) = with(&registry, "explore lost-reply --seeds 1");
    assert_eq!(code, 1);
    assert!(out.contains("FAILED regression ") && out.contains("cut.json"), "{out}");
    let (json, junit) = (folder.path().join("j"), folder.path().join("x"));
    let files = format!("--json {} --junit {}", json.display(), junit.display());
    assert_eq!(with(&registry, &format!("explore lost-reply --seeds 1 {files}")).0, 1);
    let case = |text: &str| text.contains("<failure message=\"a regression fails again\"");
    assert!(case(&std::fs::read_to_string(&junit).unwrap()));
    // Whoever sees the files of the shards alone sees it too.
    let (code, out, _) = with(&registry, &format!("merge {} --junit {}", json.display(), junit.display()));
    assert!(
        code == 1 && out.contains("cut.json fails again") && case(&std::fs::read_to_string(&junit).unwrap()),
        "{out}"
    );
    let saved = ReplayFile::read(&folder.path().join("cut.json")).unwrap();
    let other = ReplayFile { hash: 1, ..saved };
    std::fs::write(folder.path().join("cut.json"), other.to_json()).unwrap();
    let (code, out, _) = with(&registry, "explore lost-reply --seeds 1");
    assert_eq!(code, 3, "{out}");
    assert_eq!(with(&registry, "explore plain --seeds 1").0, 0);
    std::fs::write(folder.path().join("damaged.json"), "{").unwrap();
    let (code, _, err) = with(&registry, "explore plain --seeds 1");
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("damaged.json"), "{err}");
}

#[test]
fn what_tests_nothing_is_not_green() {
    let folder = tempfile::tempdir().unwrap();
    for (line, nothing) in [
        ("explore plain --seeds 0", "--seeds 0"),
        ("explore plain --time 0s", "--time 0s"),
        ("check plain --seeds 0", "--seeds 0"),
    ] {
        let (code, _, err) = eagain(line);
        assert_eq!((code, err), (2, format!("error: `{nothing}` tests nothing\n")), "{line}");
    }
    let (_, _, err) = eagain("explore plain --seeds 1 --shard 1/2");
    assert_eq!(err, "warning: no seed ran: nothing was tested\n");

    let path = folder.path().join("r.json");
    assert_eq!(self::code(&format!("shrink lost-reply --seed 8 -o {}", path.display())), 0);
    let saved = std::fs::read_to_string(&path).unwrap().replace(crate::replay::build::build_id(), "other");
    let registry = Registry { regressions: folder.path().to_str().unwrap(), ..REGISTRY };
    let with_file = |text: String| {
        std::fs::write(&path, text).unwrap();
        with(&registry, "explore plain --seeds 1")
    };
    let (code, _, err) = with_file(saved.replace("lost-reply", "lost-crown"));
    assert!(code == 2 && err.contains("unknown scenario `lost-crown`"), "{err}");
    let held = saved.replace("lost-reply", "plain");
    let (code, _, err) = with_file(held.replacen("worker-2", "worker-9", 1));
    assert!(code == 0 && err.contains("no longer asked for: thread.off server/worker-9"), "{err}");
    assert!(err.ends_with("1 regression held\n"), "{err}");
    let (code, _, err) = with_file(held.replace("worker-2", "worker-9").replace("client-1#1", "client-9#1"));
    assert!(code == 2 && err.contains("none of the file's choices"), "{err}");
}

#[test]
fn two_kinds_of_failure_are_two_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let registry = Registry { scenarios: &[fake::FAILS_TWICE], ..REGISTRY };
    let line = format!("explore --from 1498 --seeds 4 --json {} --junit {}", path("j"), path("x"));
    let (code, out, _) = with(&registry, &line);
    assert_eq!(code, 1);
    assert!(out.contains("two-failures: byte integrity (O2) at bytes, 3 seeds, the lowest 0x5da"), "{out}");
    assert!(out.contains("two-failures: liveness (O6) at deadlock, seed 0x5dc"), "{out}");
    let text = std::fs::read_to_string(path("j")).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (text.lines().count(), last["failures"].as_u64(), last["kinds"][0]["count"].as_u64()),
        (5, Some(4), Some(3))
    );
    assert!(std::path::Path::new(last["kinds"][1]["folder"].as_str().unwrap()).join("replay.json").is_file());
    assert_eq!(std::fs::read_to_string(path("x")).unwrap().matches("<failure ").count(), 2);
}

#[test]
fn the_fault_table_says_where_each_family_fires() {
    assert!(!eagain("faults").1.contains("fires in"), "nothing is run without being asked for");
    let (code, out, _) = eagain("faults --fires");
    assert_eq!(code, 0);
    let (_, reset) = out.split_once("\nwire.reset: Family::Reset, off by default").unwrap();
    let line = reset.lines().find(|line| line.starts_with("  fires in ")).unwrap();
    assert_eq!(line, "  fires in none of these scenarios");
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
}

#[test]
fn vacuity_warns_and_fails_when_strict() {
    let plain = "explore steady-echo --seeds 1 --set rounds=1";
    let (code, out, _) = eagain(plain);
    assert!(code == 0 && out.contains("warning: `steady-echo` never reached `three pauses`"), "{out}");
    assert_eq!(eagain(&format!("{plain} --strict")).0, 1);
}

#[test]
fn the_files_of_shards_merge_into_that_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(code(&format!("explore steady-echo --seeds 40 --json {}", path("all"))), 0);
    for index in 0..3 {
        assert_eq!(
            code(&format!(
                "explore steady-echo --seeds 40 --shard {index}/3 --json {}",
                path(&index.to_string())
            )),
            0
        );
    }
    let parts = [path("0"), path("1"), path("2")].join(" ");
    let (merged, out, _) = eagain(&format!("merge {parts} --json {} --junit {}", path("m"), path("x")));
    assert_eq!(merged, 0, "{out}");
    let hash = |name: &str| {
        let text = std::fs::read_to_string(path(name)).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        (last["hash"].clone(), last["seeds"].clone(), last["complete"].clone())
    };
    assert_eq!(hash("all"), hash("m"));
    assert!(std::fs::read_to_string(path("x")).unwrap().contains("<testsuite "));
    let part = format!("merge {} {} --junit {}", path("0"), path("1"), path("x"));
    assert_eq!(code(&part), 1, "a shard is missing");
    let junit = std::fs::read_to_string(path("x")).unwrap();
    assert!(junit.contains("<error message=\"incomplete: ") && junit.contains(" --shard 2/3 "), "{junit}");
    assert_eq!(code(&format!("merge {} {}", path("0"), path("0"))), 2);
}

/// A sweep of so many seeds that its time is over before.
const LATE: &str = "explore steady-echo --seeds 1000000000 --time 1ms";

#[test]
fn what_time_cuts_off_is_said_and_fails_only_when_strict() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut files = String::new();
    for (index, limit) in ["", " --strict"].into_iter().enumerate() {
        let line = format!("{LATE} --shard {index}/2 --json {} --junit {}", path("j"), path("x"));
        let (code, out, _) = eagain(&(line + limit));
        assert_eq!(code, index as u8, "{limit}: {out}");
        assert!(out.contains("incomplete: stopped after ") && out.contains(" seeds (--time 1ms)"), "{out}");
        let junit = std::fs::read_to_string(path("x")).unwrap();
        assert!(
            junit.contains(["<skipped message=\"incomplete", "<error message=\"incomplete"][index]),
            "{junit}"
        );
        std::fs::rename(path("j"), path(&index.to_string())).unwrap();
        files += &format!(" {}", path(&index.to_string()));
    }
    // The shards joined end as the whole would.
    let merge = format!("merge{files} --junit {}", path("x"));
    let (held, out, _) = eagain(&merge);
    assert!(held == 0 && out.contains(" (--time 1ms in shards 0/2, 1/2)"), "{out}");
    assert!(std::fs::read_to_string(path("x")).unwrap().contains("<skipped message=\"incomplete"));
    assert_eq!(code(&format!("{merge} --strict")), 1);
}

#[test]
fn merge_lists_each_failure_with_the_line_that_runs_it() {
    let _root = own_root();
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("0").display().to_string();
    let (_, explored, _) = eagain(&format!("explore lost-reply --seeds 40 --shard 0/2 --json {part}"));
    let (failed, merged, _) = eagain(&format!("merge {part}"));
    assert_eq!(failed, 1);
    let listed = |out: &str| {
        let from = out.find("failures, each with").unwrap_or_else(|| panic!("no list: {out}"));
        out[from..].split("\n\n").next().unwrap().to_owned()
    };
    assert!(listed(&merged).contains(" run lost-reply --seed 0x"), "{merged}");
    assert_eq!(listed(&merged), listed(&explored));
}

#[test]
fn a_saved_failure_fails_again_and_damage_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.json");
    assert_eq!(code(&format!("shrink lost-reply --seed 8 -o {}", file.display())), 0);
    let replay = format!("replay {}", file.display());
    let (failed, out, _) = eagain(&replay);
    assert!(failed == 1 && out.contains("the same failure (the build that saved it)"), "{out}");

    let text = std::fs::read_to_string(&file).unwrap();
    let other = ReplayFile { hash: 1, ..ReplayFile::read(&file).unwrap() };
    std::fs::write(&file, other.to_json()).unwrap();
    let (code, out, _) = eagain(&replay);
    assert!(code == 3 && out.contains("NONDETERMINISM"), "{out}");
    // The same edit by hand, where the digest stays what it was.
    let hash = text.split("\"hash\": \"").nth(1).unwrap()[..18].to_owned();
    std::fs::write(&file, text.replacen(&hash, "0x0000000000000001", 1)).unwrap();
    let (code, out, _) = eagain(&replay);
    assert!(code == 1 && out.contains("the same failure (the file was edited after it was saved"), "{out}");
    std::fs::write(
        &file,
        text.replace("lost-reply", "steady-echo").replace(crate::replay::build::build_id(), "other"),
    )
    .unwrap();
    let (code, out, _) = eagain(&replay);
    assert!(code == 0 && out.contains("no longer fails"), "{out}");
    assert!(
        out.contains("explore steady-echo\n") && out.contains("keep it      mkdir -p no/such/folder && cp "),
        "{out}"
    );
    std::fs::write(&file, "garbage").unwrap();
    let (code, out, err) = eagain(&replay);
    assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{err}");
}

#[test]
fn the_most_severe_code_is_used() {
    let mut registry = REGISTRY;
    registry.scenarios = &[fake::FAILS, fake::DRIFTS];
    assert_eq!(with(&registry, "explore --seeds 60").0, 1, "drift shows only when a failure is run again");
    registry.scenarios = &[fake::FAILS, fake::BREAKS];
    assert_eq!(with(&registry, "explore --seeds 60").0, 4);
    assert_eq!(with(&registry, "run harness-bug --seed 1").0, 4);
    registry.scenarios = &[fake::FAILS, fake::FAILS];
    assert_eq!(with(&registry, "list").0, 4, "two of the same name");
}

#[test]
fn planted_bugs_are_found_and_their_twins_hold() {
    let (code, out, err) = eagain("bugs --json --bases 3 --twin-seeds 50");
    assert_eq!(code, 0, "{err}");
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows[0]["found"], true);
    assert_eq!(rows[0]["choices"], 2);
    let mut registry = REGISTRY;
    let blamed = [PlantedBug { twin: Scenario { name: "not-repaired", ..fake::FAILS }, ..BUG }];
    registry.bugs = &blamed;
    let (code, out, _) = with(&registry, "bugs --bases 1");
    assert!(code == 1 && out.contains("FAILS"), "{out}");
    let missed = [PlantedBug { oracles: &[Oracle::ByteIntegrity], ..BUG }];
    registry.bugs = &missed;
    assert_eq!(with(&registry, "bugs --bases 1 --seeds 100").0, 1);
}

#[test]
fn the_fault_table_has_a_paragraph_for_each_family() {
    let (code, out, _) = eagain("faults");
    let heads = out.lines().filter(|line| line.contains(": Family::") && line.contains(" by default, "));
    assert_eq!((code, heads.count()), (0, crate::fault::Family::COUNT));
}

#[test]
fn a_callers_own_command_gets_its_arguments() {
    assert_eq!(code("conform --programs 3000"), 42);
    assert!(eagain("--help").1.contains("conform"));
}
