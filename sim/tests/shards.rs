//! One sweep over several processes, each of which takes its part from the variables of the batch system: one dies, its shard is named, and the
//! printed line runs it alone. The scripts of `deploy/` are run here as far as a machine allows.
#![cfg(feature = "cli")]

mod common;

use eagain_net::*;
use eagain_sim::cli::Registry;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use eagain_sim::{choose, fail, runner::engine};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SLOW: Knob =
    Knob { name: "slow", about: "", values: KnobValues::Number { low: 0, high: 1_000_000, default: 0 } };

/// Fails now and then; how long a run takes is a setting.
const STEPS: Scenario = Scenario {
    name: "steps",
    about: "",
    knobs: &[SLOW],
    seeds: 4,
    body: |sim| {
        let (host, slow) = (sim.host("host"), sim.number("slow"));
        sim.client(host, "client", move |k| {
            for _ in 0..slow {
                sleep(k, Duration::from_micros(100));
            }
            if choose("length", 0, 30) == 7 {
                fail("O2", "seven", String::new());
            }
        });
    },
};

/// As it, under another name: shards are cut through both.
const OTHER: Scenario = Scenario { name: "other", ..STEPS };

const REGISTRY: Registry = Registry {
    scenarios: &[STEPS, OTHER],
    bugs: &[],
    extras: &[],
    regressions: "no such folder",
    executor: engine::make,
};

/// The variable that makes this program the command: its arguments, in lines.
const COMMAND: &str = "COMMAND_OF_SHARDS";

#[test]
#[allow(clippy::disallowed_methods)]
fn is_the_command() {
    let Ok(line) = std::env::var(COMMAND) else { return };
    let (code, out, err) = common::eagain(&REGISTRY, &line);
    println!("{out}{err}");
    std::process::exit(code.into());
}

fn shell(folder: &Path, line: &str, variables: &[(&str, &str)]) -> Child {
    // A command of that name, so that the lines of scripts run as they are.
    let exe = std::env::current_exe().unwrap();
    let eagain = folder.join("eagain");
    if !eagain.exists() {
        let script = format!(
            "#!/bin/sh\n{COMMAND}=\"$*\" exec '{}' --exact is_the_command --nocapture\n",
            exe.display()
        );
        std::fs::write(&eagain, script).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&eagain).status().unwrap().success());
    }
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder).envs(variables.iter().copied());
    command.env("EAGAIN_OUT", folder.join("failures"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Where the shards that `explore` runs put the folders of failures: the script of Slurm has its own.
fn out_of(folder: &Path, explore: &str) -> String {
    match explore.contains("slurm.sh") {
        true => "failures".to_owned(),
        false => folder.join("failures").display().to_string(),
    }
}

fn said(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), text)
}

fn now(folder: &Path, line: &str) -> (Option<i32>, String) {
    said(shell(folder, line, &[]))
}

/// The sums of a file, without what the wall clock says.
fn sums(folder: &Path, file: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut sums: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    sums.as_object_mut().unwrap().remove("elapsed_s");
    sums.as_object_mut().unwrap().remove("times_s");
    sums.as_object_mut().unwrap().remove("files");
    for kind in sums["kinds"].as_array_mut().unwrap() {
        // Which shard has met it first says where its folder is.
        kind.as_object_mut().unwrap().remove("folder");
    }
    sums
}

/// Runs the shards 0, 2 and 3 of four, and kills the other in the middle; joins them, runs the line that is printed, and joins again.
/// That line ends with `files`.
fn one_of_four_dies(
    explore: &str,
    merge: &str,
    files: &str,
    variables: impl Fn(usize) -> Vec<(&'static str, String)>,
) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let part = |index: usize, more: &str| {
        let variables = variables(index);
        let variables: Vec<_> = variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
        shell(folder, &format!("{explore}{more}"), &variables)
    };
    // What an earlier sweep has left is no result of a shard that has begun and has none.
    let old: Vec<PathBuf> =
        files.split(' ').filter(|word| !word.starts_with("--")).map(|at| folder.join(at)).collect();
    old.iter().for_each(|path| std::fs::write(path, "of an earlier sweep").unwrap());
    let mut dies = part(1, " --set slow=1000000");
    while old.iter().any(|path| path.exists()) {
        assert_eq!(dies.try_wait().unwrap(), None, "it leaves the files of an earlier sweep");
        std::thread::yield_now();
    }
    let parts: Vec<Child> = [0, 2, 3].map(|index| part(index, "")).into();
    for part in parts {
        let (code, said) = said(part);
        assert_eq!(code, Some(1), "{said}");
    }
    assert_eq!(dies.try_wait().unwrap(), None, "it is in its first runs");
    // Of the shell, which has become the command.
    dies.kill().unwrap();
    dies.wait().unwrap();

    let (code, said) = now(folder, merge);
    assert!(code == Some(1) && said.contains(" of 400 seeds (shard 1/4 is missing)"), "{said}");
    let again =
        said.lines().find_map(|line| line.strip_prefix("run again  ")).unwrap_or_else(|| panic!("{said}"));
    assert!(again.ends_with(&format!(" --shard 1/4 {files}")), "{said}");
    let (program, arguments) = again.split_once(" explore ").unwrap();
    // The folders of its failures go where those of the others are.
    let out = out_of(folder, explore);
    assert!(program.starts_with(&format!("EAGAIN_OUT={out} ")), "{program}");
    let (code, said) = now(folder, &format!("./eagain explore {arguments}"));
    assert_eq!(code, Some(1), "{said}");

    let (code, said) = now(folder, merge);
    assert!(
        code == Some(1) && said.contains("2 scenarios, 400 seeds, ") && !said.contains("run again"),
        "{said}"
    );
    let (_, said) = now(folder, "./eagain explore --seeds 200 --from 0 --json one.json --no-shrink");
    assert_eq!(sums(folder, "whole.json"), sums(folder, "one.json"), "{said}");
}

