//! Runs the same seeds in two processes that differ in whatever a run must not depend on: what [`unsettle`](super::unsettle) changes,
//! address layout, heap, number of threads, and the order in which worlds follow each other on a thread. Where a seed differs, the
//! first event that does is shown, and a few more runs say what kind of cause it has.

use super::unsettle::{Differs, another_second, unsettle};
use super::{MakeExecutor, Worker, invocation, on_all_cores};
use crate::run::{Record, RunSpec, Scenario, Settings};
use crate::trace::text;
use std::fmt;
use std::process::Command;

/// Some seeds of a scenario.
#[derive(Clone)]
pub struct Range {
    /// The scenario.
    pub scenario: Scenario,
    /// Its settings.
    pub settings: Settings,
    /// The first seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
}

/// In which order seeds are run. What a run leaves behind on its thread must not be seen by the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The first seed first.
    Up,
    /// The last seed first.
    Down,
}

/// What a run came to: its hash and its verdict, in a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line(String);

impl From<&str> for Line {
    fn from(text: &str) -> Line {
        Line(text.to_owned())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there are no lines.
#[derive(Debug)]
pub enum Problem {
    /// The settings are refused.
    Refused(String),
    /// The harness failed.
    Harness(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Refused(line) => f.write_str(line),
            Problem::Harness(text) => write!(f, "the harness failed: {text}"),
        }
    }
}

impl Range {
    fn spec(&self, seed: u64, record: Record) -> RunSpec {
        RunSpec { record, ..RunSpec::seeded(self.scenario, self.settings.clone(), seed) }
    }

    /// The seed that is run as the `number`-th.
    fn seed(&self, order: Order, number: u64) -> u64 {
        self.from.wrapping_add(match order {
            Order::Up => number,
            Order::Down => self.seeds - 1 - number,
        })
    }

    /// Runs all, each once; the lines in the order of the seeds, whatever the order of the runs.
    pub fn run(&self, make: MakeExecutor, jobs: usize, order: Order) -> Result<Vec<Line>, Problem> {
        let count = usize::try_from(self.seeds).unwrap_or(usize::MAX);
        let results = on_all_cores(jobs, make, count, |worker, number| {
            line(worker, &self.spec(self.seed(order, number as u64), Record::Hash))
        });
        let mut lines = results.into_iter().collect::<Result<Vec<_>, _>>()?;
        if order == Order::Down {
            lines.reverse();
        }
        Ok(lines)
    }

    /// The trace of `seed` as text, after the runs that come before it in this order.
    pub fn trace(&self, make: MakeExecutor, order: Order, seed: u64) -> Result<String, Problem> {
        let mut worker = Worker::new(make);
        for number in 0..self.seeds {
            let before = self.seed(order, number);
            if before == seed {
                break;
            }
            worker.try_run(&self.spec(before, Record::Hash)).map_err(Problem::Harness)?;
        }
        trace(&mut worker, &self.spec(seed, Record::Trace))
    }
}

fn line(worker: &mut Worker, spec: &RunSpec) -> Result<Line, Problem> {
    let report = worker.try_run(spec).map_err(Problem::Harness)?;
    if let Some(line) = report.refused {
        return Err(Problem::Refused(line));
    }
    let verdict = match &report.failure {
        None => "held".to_owned(),
        Some(failure) => format!("{}: {}", failure.headline(), failure.message),
    };
    // One line, whatever a message holds.
    let text = format!("{:#018x} {} calls, {verdict}", report.hash, report.calls);
    Ok(Line(text.replace(['\n', '\r'], " ").trim_end().to_owned()))
}

fn trace(worker: &mut Worker, spec: &RunSpec) -> Result<String, Problem> {
    let report = worker.try_run(spec).map_err(Problem::Harness)?;
    Ok(report.trace.as_ref().map(text::plain).unwrap_or_default())
}

/// The other process: this program again, with the hidden command that runs a range.
pub struct Child<'a> {
    /// What it runs.
    pub range: &'a Range,
    /// On how many threads.
    pub jobs: usize,
}

