//! Many programs, each compared: in one process or in several.

use super::call::Call;
use super::compare::{Comparer, Difference, Verdict};
use super::generate::program;
use super::script::show;
use super::shrink::shrink;
use std::fmt;
use std::process::{Command, Stdio};

/// What a sweep came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Programs run.
    pub programs: u64,
    /// Calls made on each kernel.
    pub calls: u64,
    /// Programs over which runs of Linux differ among themselves.
    pub unsteady: u64,
    /// Programs over which the kernels differ, or that did not get through.
    pub differences: u64,
}

impl Report {
    fn add(&mut self, other: &Report) {
        self.programs += other.programs;
        self.calls += other.calls;
        self.unsteady += other.unsteady;
        self.differences += other.differences;
    }

    /// Reads back what `Display` wrote.
    fn parse(line: &str) -> Option<Report> {
        let number = |at: usize| line.split_whitespace().nth(at)?.parse().ok();
        Some(Report {
            programs: number(0)?,
            calls: number(2)?,
            differences: number(4)?,
            unsteady: number(7)?,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { programs, calls, unsteady, differences } = self;
        write!(f, "{programs} programs, {calls} calls, {differences} unexplained differences, {unsteady} ")?;
        f.write_str("where Linux differs from itself")
    }
}

/// A difference as a test body: what Linux says, with the simulator's answer at the last line.
fn paste(seed: u64, calls: &[Call], difference: &Difference) -> String {
    let mut text = format!("    seed_{seed}: \"\n");
    text.push_str(&show(calls, &difference.linux));
    let simulated = difference.simulation.get(difference.at).map_or(String::new(), |o| o.to_string());
    text.push_str(&format!("    \"; // the simulator says: {simulated}\n"));
    text
}

/// Runs programs `from` to `from + programs` in this process. Each difference is shrunk and printed, the first `shown`.
pub fn conform(programs: u64, from: u64, shown: u64) -> Report {
    let mut comparer = Comparer::default();
    let mut report = Report::default();
    for seed in from..from.saturating_add(programs) {
        let mut calls = program(seed);
        if !comparer.has_rings() {
            calls.retain(|call| !call.op.is_about_rings());
        }
        report.programs += 1;
        report.calls += calls.len() as u64;
        match comparer.compare(&calls) {
            Verdict::Same => {}
            Verdict::Unsteady(difference) => {
                report.unsteady += 1;
                let Difference { at, linux, simulation } = difference;
                say!("program {seed}: Linux differs from itself at call {at}, {}", calls[at]);
                say!("    {} or {}", linux[at], simulation[at]);
            }
            Verdict::Broken(why) => {
                report.differences += 1;
                say!("program {seed} did not get through: {why}");
            }
            Verdict::Differs(difference) => {
                report.differences += 1;
                if report.differences <= shown {
                    let (calls, difference) = shrink(&mut comparer, &calls, difference);
                    say!("{}", paste(seed, &calls, &difference));
                }
            }
        }
    }
    report
}

/// Descriptor numbers belong to a process, and a program's meaning depends on them: so each job is a process.
pub(super) fn in_processes(programs: u64, from: u64, jobs: u64) -> std::io::Result<Report> {
    let own = std::env::current_exe()?;
    let mut children = Vec::new();
    for job in 0..jobs {
        let share = programs / jobs + u64::from(job < programs % jobs);
        let first = from + job * (programs / jobs) + job.min(programs % jobs);
        let numbers = [("--programs", share), ("--from", first), ("--jobs", 1)];
        let arguments = numbers.iter().flat_map(|(name, value)| [(*name).to_owned(), value.to_string()]);
        let arguments = std::iter::once("conform".to_owned()).chain(arguments);
        children.push(Command::new(&own).args(arguments).stdout(Stdio::piped()).spawn()?);
    }
    let mut report = Report::default();
    for child in children {
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (shown, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
        if !shown.is_empty() {
            say!("{shown}");
        }
        match Report::parse(last) {
            Some(part) => report.add(&part),
            None => report.differences += 1,
        }
    }
    Ok(report)
}
