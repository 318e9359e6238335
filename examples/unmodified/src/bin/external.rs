//! Runs the tests of another project on the simulated kernel: each test of each test executable is a world of one host, in which the
//! executable, as cargo has built it, runs that one test.
//!
//! ```text
//! external LIST EXECUTABLE…                 compares what fails with LIST: lines of `executable test # reason`
//! external --one EXECUTABLE TEST [SEED]     one test: what it printed, and how it failed
//! ```
//!
//! The working directory has the `Cargo.toml` of the folder that the variable `PACKAGE` names: tests read it, since cargo runs them there.
//! Without a seed no fault happens. Exit status: 0 what fails is what the list says, 1 it is not, 2 usage.

use eagain::World;
use eagain::sim::choice::{Base, parse_seed};
use eagain::sim::run::{RunSpec, Scenario};
use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a test may take: some compute for a quarter of a minute, on a processor of their own.
const TIMEOUT: Duration = Duration::from_secs(600);

/// What the reason of a test begins with that passes where there are faults.
const WITHOUT_FAULTS: &str = "without faults:";

/// The settings that say what runs.
const EXECUTABLE: &str = "executable";
const TEST: &str = "test";
const FAULTS: &str = "faults";

const SCENARIO: Scenario = Scenario {
    name: "external",
    about: "a test of another project",
    knobs: &[],
    seeds: 1,
    body: |sim| World::build(sim, world),
};

fn world(world: &mut World<'_>) {
    let (executable, test) = (world.word(EXECUTABLE), world.word(TEST));
    if !world.sim().is_set(FAULTS) {
        world.sim().faults(&[]);
    }
    let arguments = ["--exact", &test, "--nocapture", "--test-threads=1"];
    let mut host = world.host("machine").env("RUST_BACKTRACE", "0");
    if let Some(package) = std::env::var_os("PACKAGE")
        && let Ok(manifest) = std::fs::read(std::path::Path::new(&package).join("Cargo.toml"))
    {
        host = host.file("/Cargo.toml", manifest);
    }
    host.binary(executable, arguments).client();
}

/// Runs one test here: how it failed.
fn run_one(executable: &str, test: &str, seed: Option<u64>) -> Result<(), String> {
    let mut settings = BTreeMap::from([(EXECUTABLE, executable), (TEST, test)]);
    if seed.is_some() {
        settings.insert(FAULTS, "on");
    }
    let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let spec = RunSpec::new(SCENARIO, settings, seed.map_or(Base::Zero, Base::Seed));
    let report = eagain::executor().run(&spec);
    print!("{}", report.output);
    println!("trace {:#x}", report.hash);
    match (report.refused, report.failure) {
        (Some(line), _) => Err(line),
        (None, Some(failure)) => Err(format!("{} at {}: {}", failure.oracle, failure.site, failure.message)),
        (None, None) => Ok(()),
    }
}

/// The tests of an executable.
fn tests_of(executable: &str) -> std::io::Result<Vec<String>> {
    let output = Command::new(executable).args(["--list", "--format", "terse"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let all =
        text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect::<Vec<_>>();
    let ignored = Command::new(executable).args(["--list", "--format", "terse", "--ignored"]).output()?;
    let ignored = String::from_utf8_lossy(&ignored.stdout).into_owned();
    let is_ignored = |test: &String| ignored.lines().any(|line| line.strip_suffix(": test") == Some(test));
    Ok(all.into_iter().filter(|test| !is_ignored(test)).collect())
}

/// Runs one test in a process of its own: the last line that it says; `None`: it passed.
fn failure_of(executable: &str, test: &str, seed: Option<&str>) -> std::io::Result<Option<String>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--one", executable, test]).args(seed).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let mut text = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                std::io::Read::read_to_string(&mut stderr, &mut text)?;
            }
            let line = text.lines().next().unwrap_or("").to_owned();
            return Ok((!status.success()).then_some(line));
        }
        if begun.elapsed() > TIMEOUT {
            child.kill()?;
            child.wait()?;
            return Ok(Some(format!("computes for more than {} s", TIMEOUT.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `tcp_stream-0123456789abcdef` is called `tcp_stream`.
fn short(executable: &str) -> &str {
    let name = executable.rsplit('/').next().unwrap_or(executable);
    name.rsplit_once('-').map_or(name, |(name, _)| name)
}

fn compare(list: &str, executables: &[String], seed: Option<&str>) -> std::io::Result<bool> {
    let expected: BTreeMap<String, String> = std::fs::read_to_string(list)?
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_once(" # ").unwrap_or((line, "")))
        .filter(|(_, reason)| seed.is_none() || !reason.starts_with(WITHOUT_FAULTS))
        .map(|(test, reason)| (test.trim().to_owned(), reason.to_owned()))
        .collect();
    let mut work: Vec<(String, String)> = Vec::new();
    for executable in executables {
        work.extend(tests_of(executable)?.into_iter().map(|test| (executable.clone(), test)));
    }
    work.reverse();
    let total = work.len();
    let (work, found) = (Mutex::new(work), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = work.lock().ok().and_then(|mut work| work.pop());
                    let Some((executable, test)) = next else { break };
                    let name = format!("{} {test}", short(&executable));
                    let failed =
                        failure_of(&executable, &test, seed).unwrap_or_else(|error| Some(error.to_string()));
                    if let (Some(line), Ok(mut found)) = (failed, found.lock()) {
                        println!("{name} # {line}");
                        found.insert(name, line);
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_default();
    println!("{} of {total} tests pass", total - found.len());
    let news: Vec<&String> = found.keys().filter(|test| !expected.contains_key(*test)).collect();
    let gone: Vec<&String> = expected.keys().filter(|test| !found.contains_key(*test)).collect();
    news.iter().for_each(|test| println!("fails, and is not on the list: {test}"));
    gone.iter().for_each(|test| println!("is on the list, and passes or is not there: {test}"));
    Ok(news.is_empty() && gone.is_empty())
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [one, executable, test, seed @ ..] = &arguments[..]
        && one == "--one"
    {
        let seed = seed.first().and_then(|seed| parse_seed(seed).ok());
        return match run_one(executable, test, seed) {
            Ok(()) => ExitCode::SUCCESS,
            Err(line) => {
                eprintln!("{line}");
                ExitCode::FAILURE
            }
        };
    }
    let seed = arguments.iter().position(|argument| argument == "--seed").map(|at| {
        arguments.remove(at);
        if at < arguments.len() { arguments.remove(at) } else { String::new() }
    });
    let Some((list, executables)) =
        arguments.split_first().filter(|(_, executables)| !executables.is_empty())
    else {
        eprintln!(
            "usage: external [--seed SEED] LIST EXECUTABLE…  or  external --one EXECUTABLE TEST [SEED]"
        );
        return ExitCode::from(2);
    };
    match compare(list, executables, seed.as_deref()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