impl Child<'_> {
    /// Its lines.
    pub fn run(&self) -> Result<Vec<Line>, String> {
        Ok(self.ask(None, None)?.lines().map(Line::from).collect())
    }

    /// Its trace of `seed`.
    pub fn trace(&self, seed: u64) -> Result<String, String> {
        self.ask(Some(seed), None)
    }

    /// The first of what it differs in without which its trace of `seed` is `here`'s.
    fn differs_by(&self, seed: u64, here: &str) -> Result<Option<Differs>, String> {
        for kept in Differs::ALL {
            if self.ask(Some(seed), Some(kept))? == here {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    fn ask(&self, trace: Option<u64>, kept: Option<Differs>) -> Result<String, String> {
        let exe = std::env::current_exe().map_err(|error| format!("this program's own file: {error}"))?;
        let Range { scenario, settings, from, seeds } = self.range;
        let mut command = Command::new(exe);
        command.args(["check-child", scenario.name]);
        command.args(["--from", &from.to_string(), "--seeds", &seeds.to_string()]);
        command.args(["--jobs", &self.jobs.to_string()]);
        for (key, value) in settings {
            command.args(["--set", &format!("{key}={value}")]);
        }
        if let Some(seed) = trace {
            command.args(["--trace", &seed.to_string()]);
        }
        unsettle(&mut command, kept);
        let output = command.output().map_err(|error| format!("the other process: {error}"))?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!("the other process ended with {}: {error}", output.status));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| "the other process said something that is no text".to_owned())
    }
}

/// The first seed whose lines differ, with both. A line that is missing differs.
pub fn first_difference(from: u64, here: &[Line], there: &[Line]) -> Option<(u64, String, String)> {
    let none = || "no such run".to_owned();
    (0..here.len().max(there.len())).find_map(|at| {
        let (mine, theirs) = (here.get(at), there.get(at));
        let text = |line: Option<&Line>| line.map_or_else(none, Line::to_string);
        (mine != theirs).then(|| (from.wrapping_add(at as u64), text(mine), text(theirs)))
    })
}

/// Runs a seed that differs again in both processes, with traces; shows the first event that differs side by side, and says what
/// kind of cause it has, where that is a known one.
pub fn first_event(make: MakeExecutor, range: &Range, child: &Child, seed: u64) -> Result<String, String> {
    let problem = |problem: Problem| problem.to_string();
    let there = child.trace(seed)?;
    another_second();
    let cause = cause(make, range, seed, || child.trace(seed));
    let alone = alone(make, range, seed).map_err(problem)?;
    // Where it is the same alone, perhaps what ran before it on the same thread matters.
    let after = || range.trace(make, Order::Up, seed).map_err(problem);
    let text = match side_by_side(&alone, &there, PROCESSES) {
        Some(text) => Some(text),
        None => side_by_side(&after()?, &there, PROCESSES),
    };
    Ok(match (text, cause?) {
        (Some(text), Some(cause)) => format!("{text}  {cause}\n"),
        (Some(text), None) => {
            let cause = child.differs_by(seed, &alone)?.map_or(
                "an address (a pointer that is hashed, compared or printed), or the number of the process",
                Differs::cause,
            );
            format!("{text}  within one process it is the same: it depends on {cause}\n")
        }
        (None, Some(cause)) => format!("  {cause}\n"),
        (None, None) => format!(
            "  run again with traces, both are the same: it does not always differ\n  {}\n",
            invocation::run(range.scenario.name, seed, &range.settings)
        ),
    })
}

/// The trace of a seed as the first run of an OS thread.
fn alone(make: MakeExecutor, range: &Range, seed: u64) -> Result<String, Problem> {
    runs(make, range, &[seed])
}

/// The trace of the last of `seeds`, run one after the other on an OS thread of their own.
fn runs(make: MakeExecutor, range: &Range, seeds: &[u64]) -> Result<String, Problem> {
    let work = || {
        let mut worker = Worker::new(make);
        let mut last = String::new();
        for &seed in seeds {
            last = trace(&mut worker, &range.spec(seed, Record::Trace))?;
        }
        Ok(last)
    };
    let joined = std::thread::scope(|scope| scope.spawn(work).join());
    joined.unwrap_or_else(|panic| Err(Problem::Harness(super::panic_text(&*panic))))
}