#[test]
fn a_shard_of_a_kubernetes_job_that_died_is_named_and_runs_again_alone() {
    one_of_four_dies(
        "exec ./eagain explore --from=0 --seeds=200 --shard=auto --jobs=1 --no-shrink --json=sweep-$JOB_COMPLETION_INDEX.json \
         --junit=$PWD/sweep-$JOB_COMPLETION_INDEX.xml",
        "./eagain merge ./sweep-*.json --json whole.json --junit whole.xml",
        "--json ./sweep-1.json --junit ./sweep-1.xml",
        |index| vec![("JOB_COMPLETION_INDEX", index.to_string()), ("COMPLETIONS", "4".to_owned())],
    );
}

#[test]
fn a_shard_of_another_sweep_is_refused_and_no_earlier_result_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (shard, seeds) in [(0, 90), (1, 20), (2, 90)] {
        let (code, said) = now(
            folder,
            &format!(
                "./eagain explore steps --seeds {seeds} --shard {shard}/3 --no-shrink --json s-{shard}.json"
            ),
        );
        assert!(code.is_some_and(|code| code < 2), "{said}");
    }
    let (json, junit) = (folder.join("whole.json"), folder.join("whole.xml"));
    let old = || [&json, &junit].map(|path| std::fs::write(path, "of an earlier sweep").unwrap());
    old();
    let (code, said) =
        now(folder, "./eagain merge s-0.json s-1.json s-2.json --json whole.json --junit whole.xml");
    let why = "s-1.json: a part of another sweep than s-0.json, with another number of seeds\n";
    assert!(code == Some(2) && said.contains(why), "{said}");
    assert!(!json.exists() && !junit.exists());
    // What is read stays, whatever it is to become; and where nothing begins, nothing ends.
    old();
    assert_eq!(now(folder, "./eagain merge whole.json --json whole.json").0, Some(2));
    assert_eq!(now(folder, "./eagain merge whole.json --json ./whole.json").0, Some(2));
    assert_eq!(now(folder, "./eagain explore nobody --json whole.json --junit whole.xml").0, Some(2));
    assert!(json.exists() && junit.exists());
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy")
}

/// A task of an array that is numbered from `first`.
fn of_array(index: usize, first: usize) -> Vec<(&'static str, String)> {
    vec![
        ("SLURM_ARRAY_TASK_ID", (first + index).to_string()),
        ("SLURM_ARRAY_TASK_COUNT", "4".to_owned()),
        ("SLURM_ARRAY_TASK_MIN", first.to_string()),
    ]
}

fn of_slurm(index: usize) -> Vec<(&'static str, String)> {
    of_array(index, 0)
}

#[test]
fn a_task_of_a_slurm_array_that_died_is_named_and_runs_again_alone() {
    let script = deploy().join("slurm.sh");
    let script = script.display();
    for (first, files) in
        [(0, "--json sweep-1.json --junit sweep-1.xml"), (1, "--json sweep-2.json --junit sweep-2.xml")]
    {
        one_of_four_dies(
            &format!("exec '{script}' ./eagain explore --seeds 200 --no-shrink"),
            &format!("'{script}' ./eagain merge"),
            files,
            |index| of_array(index, first),
        );
    }
}

#[test]
fn the_script_of_slurm_says_what_it_expects() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in ["", " ./eagain", " ./eagain list"] {
        let said = now(folder.path(), &format!("'{}'{arguments}", deploy().join("slurm.sh").display()));
        let expected = "expected: slurm.sh EAGAIN explore … or slurm.sh EAGAIN merge\n";
        assert_eq!(said, (Some(2), expected.to_owned()), "{arguments}");
    }
}

