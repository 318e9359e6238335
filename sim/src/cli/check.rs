//! `eagain check`: determinism, proved. Every seed runs here and in another process that differs in whatever a run must not
//! depend on; the first event that differs is named.

use super::args::{CheckArgs, CheckChildArgs};
use super::console::Console;
use super::{Done, Exit, Registry, Stop};
use crate::run::{Scenario, Settings};
use crate::runner::check::{self, Child, Range};
use crate::runner::unsettle::{await_another_clock, unsettle_this_process};

pub(super) fn check(registry: &Registry, args: &CheckArgs, console: &mut Console) -> Done {
    let (selection, settings) = registry.several(&args.scenarios, &args.settings.texts())?;
    for (name, reason) in &selection.skipped {
        console.err(&format!("skipped: {name} {reason}\n"));
    }
    if args.seeds == 0 {
        return Err(Stop::usage("`--seeds 0` tests nothing"));
    }
    let from = args.from.number()?;
    let mut exit = Exit::Held;
    let mut refused = Vec::new();
    for scenario in &selection.chosen {
        let range = Range { scenario: *scenario, settings: settings.clone(), from, seeds: args.seeds };
        match check_one(registry, &range, args.jobs as usize, console)? {
            Ok(one) => exit = exit.max(one),
            Err(line) => refused.push((scenario.name, line)),
        }
    }
    if let (Some((_, line)), true) = (refused.first(), refused.len() == selection.chosen.len()) {
        return Err(Stop::usage(line));
    }
    for (name, line) in refused {
        console.err(&format!("skipped: {name} refuses: {line}\n"));
    }
    Ok(exit)
}

/// The inner error is a refusal.
fn check_one(
    registry: &Registry,
    range: &Range,
    jobs: usize,
    console: &mut Console,
) -> Result<Result<Exit, String>, Stop> {
    let here = match range.run(registry.executor, jobs, check::Order::Up) {
        Ok(here) => here,
        Err(check::Problem::Refused(line)) => return Ok(Err(line)),
        Err(check::Problem::Harness(line)) => return Err(Stop::harness(line)),
    };
    let other_jobs = if jobs == 1 { 2 } else { jobs - 1 };
    let child = Child { range, jobs: other_jobs };
    await_another_clock();
    let there = child.run().map_err(Stop::harness)?;
    let name = range.scenario.name;
    let Some((seed, mine, theirs)) = check::first_difference(range.from, &here, &there) else {
        console.out(&format!("{name}: {} seeds, the same in both processes\n", range.seeds));
        return Ok(Ok(Exit::Held));
    };
    console.out(&format!(
        "NONDETERMINISM {name} seed {seed:#x}\n  here          {mine}\n  other process {theirs}\n"
    ));
    let event = check::first_event(registry.executor, range, &child, seed).map_err(Stop::harness)?;
    console.out(&event);
    Ok(Ok(Exit::Nondeterminism))
}

/// The other process.
pub(super) fn child(registry: &Registry, args: &CheckChildArgs, console: &mut Console) -> Done {
    unsettle_this_process();
    let (scenario, settings): (Scenario, Settings) = registry.one(&args.scenario, &args.settings.texts())?;
    let range = Range { scenario, settings, from: args.from, seeds: args.seeds };
    let harness = |problem: check::Problem| Stop::harness(problem.to_string());
    if let Some(seed) = args.trace {
        let text = range.trace(registry.executor, check::Order::Down, seed).map_err(harness)?;
        console.out(&text);
    } else {
        let lines = range.run(registry.executor, args.jobs as usize, check::Order::Down).map_err(harness)?;
        console.out(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    }
    Ok(Exit::Held)
}
