//! Runs the same seeds in two processes that differ in whatever a run must not depend on: address layout, environment,
//! heap, number of threads, and the order in which worlds follow each other on a thread.

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
        Some(failure) => format!("{} at {}: {}", failure.oracle, failure.site, failure.message),
    };
    // One line, whatever a message holds.
    let text = format!("{:#018x} {} calls, {verdict}", report.hash, report.calls);
    Ok(Line(text.replace(['\n', '\r'], " ").trim_end().to_owned()))
}

fn trace(worker: &mut Worker, spec: &RunSpec) -> Result<String, Problem> {
    let report = worker.try_run(spec).map_err(Problem::Harness)?;
    let mut bytes = Vec::new();
    if let Some(log) = &report.trace {
        // Writing to memory does not fail.
        let _ = text::write(log, &mut bytes);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
        Ok(self.ask(None)?.lines().map(Line::from).collect())
    }

    /// Its trace of `seed`.
    pub fn trace(&self, seed: u64) -> Result<String, String> {
        self.ask(Some(seed))
    }

    fn ask(&self, trace: Option<u64>) -> Result<String, String> {
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
        unsettle(&mut command);
        let output = command.output().map_err(|error| format!("the other process: {error}"))?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!("the other process ended with {}: {error}", output.status));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| "the other process said something that is no text".to_owned())
    }
}

/// Another environment: other variables, and so other addresses of all that lies below them on the stack.
pub fn unsettle(command: &mut Command) {
    for number in 0..37_usize {
        command.env(format!("EAGAIN_UNSETTLED_{number}"), "x".repeat(number * 97));
    }
    command.env("TZ", "Pacific/Chatham").env("LANG", "tr_TR.UTF-8").env("LC_ALL", "C");
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

/// Runs a seed that differs again in both processes, with traces, and shows the first event that differs side by side.
pub fn first_event(make: MakeExecutor, range: &Range, child: &Child, seed: u64) -> Result<String, String> {
    let there = child.trace(seed)?;
    let problem = |problem: Problem| problem.to_string();
    let alone = trace(&mut Worker::new(make), &range.spec(seed, Record::Trace)).map_err(problem)?;
    if let Some(text) = side_by_side(&alone, &there) {
        return Ok(text);
    }
    // Alone it is the same: perhaps what ran before it on the same thread matters.
    let after_others = range.trace(make, Order::Up, seed).map_err(problem)?;
    if let Some(text) = side_by_side(&after_others, &there) {
        return Ok(format!("{text}  it differs only after other runs on the same thread\n"));
    }
    Ok(format!(
        "  run again with traces, both are the same: it does not always differ\n  {}\n",
        invocation::run(range.scenario.name, seed, &range.settings)
    ))
}

/// How many lines before the difference are shown.
const BEFORE: usize = 3;

fn side_by_side(here: &str, there: &str) -> Option<String> {
    let (here, there): (Vec<&str>, Vec<&str>) = (here.lines().collect(), there.lines().collect());
    let at = (0..here.len().max(there.len())).find(|&at| here.get(at) != there.get(at))?;
    let mut text = String::from("  the first event that differs\n");
    for line in &here[at.saturating_sub(BEFORE).min(here.len())..at.min(here.len())] {
        text.push_str(&format!("    both          {line}\n"));
    }
    let end = "(the end of the trace)";
    text.push_str(&format!("    here          {}\n", here.get(at).unwrap_or(&end)));
    text.push_str(&format!("    other process {}\n", there.get(at).unwrap_or(&end)));
    Some(text)
}

/// Leaves blocks of many sizes behind, so that nothing that follows lies where it would have.
pub fn unsettle_heap() {
    for size in (1..4096_usize).step_by(61) {
        let block = vec![size as u8; size * 3];
        if size % 2 == 1 {
            // Kept on purpose: the process is short.
            Box::leak(block.into_boxed_slice());
        }
    }
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
        assert_eq!(side_by_side("a\nb\n", "a\nb\n"), None);
        insta::assert_snapshot!(side_by_side("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nE\nf\n").unwrap());
        insta::assert_snapshot!(side_by_side("a\n", "a\nb\n").unwrap());
    }
}