/// How many runs a corpus has.
fn runs_of(corpus: &Path) -> usize {
    let files = |name: &str| std::fs::read_dir(corpus.join(name)).map_or(0, Iterator::count);
    files("steps") + files("other")
}

/// The script of a merge, as the job of Kubernetes has it, for a folder of results.
fn merge_of_kubernetes(results: &Path) -> String {
    let text = std::fs::read_to_string(deploy().join("kubernetes-merge.yaml")).unwrap();
    let lines = text.lines().skip_while(|line| line.trim() != "- |").skip(1);
    let lines: Vec<_> = lines.take_while(|line| line.starts_with(&" ".repeat(14))).collect();
    let script = lines.join("\n").replace("/results", results.to_str().unwrap());
    script.replace(" eagain merge", " ./eagain merge")
}

/// Four search, each in a corpus of its own, and one is killed: what the others have learned is joined.
fn corpora_are_joined(
    explore: &str,
    merge: &str,
    folder: &Path,
    of: fn(usize) -> Vec<(&'static str, String)>,
) {
    let part = |index: usize, more: &str| {
        let variables = of(index);
        let variables: Vec<_> = variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
        shell(folder, &format!("{explore}{more}"), &variables)
    };
    let mut dies = part(1, " --set slow=1000000");
    for part in [0, 2, 3].map(|index| part(index, "")) {
        assert_eq!(said(part).0, Some(1));
    }
    dies.kill().unwrap();
    dies.wait().unwrap();
    assert!(!folder.join("corpus-1/corpus.json").exists(), "it died before it had learned anything");
    // A folder without the head of a corpus is left out, and does not end the merge.
    std::fs::create_dir_all(folder.join("corpus-1/steps")).unwrap();

    let (code, text) = now(folder, merge);
    std::fs::remove_dir_all(folder.join("corpus-1")).unwrap();
    assert!(code == Some(1) && text.contains("(shard 1/4 is missing)"), "{text}");
    let own = [0, 2, 3].map(|index| runs_of(&folder.join(format!("corpus-{index}"))));
    let joined = runs_of(&folder.join("corpus"));
    assert!(joined > *own.iter().max().unwrap() && joined <= own.iter().sum(), "{joined} of {own:?}");

    let (code, text) = said(part(1, ""));
    assert!(code == Some(1) && folder.join("corpus-1/corpus.json").exists(), "{text}");
    let (code, text) = now(folder, merge);
    assert!(code == Some(1) && !text.contains("is missing"), "{text}");
    assert!(runs_of(&folder.join("corpus")) > joined, "what the fourth has learned is there too");
}

#[test]
fn the_corpora_of_a_slurm_array_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let script = deploy().join("slurm.sh");
    let script = script.display();
    corpora_are_joined(
        &format!("exec '{script}' ./eagain explore --guided --seeds 200 --no-shrink"),
        &format!("'{script}' ./eagain merge"),
        folder.path(),
        of_slurm,
    );
}

#[test]
fn the_corpora_of_a_kubernetes_job_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let explore = "exec ./eagain explore --from=0 --seeds=200 --shard=auto --jobs=1 --no-shrink --guided \
        --json=sweep-$JOB_COMPLETION_INDEX.json --corpus=corpus-$JOB_COMPLETION_INDEX";
    let of =
        |index: usize| vec![("JOB_COMPLETION_INDEX", index.to_string()), ("COMPLETIONS", "4".to_owned())];
    corpora_are_joined(explore, &merge_of_kubernetes(folder.path()), folder.path(), of);
}

/// The files of `deploy/` and the workflow pass arguments that the command has.
#[test]
fn what_the_job_of_kubernetes_runs_is_what_the_command_takes() {
    let text = std::fs::read_to_string(deploy().join("kubernetes.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- --"))
        .filter(|line| line.contains('='))
        .collect();
    assert_eq!(arguments.len(), 6, "{arguments:?}");
    let line = arguments.iter().map(|argument| format!(" --{argument}")).collect::<String>();
    let line = line.replace("$(JOB_COMPLETION_INDEX)", "3").replace("/results", ".").replace("100000", "40");
    let variables = [("JOB_COMPLETION_INDEX", "3"), ("COMPLETIONS", "8")];
    let (code, text) = said(shell(folder.path(), &format!("./eagain explore{line}"), &variables));
    assert!(code.is_some_and(|code| code < 2) && text.contains("10 seeds"), "{text}");
    assert!(folder.path().join("sweep-3.json").is_file() && folder.path().join("sweep-3.xml").is_file());
}