/// What makes a seed another run, where a few more runs show it; `None`: within this process it is always the same. `elsewhere` is
/// the trace of the seed in a new process, the same runs before it each time.
fn cause(
    make: MakeExecutor,
    range: &Range,
    seed: u64,
    elsewhere: impl Fn() -> Result<String, String>,
) -> Result<Option<String>, String> {
    let problem = |problem: Problem| problem.to_string();
    let (first, second) =
        (alone(make, range, seed).map_err(problem)?, alone(make, range, seed).map_err(problem)?);
    if first != second {
        if is_reordered(&first, &second) {
            return Ok(Some(format!("the same calls in another order: {ORDER}")));
        }
        let one = elsewhere()?;
        another_second();
        return Ok(Some(if one == elsewhere()? {
            "each run of a process is another one, and each process makes the same ones: a `static` that runs change".to_owned()
        } else {
            each_is_another(&first, &second)
        }));
    }
    another_second();
    if alone(make, range, seed).map_err(problem)? != first {
        return Ok(Some(
            "it differs from second to second: the time of day, such as `SystemTime::now`".to_owned(),
        ));
    }
    let others: Vec<u64> = (0..range.seeds).map(|number| range.seed(Order::Up, number)).collect();
    let after = |before: &[u64]| runs(make, range, &[before, &[seed]].concat()).map_err(problem);
    let differs = after(&[seed])? != first || after(&others)? != first;
    Ok(differs.then(|| {
        "it differs after other runs on the same OS thread: a `thread_local!` that the body of the scenario, or what it \
         calls, changes while it builds the world"
            .to_owned()
    }))
}

/// What makes each run another one, also in one process.
const ORDER: &str =
    "a HashMap or HashSet that is iterated over or dropped; use a BTreeMap, or a hasher with fixed keys";
const ENTROPY: &str = "the machine's entropy (tokio's `select!` without `biased;` uses it)";
const CLOCK: &str = "the machine's clock";
const ADDRESS: &str =
    "an address that is hashed, compared, printed or sent, or memory that was never written";

/// How far a call may have moved by the order of a map.
const MOVED_MAX: usize = 200;

/// What can make each run another one, the most likely first, by what differs.
fn each_is_another(first: &str, second: &str) -> String {
    let calls = |text: &str| -> Vec<String> { text.lines().filter_map(call).map(str::to_owned).collect() };
    let (one, other) = (calls(first), calls(second));
    let at = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let comes = |calls: &[String], which: Option<&String>| {
        which.is_some_and(|which| calls.iter().skip(at + 1).take(MOVED_MAX).any(|call| call == which))
    };
    let name = |call: Option<&String>| call.and_then(|call| call.split('(').next()).map(str::to_owned);
    let (what, causes) = if comes(&one, other.get(at)) && comes(&other, one.get(at)) {
        ("the calls that differ come later, in another order", [ORDER, ENTROPY, CLOCK, ADDRESS])
    } else if name(one.get(at)) == name(other.get(at)) {
        ("the same call with another value, or another result", [ENTROPY, CLOCK, ADDRESS, ORDER])
    } else {
        ("another call", [ENTROPY, ORDER, CLOCK, ADDRESS])
    };
    let [likely, others @ ..] = causes;
    format!(
        "each run is another one, in one process too. It begins with {what}: most likely {likely}. It can also be {}",
        others.join("; or ")
    )
}

/// Who calls what, without number, time and result: these depend on what came before.
fn call(line: &str) -> Option<&str> {
    let thread = line.split_ascii_whitespace().nth(2)?;
    line[line.find(thread)?..].split(" = ").next()
}

/// Two runs of a seed in this process, side by side, and why they differ; or that they do not, and what that means.
pub fn in_one_process(make: MakeExecutor, range: &Range, seed: u64) -> Result<String, String> {
    let trace = || alone(make, range, seed).map_err(|problem| problem.to_string());
    let (first, second) = (trace()?, trace()?);
    Ok(match side_by_side(&first, &second, ["one run", "the next"]) {
        Some(text) if is_reordered(&first, &second) => format!("{text}  the same calls in another order: {ORDER}\n"),
        Some(text) => format!("{text}  {}\n", each_is_another(&first, &second)),
        None => "  two runs of it in this process are the same: it depends on what differs between processes (environment, \
                 working directory, time zone, clock, processors, addresses), or on runs before it\n"
            .to_owned(),
    })
}

