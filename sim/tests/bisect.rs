//! `bisect` names the choice that makes a run fail which holds without it, and leaves both runs as files.
#![cfg(feature = "cli")]

mod common;

use eagain_net::*;
use eagain_sim::cli::Registry;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use eagain_sim::{choose, fail, runner::engine};
use std::time::Duration;

const COUNT: Knob =
    Knob { name: "count", about: "", values: KnobValues::Number { low: 0, high: 9, default: 4 } };

/// Fails with the third step that is long; what comes before and after it changes nothing.
const STEPS: Scenario = Scenario {
    name: "steps",
    about: "",
    knobs: &[COUNT],
    seeds: 4,
    body: |sim| {
        let (host, count) = (sim.host("host"), sim.number("count"));
        sim.client(host, "client", move |k| {
            let mut long = 0;
            for _ in 0..2 * count {
                let step = choose("step", 2, 5);
                sleep(k, Duration::from_micros(step));
                long += u64::from(step == 5);
                if long == 3 {
                    fail("O13", "three long steps", String::new());
                }
            }
        });
    },
};

/// As it, under another name.
const OTHER: Scenario = Scenario { name: "other", ..STEPS };

/// It has a knob and does not look at it.
const UNREAD: Scenario = Scenario {
    name: "unread",
    body: |sim| {
        let host = sim.host("host");
        sim.client(host, "client", |k| sleep(k, Duration::from_micros(1)));
    },
    ..STEPS
};

/// Fails whatever is chosen.
const ANY: Scenario = Scenario {
    name: "any",
    body: |sim| {
        let host = sim.host("host");
        sim.client(host, "client", |_| fail("O13", "any", String::new()));
    },
    ..STEPS
};

const REGISTRY: Registry = Registry {
    scenarios: &[STEPS, OTHER, UNREAD, ANY],
    bugs: &[],
    extras: &[],
    regressions: "no such folder",
    executor: engine::make,
};

fn eagain(line: &str) -> (u8, String) {
    let (code, out, err) = common::eagain(&REGISTRY, line);
    (code, out + &err)
}

fn holds(seed: u64) -> bool {
    eagain(&format!("run steps --seed {seed} --no-shrink")).0 == 0
}

#[test]
fn the_choice_that_tips_a_run_is_named_and_both_runs_can_be_replayed() {
    let good = (0..).find(|&seed| holds(seed)).unwrap();
    let bad: Vec<u64> = (0..100).filter(|&seed| !holds(seed)).take(5).collect();
    for (bad, good) in bad.iter().flat_map(|bad| [(bad, "zero".to_owned()), (bad, good.to_string())]) {
        let (code, text) = eagain(&format!("bisect steps --bad {bad} --good {good}"));
        assert_eq!(code, 0, "{text}");
        assert!(text.starts_with(&format!("steps: `{good}` holds, `{bad}` fails: fairness (O13)")), "{text}");
        // The third long step of a run that has the others already.
        let tips = text.lines().skip_while(|line| *line != "the choice that tips it").nth(1).unwrap();
        assert!(tips.contains("workload client/0:step ") && tips.ends_with("-> 5"), "{text}");
        // The event is the step itself, and both lines of it are there.
        let differs = "the first event that differs, in client/0, at clock_nanosleep\n";
        assert!(text.contains(differs) && text.contains("us) = 0\n    with it    #"), "{text}");
        let replay = |name: &str| {
            let line = text.lines().find(|line| line.contains("replay") && line.ends_with(name)).unwrap();
            eagain(&line[line.find("replay").unwrap()..])
        };
        let (fails, said) = replay("fails.json");
        assert!(fails == 1 && said.contains("the same failure"), "{said}");
        let (holds, said) = replay("holds.json");
        assert!(holds == 0, "{said}");
    }
    // The files are runs like others: between those two there is one choice.
    let text = eagain(&format!("bisect steps --bad {}", bad[0])).1;
    let files: Vec<&str> = text.split_whitespace().filter(|word| word.ends_with(".json")).collect();
    let (code, text) = eagain(&format!("bisect steps --bad {} --good {}", files[0], files[1]));
    assert!(code == 0 && text.contains("\n1 choice differ"), "{text}");
}

#[test]
fn a_setting_that_no_run_reads_is_warned_about() {
    let warning = "warning: `unread` never read the setting `count`: it has no effect\n";
    for command in ["run unread", "explore unread --seeds 3"] {
        let (code, text) = eagain(&format!("{command} --set count=3"));
        assert!(code == 0 && text.contains(warning), "{text}");
    }
    for command in
        ["run steps --no-shrink --set count=3", "explore steps --no-shrink --seeds 3 --set count=3"]
    {
        assert!(!eagain(command).1.contains("never read"), "{command}");
    }
}

