//! Random programs that wait: calls made by worker threads, on descriptors that the program closes, duplicates, shuts and
//! sets meanwhile, with signals and timeouts; on connections, pipes, Unix and UDP sockets, counters, sets, rings and AIO. After
//! each step every worker has returned or is asleep inside its call; what came of it is compared with Linux. No two workers wait
//! for what only one of them can have, but in `accept4` and `sigtimedwait`.
//!
//! | file | does |
//! |---|---|
//! | `cover` | programs for what is hardly ever drawn |
//! | `draw` | the steps, and the program of a seed |
//! | `every` | every program of a few steps on one connection |
//! | `make` | the calls of a worker |
//! | `run` | the interpreter |
//! | `table` | what was covered |

mod cover;
mod draw;
mod every;
mod make;
mod run;
mod table;

use super::sides::{calls_of, in_simulation, on_linux};
use super::sweep::Report;
use draw::{Step, program};
use eagain_sim::Engine;
use eagain_sim::trace::Kind;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use table::Table;

/// What each step came to, and the cells of the table that it was in.
type Log = Vec<String>;

struct Sides {
    engine: Engine,
    runs: u32,
}

impl Sides {
    fn linux(&mut self, steps: &[Step]) -> Result<Log, String> {
        self.runs = self.runs.wrapping_add(1);
        let number = std::process::id().wrapping_mul(2_654_435_761).wrapping_add(self.runs);
        let address = Ipv4Addr::from(0x7f00_0000 | (number % 0x00ff_fffd + 1));
        let mut log = Log::new();
        on_linux(|kernel| log = run::run(kernel, address, steps, &mut Table::default()))?;
        Ok(log)
    }

    fn simulation(&mut self, steps: &[Step], table: &mut Table) -> Result<Log, String> {
        let shared = Arc::new(Mutex::new((Log::new(), Table::default())));
        let (inside, steps) = (shared.clone(), steps.to_vec());
        let report = in_simulation(&mut self.engine, move |kernel| {
            let mut table = Table::default();
            let log = run::run(kernel, Ipv4Addr::LOCALHOST, &steps, &mut table);
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = (log, table);
        });
        if let Some(failure) = report.failure {
            return Err(format!("{} {}: {}", failure.oracle, failure.site, failure.message));
        }
        let (log, seen) = std::mem::take(&mut *shared.lock().unwrap_or_else(PoisonError::into_inner));
        table.add(seen);
        Ok(log)
    }

    /// Where the two differ, in three more runs of Linux too; `Ok(Err)`: where Linux differs from itself.
    fn differs(&mut self, steps: &[Step], table: &mut Table) -> Result<Option<Verdict>, String> {
        let (linux, simulation) = (self.linux(steps)?, self.simulation(steps, table)?);
        if linux == simulation {
            return Ok(None);
        }
        for _ in 0..3 {
            if self.linux(steps)? != linux {
                return Ok(Some(Verdict::Unsteady));
            }
        }
        let at = linux.iter().zip(&simulation).position(|(a, b)| a != b).unwrap_or(0);
        Ok(Some(Verdict::Differs { at, linux, simulation }))
    }
}

enum Verdict {
    Unsteady,
    Differs { at: usize, linux: Log, simulation: Log },
}

/// Leaves out steps as long as the kernels still differ, and prints what is left.
fn show(sides: &mut Sides, seed: &str, mut steps: Vec<Step>, mut verdict: Verdict) {
    let mut at = steps.len();
    while at > 0 {
        at -= 1;
        let mut fewer = steps.clone();
        fewer.remove(at);
        if let Ok(Some(found @ Verdict::Differs { .. })) = sides.differs(&fewer, &mut Table::default()) {
            if let Verdict::Differs { at: end, .. } = &found {
                fewer.truncate(end + 1);
                at = at.min(fewer.len());
            }
            (steps, verdict) = (fewer, found);
        }
    }
    let Verdict::Differs { at, linux, simulation } = verdict else { return };
    say!("program {seed}:");
    for (step, outcome) in steps.iter().zip(&linux).take(at + 1) {
        say!("    {step:?} = {outcome}");
    }
    say!("    // the simulator says: {}", simulation.get(at).map_or("", String::as_str));
}

/// Runs programs, each under its name, on both kernels; prints the first `shown` differences.
fn compare_all(programs: impl Iterator<Item = (String, Vec<Step>)>, shown: u64, table: &mut Table) -> Report {
    super::keep_signals_out();
    let mut sides = Sides { engine: Engine::default(), runs: 0 };
    let mut report = Report::default();
    for (name, steps) in programs {
        report.programs += 1;
        report.calls += steps.len() as u64;
        match sides.differs(&steps, table) {
            Ok(None) => {}
            Ok(Some(Verdict::Unsteady)) => report.unsteady += 1,
            Ok(Some(verdict)) => {
                report.differences += 1;
                if report.differences <= shown {
                    show(&mut sides, &name, steps, verdict);
                }
            }
            Err(why) => {
                report.differences += 1;
                say!("program {name} did not get through: {why}\n    {steps:?}");
            }
        }
    }
    report
}

/// Runs the programs of `cover`, then those of the seeds `from` to `from + programs`; prints the first `shown` differences, and what was
/// covered.
pub fn sweep(programs: u64, from: u64, shown: u64) -> Report {
    let covering =
        cover::programs().into_iter().enumerate().map(|(at, steps)| (format!("cover {at}"), steps));
    let drawn = (from..from.saturating_add(programs)).map(|seed| (seed.to_string(), program(seed)));
    let mut table = Table::default();
    let report = compare_all(covering.chain(drawn), shown, &mut table);
    say!("{table}");
    report
}

/// Runs so many of the programs of `steps` steps on one connection.
pub fn sweep_every(steps: u32, programs: u64, shown: u64) -> Report {
    let count = every::count(steps);
    let numbers = (0..count).step_by((count / programs.clamp(1, count)) as usize);
    let all = numbers.map(|number| (format!("{number} of {steps}"), every::program(steps, number)));
    compare_all(all, shown, &mut Table::default())
}

/// The calls that the program of a seed makes.
pub fn calls_made(engine: &mut Engine, seed: u64) -> BTreeSet<Kind> {
    let steps = program(seed);
    calls_of(engine, move |k| drop(run::run(k, Ipv4Addr::LOCALHOST, &steps, &mut Table::default())))
}

/// What a table of programs run by the simulator alone leaves empty without a reason, and what occurred although it cannot.
pub fn uncovered(programs: u64) -> [Vec<String>; 2] {
    let mut sides = Sides { engine: Engine::default(), runs: 0 };
    let mut table = Table::default();
    for steps in cover::programs().into_iter().chain((0..programs).map(program)) {
        if let Err(why) = sides.simulation(&steps, &mut table) {
            return [vec![why], Vec::new()];
        }
    }
    [table.empty().0, table.impossible()]
}