/// Whether the threads do the same in another order from the first event on that differs.
fn is_reordered(here: &str, there: &str) -> bool {
    fn events(text: &str) -> Vec<&str> {
        let mut events: Vec<&str> = text.lines().filter_map(call).collect();
        events.sort_unstable();
        events
    }
    here != there && events(here) == events(there)
}

/// What the traces of both are called.
const PROCESSES: [&str; 2] = ["here", "other process"];
/// How many lines before the difference are shown.
const BEFORE: usize = 3;

/// The first line in which two traces differ, with a few of those before, or nothing; `names` are the traces'.
pub(crate) fn side_by_side(here: &str, there: &str, names: [&str; 2]) -> Option<String> {
    let (here, there): (Vec<&str>, Vec<&str>) = (here.lines().collect(), there.lines().collect());
    let at = (0..here.len().max(there.len())).find(|&at| here.get(at) != there.get(at))?;
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0).max(4);
    let mut text = String::from("  the first event that differs");
    if let Some((thread, call)) = here.get(at).or(there.get(at)).and_then(|line| event(line)) {
        text.push_str(&format!(", in {thread}, at {call}"));
    }
    text.push('\n');
    for line in &here[at.saturating_sub(BEFORE).min(here.len())..at.min(here.len())] {
        text.push_str(&format!("    {:width$} {line}\n", "both"));
    }
    for (name, lines) in names.iter().zip([&here, &there]) {
        text.push_str(&format!("    {name:width$} {}\n", lines.get(at).unwrap_or(&"(the end of the trace)")));
    }
    Some(text)
}

/// Who made a call, and which, as a line of a trace has them.
fn event(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_ascii_whitespace();
    let number = words.next()?.strip_prefix('#')?;
    let (_time, thread, call) = (words.next()?, words.next()?, words.next()?);
    number.parse::<u64>().ok()?;
    Some((thread, call.split('(').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::fake;

    fn range(scenario: Scenario) -> Range {
        Range { scenario, settings: Settings::new(), from: 0, seeds: 20 }
    }

    #[test]
    fn order_and_threads_do_not_matter_to_a_sound_engine() {
        let up = range(fake::FAILS).run(fake::make, 1, Order::Up).unwrap();
        let down = range(fake::FAILS).run(fake::make, 3, Order::Down).unwrap();
        assert_eq!(first_difference(0, &up, &down), None);
        assert!(up.iter().any(|line| line.0.contains("reply pairing (O1) at reply-pairing")));
    }

    #[test]
    fn what_leaks_from_run_to_run_is_found() {
        let up = range(fake::DRIFTS).run(fake::make, 1, Order::Up).unwrap();
        let down = range(fake::DRIFTS).run(fake::make, 1, Order::Down).unwrap();
        let (seed, mine, theirs) = first_difference(0, &up, &down).unwrap();
        assert_eq!(seed, 0);
        assert_ne!(mine, theirs);
    }

    #[test]
    fn a_missing_run_is_a_difference() {
        let up = range(fake::HOLDS).run(fake::make, 1, Order::Up).unwrap();
        let (seed, _, theirs) = first_difference(5, &up, &up[..3]).unwrap();
        assert_eq!((seed, theirs.as_str()), (8, "no such run"));
    }

    #[test]
    fn the_first_event_that_differs_is_shown_with_what_came_before() {
        assert_eq!(side_by_side("a\nb\n", "a\nb\n", PROCESSES), None);
        insta::assert_snapshot!(side_by_side("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nE\nf\n", PROCESSES).unwrap());
        insta::assert_snapshot!(side_by_side("a\n", "a\nb\n", PROCESSES).unwrap());
    }

    #[test]
    fn the_thread_and_the_call_that_differ_are_named() {
        let here = "#7 0.000001750 server/worker-2 recv(7, 4096, 0) = 6\n";
        let text =
            side_by_side(here, "#7 0.000001750 server/worker-2 recv(7, 4096, 0) = 5\n", PROCESSES).unwrap();
        assert!(text.starts_with("  the first event that differs, in server/worker-2, at recv\n"), "{text}");
    }
}