#[test]
fn what_is_no_pair_of_runs_is_refused_in_a_line() {
    let (good, bad) = ((0..).find(|&seed| holds(seed)).unwrap(), (0..).find(|&seed| !holds(seed)).unwrap());
    let text = eagain(&format!("bisect other --bad {bad}")).1;
    let of_other = text.split_whitespace().find(|word| word.ends_with("fails.json")).unwrap();
    for (line, why) in [
        (format!("steps --bad {good}"), "holds: there is no failure to look for"),
        (
            format!("any --bad {bad}"),
            "the run fails without any choice too (fairness (O13) at any); compare with one",
        ),
        (format!("steps --bad {bad} --good {bad}"), "fails too: fairness (O13) at three long steps"),
        (format!("steps --bad {of_other}"), "a run of scenario `other`, not of `steps`"),
        (format!("other --bad {of_other} --set count=5"), "a run with other settings"),
        ("steps --bad no-such-file".to_owned(), "no-such-file: "),
        ("steps".to_owned(), "--bad"),
    ] {
        let (code, text) = eagain(&format!("bisect {line}"));
        assert!(code == 2 && text.contains(why), "{text}");
    }
}

/// In what each commit has, the limit is in a file of its own.
const LIMITED: Scenario = Scenario {
    name: "limited",
    about: "",
    knobs: &[],
    seeds: 4,
    body: |sim| {
        let limit = std::fs::read_to_string("limit").ok().and_then(|text| text.trim().parse::<u64>().ok());
        let host = sim.host("host");
        sim.client(host, "client", move |k| {
            let length = choose("length", 10, 90);
            sleep(k, Duration::from_micros(1));
            match limit {
                Some(0) => fail("O2", "nothing works", String::new()),
                Some(limit) if length >= limit => fail("O2", "too long", format!("{length}")),
                _ => {}
            }
        });
    },
};

/// The variable with the arguments of the command that this program is in the steps of `git bisect run`.
const COMMAND: &str = "COMMAND_OF_BISECT";

#[test]
#[allow(clippy::disallowed_methods)]
fn is_the_command_in_a_step_of_git_bisect() {
    let Ok(line) = std::env::var(COMMAND) else { return };
    let registry = Registry { scenarios: &[LIMITED], ..REGISTRY };
    let (code, out, err) = common::eagain(&registry, &line);
    println!("{out}{err}");
    std::process::exit(code.into());
}

#[test]
#[allow(clippy::disallowed_methods)]
fn git_bisect_finds_the_commit_with_a_replay_file() {
    let folder = tempfile::tempdir().unwrap();
    let (repo, out) = (folder.path().join("repo"), folder.path().join("out"));
    std::fs::create_dir(&repo).unwrap();
    let shell = |line: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", line]).current_dir(&repo).env("EAGAIN_OUT", &out);
        command.env("EAGAIN", std::env::current_exe().unwrap());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let eagain = |line: &str| {
        shell(&format!(
            "{COMMAND}='{line}' \"$EAGAIN\" --exact is_the_command_in_a_step_of_git_bisect --nocapture"
        ))
    };
    shell("git init -q && git config user.name a && git config user.email a@b");
    // The third breaks everything; the first bad one is the seventh.
    for (number, limit) in ["99", "98", "0", "97", "0", "96", "5", "4", "0", "3"].iter().enumerate() {
        std::fs::write(repo.join("limit"), limit).unwrap();
        let (code, said) =
            shell(&format!("git add . && git commit -qm 'commit {}' && git tag c{number}", number + 1));
        assert_eq!(code, Some(0), "{said}");
    }
    // The run as it was found: shrunk, its length is the last limit, which earlier ones allow.
    let (code, said) = eagain("run limited --seed 1 --no-shrink");
    assert_eq!(code, Some(1), "{said}");
    let file = out.join("limited-0x1/replay.json");
    // The steps are of other builds than the one that saved it; here they are not.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(eagain_sim::replay::build::build_id(), "older")).unwrap();
    let step = format!("replay --git-bisect {}", file.display());
    for (limit, code) in [("4", 1), ("3", 1), ("99", 0), ("0", 125)] {
        std::fs::write(repo.join("limit"), limit).unwrap();
        let (status, said) = eagain(&step);
        assert_eq!(status, Some(code), "{said}");
    }
    assert_eq!(eagain("replay --git-bisect no-such-file").0, Some(125));
    let (code, said) = shell("git checkout -q . && git bisect start c9 c0");
    assert_eq!(code, Some(0), "{said}");
    let (_, said) = shell(&format!(
        "{COMMAND}='{step}' git bisect run \"$EAGAIN\" --exact is_the_command_in_a_step_of_git_bisect --nocapture"
    ));
    assert!(said.contains("is the first bad commit") && said.contains("commit 7"), "{said}");
}
