//! `eagain bugs --guided`: how long the plain sweep and the guided search take to find each planted bug, from the same first
//! seeds, in processor time.

use super::args::BugsArgs;
use super::bugs::{Planted, first_seed, search, spec};
use super::console::Console;
use super::{Done, Exit, Registry, Stop};
use crate::runner::guided::inline;
use crate::runner::{Worker, on_all_cores};
use serde_json::{Value, json};
use std::time::Instant;

/// So many bugs are the hard ones.
const HARDEST: usize = 15;

/// What one search took.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// Runs until the bug was found; `None`: it was not.
    pub(super) runs: Option<u64>,
    /// Seconds of the processor.
    pub(super) seconds: f64,
}

/// What both come to for one bug.
pub(super) struct Compared {
    plain: Side,
    guided: Side,
    /// From so many first seeds each.
    bases: usize,
    /// How many times as quick the guided search is.
    pub(super) times: f64,
}

pub(super) fn compare(registry: &Registry, args: &BugsArgs, bugs: &[Planted], console: &mut Console) -> Done {
    let width = bugs.iter().map(|bug| bug.name.len()).max().unwrap_or(0).max(3);
    if args.json {
        console.out("[");
    } else {
        console.out(&line(
            width,
            ["bug", "plain", "median", "ms", "guided", "median", "ms", "times"].map(str::to_owned),
        ));
    }
    let mut all = Vec::new();
    for (number, bug) in bugs.iter().enumerate() {
        let plain = costs(registry, args, |worker, first| Ok(search(worker, bug, first, args.seeds)?.cost))?;
        let compared = one(registry, args, bug, &plain)?;
        if args.json {
            let comma = if number == 0 { "" } else { "," };
            console.out(&format!("{comma}\n{}", compared.json(&bug.name)));
        } else {
            let [a, b, c] = compared.cells(&compared.plain);
            let [d, e, f] = compared.cells(&compared.guided);
            console.out(&line(width, [bug.name.clone(), a, b, c, d, e, f, format!("{:.2}", compared.times)]));
        }
        all.push(compared);
    }
    console.out(&if args.json { "\n]\n".to_owned() } else { summary(&all) });
    Ok(Exit::Held)
}

/// Searches for one bug with the guided search too, where the plain sweep took `plain`.
pub(super) fn one(
    registry: &Registry,
    args: &BugsArgs,
    bug: &Planted,
    plain: &[Cost],
) -> Result<Compared, Stop> {
    let guided = costs(registry, args, |worker, first| guided(worker, bug, first, args.seeds))?;
    let (plain, guided) = (Side::of(plain), Side::of(&guided));
    let times = plain.seconds / guided.seconds.max(1e-9);
    Ok(Compared { plain, guided, bases: args.bases as usize, times })
}

/// What a search takes from each first seed.
fn costs(
    registry: &Registry,
    args: &BugsArgs,
    search: impl Fn(&mut Worker, u64) -> Result<Cost, String> + Sync,
) -> Result<Vec<Cost>, Stop> {
    let (jobs, bases) = (args.jobs as usize, args.bases as usize);
    let one = |worker: &mut Worker, base: usize| search(worker, first_seed(base as u64));
    let all = on_all_cores(jobs, registry.executor, bases, one);
    all.into_iter().collect::<Result<_, String>>().map_err(Stop::harness)
}

/// What all of it comes to. The hardest are those that take the plain sweep the most seeds.
pub(super) fn summary(all: &[Compared]) -> String {
    let of = |compared: &Compared| (compared.plain.runs.unwrap_or(u64::MAX), compared.times);
    let mut factors: Vec<(u64, f64)> = all.iter().map(of).collect();
    factors.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let (hard, easy) = factors.split_at(factors.len().min(HARDEST));
    let middle = |all: &[(u64, f64)]| median(all.iter().map(|&(_, factor)| factor)).unwrap_or(1.0);
    let mut text =
        format!("\nguided, of the {} hardest: {:.2} times as quick in the median", hard.len(), middle(hard));
    if let Some(worst) = easy.iter().map(|&(_, factor)| factor).min_by(f64::total_cmp) {
        let (count, middle) = (easy.len(), middle(easy));
        text += &format!("; of the {count} others: {middle:.2} in the median, {worst:.2} at worst");
    }
    text + "\n"
}

impl Compared {
    fn cells(&self, side: &Side) -> [String; 3] {
        let runs = side.runs.map_or_else(|| "-".to_owned(), |runs| runs.to_string());
        [format!("{}/{}", side.found, self.bases), runs, format!("{:.1}", side.seconds * 1e3)]
    }

    /// The columns of the whole table: processor time of the plain sweep, and what the guided search makes of it.
    pub(super) fn columns(&self) -> [String; 5] {
        let [found, runs, ms] = self.cells(&self.guided);
        let [_, _, plain] = self.cells(&self.plain);
        [plain, found, runs, ms, format!("{:.2}", self.times)]
    }

    pub(super) fn json(&self, name: &str) -> Value {
        let side = |side: &Side| json!({ "found_from": side.found, "median_runs": side.runs, "median_seconds": side.seconds });
        json!({ "name": name, "plain": side(&self.plain), "guided": side(&self.guided), "times": self.times })
    }
}

fn guided(worker: &mut Worker, bug: &Planted, first: u64, seeds: u64) -> Result<Cost, String> {
    let started = processor_seconds();
    let like = spec(&bug.defect, first);
    let found = inline::search(worker, &like, first, seeds, |_, failure| bug.is_found_by(failure))?;
    Ok(Cost { runs: found.map(|found| found.runs), seconds: processor_seconds() - started })
}

/// What this OS thread has computed so far; where the system does not say, the time that has passed.
pub(super) fn processor_seconds() -> f64 {
    // The kernel brings its count up to date when the thread gives way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match text.split(' ').next().and_then(|number| number.parse::<u64>().ok()) {
        Some(nanoseconds) => nanoseconds as f64 / 1e9,
        None => {
            static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
            START.get_or_init(Instant::now).elapsed().as_secs_f64()
        }
    }
}

/// One of the two, over all first seeds.
struct Side {
    found: usize,
    /// The median; a miss counts as more than any.
    runs: Option<u64>,
    /// The median. A miss counts with the time that it took, which is less than what finding would have taken.
    seconds: f64,
}

impl Side {
    fn of(costs: &[Cost]) -> Side {
        let mut runs: Vec<u64> = costs.iter().map(|cost| cost.runs.unwrap_or(u64::MAX)).collect();
        runs.sort_unstable();
        Side {
            found: runs.iter().filter(|&&runs| runs != u64::MAX).count(),
            runs: runs.get(runs.len() / 2).copied().filter(|&runs| runs != u64::MAX),
            seconds: median(costs.iter().map(|cost| cost.seconds)).unwrap_or(0.0),
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn line(width: usize, cells: [String; 8]) -> String {
    let [bug, a, b, c, d, e, f, times] = cells;
    format!("{bug:width$}  {a:>6} {b:>7} {c:>9}  {d:>6} {e:>7} {f:>9}  {times:>6}\n")
}
