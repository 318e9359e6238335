//! `eagain bugs`: the planted bugs. Each must be found, and its repaired twin never blamed; what it takes to find and how much is
//! left after shrinking says how good the harness is.
//!
//! They are those of [`Registry::bugs`], and of every scenario with a knob `version` that takes words: the first word is the
//! fixed version, any other a planted bug, called `SCENARIO:WORD`.

use super::args::BugsArgs;
use super::compare::{self, Compared, Cost};
use super::console::Console;
use super::run::BUDGET;
use super::{Done, Exit, Registry, Stop};
use crate::PlantedBug;
use crate::count::count;
use crate::near::near;
use crate::run::{Failure, KnobValues, RunSpec, Scenario, Settings};
use crate::runner::{Worker, invocation, on_all_cores, settings};
use crate::shrink::shrink_run;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

/// The knob by which a scenario plants bugs.
const VERSION: &str = "version";

/// A planted bug, with the settings of both versions.
#[derive(Clone)]
pub(super) struct Planted {
    pub(super) name: String,
    /// Of [`Registry::bugs`]; else of a scenario's knob, and any oracle may find it.
    entry: Option<PlantedBug>,
    about: &'static str,
    pub(super) defect: (Scenario, Settings),
    twin: (Scenario, Settings),
}

impl Planted {
    pub(super) fn is_found_by(&self, failure: &Failure) -> bool {
        self.entry.is_none_or(|bug| bug.is_found_by(failure))
    }

    fn class(&self) -> String {
        self.entry.map_or_else(|| "-".to_owned(), |bug| bug.class.to_string())
    }
}

/// What looking for a bug came to.
struct Row {
    bug: Planted,
    /// By first seed: what the search took.
    costs: Vec<Cost>,
    /// The first finding that was shrunk: seed, choices left, runs.
    shrunk: Option<(u64, usize, u64)>,
    /// The failure of it.
    failure: Option<Failure>,
    /// Other oracles that the defect broke while it was searched for, and where: how many runs, and the lowest seed.
    others: BTreeMap<String, (u64, u64)>,
    /// A seed of the twin that failed.
    blamed: Option<(u64, Failure)>,
    /// A broken harness.
    broken: Option<String>,
    seconds: f64,
}

/// One search.
pub(super) struct Search {
    pub(super) cost: Cost,
    /// At which seed, and how.
    found: Option<(u64, Failure)>,
    others: BTreeMap<String, (u64, u64)>,
    /// The fixed version fails with the seed that finds the defect.
    blamed: Option<(u64, Failure)>,
}

/// One search, or one look at the twin.
enum Finding {
    Searched(Box<Search>),
    TwinHolds,
    TwinBlamed(u64, Failure),
    Broken(String),
}

pub(super) fn bugs(registry: &Registry, args: &BugsArgs, console: &mut Console) -> Done {
    let all = planted(registry);
    if all.is_empty() {
        console.err("there are no planted bugs here: `PlantedBug` of eagain-sim says how to have some\n");
        return Ok(Exit::Held);
    }
    let mut chosen = Vec::new();
    for name in &args.names {
        let Some(bug) = all.iter().find(|bug| bug.name == *name) else {
            let hint = match near(name, all.iter().map(|bug| bug.name.as_str())) {
                Some(other) => format!("did you mean `{other}`?"),
                None => "see `eagain bugs`".to_owned(),
            };
            return Err(Stop::usage(format!("unknown planted bug `{name}` ({hint})")));
        };
        chosen.push(bug.clone());
    }
    if args.names.is_empty() {
        chosen = all;
    }
    let chosen = with_settings(chosen, &args.settings.set, console)?;
    if args.guided {
        return compare::compare(registry, args, &chosen, console);
    }
    let form = match (args.json, args.all) {
        (true, _) => Form::Json,
        (false, true) => Form::Markdown,
        (false, false) => Form::Table,
    };
    let mut out = Printer::begin(form, &chosen, console);
    let mut all = Vec::new();
    let mut exit = Exit::Held;
    let mut said = Vec::new();
    for bug in chosen {
        let row = look_for(registry, args, bug);
        let compared =
            if args.all { Some(compare::one(registry, args, &row.bug, &row.costs)?) } else { None };
        out.row(&row, compared.as_ref(), console);
        all.extend(compared);
        exit = exit.max(row.conclude(&mut said));
    }
    out.end(&all, console);
    for line in said {
        console.err(&line);
    }
    Ok(exit)
}

/// All there are.
fn planted(registry: &Registry) -> Vec<Planted> {
    let of_registry = registry.bugs.iter().map(|&bug| Planted {
        name: bug.name.to_owned(),
        entry: Some(bug),
        about: bug.about,
        defect: (bug.defect, Settings::new()),
        twin: (bug.twin, Settings::new()),
    });
    let of_scenario = |scenario: &Scenario| {
        let scenario = *scenario;
        let knob = scenario.knobs.iter().find(|knob| knob.name == VERSION);
        let words = match knob.map(|knob| knob.values) {
            Some(KnobValues::Words(words)) => words,
            _ => &[],
        };
        let version = |word: &str| Settings::from([(VERSION.to_owned(), word.to_owned())]);
        let twin = words.first().map_or_else(Settings::new, |fixed| version(fixed));
        words.iter().skip(1).map(move |word| Planted {
            name: format!("{}:{word}", scenario.name),
            entry: None,
            about: scenario.about,
            defect: (scenario, version(word)),
            twin: (scenario, twin.clone()),
        })
    };
    of_registry.chain(registry.scenarios.iter().flat_map(of_scenario)).collect()
}

/// Those that take the settings, with them.
fn with_settings(chosen: Vec<Planted>, sets: &[String], console: &mut Console) -> Result<Vec<Planted>, Stop> {
    let given = settings::parse(sets).map_err(Stop::usage)?;
    if given.contains_key(VERSION) {
        return Err(Stop::usage("`bugs` sets `version` itself: name `SCENARIO:WORD`"));
    }
    let mut kept = Vec::new();
    let mut refusal = None;
    for mut bug in chosen {
        let mut taken = given.clone();
        let both = [bug.defect.0, bug.twin.0];
        match both.iter().try_for_each(|scenario| settings::select(&[*scenario], &mut taken).map(drop)) {
            Err(line) => {
                console.err(&format!("skipped: {}: {line}\n", bug.name));
                refusal = Some(line);
            }
            Ok(()) => {
                bug.defect.1.extend(taken.clone());
                bug.twin.1.extend(taken);
                kept.push(bug);
            }
        }
    }
    match refusal {
        Some(line) if kept.is_empty() => Err(Stop::usage(line)),
        _ => Ok(kept),
    }
}

pub(super) fn spec((scenario, settings): &(Scenario, Settings), seed: u64) -> RunSpec {
    RunSpec::seeded(*scenario, settings.clone(), seed)
}

/// First seeds far from each other, the same ones every time.
pub(super) fn first_seed(base: u64) -> u64 {
    base.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn look_for(registry: &Registry, args: &BugsArgs, bug: Planted) -> Row {
    let started = Instant::now();
    let bases = args.bases as usize;
    // The twin's seeds are looked at in slices, beside the searches.
    let slices = 16;
    let findings = on_all_cores(args.jobs as usize, registry.executor, bases + slices, |worker, number| {
        if number < bases {
            let search = search(worker, &bug, first_seed(number as u64), args.seeds);
            search.map_or_else(Finding::Broken, |search| Finding::Searched(Box::new(search)))
        } else {
            let slice = (number - bases) as u64;
            look_at_twin(worker, &bug, (slice..args.twin_seeds).step_by(slices))
        }
    });
    let mut row = Row {
        bug,
        costs: Vec::new(),
        shrunk: None,
        failure: None,
        others: BTreeMap::new(),
        blamed: None,
        broken: None,
        seconds: 0.0,
    };
    for finding in findings {
        match finding {
            Finding::Searched(search) => row.searched(registry, *search),
            Finding::TwinHolds => {}
            Finding::TwinBlamed(seed, failure) => row.blame(seed, failure),
            Finding::Broken(text) => row.broken = Some(text),
        }
    }
    row.seconds = started.elapsed().as_secs_f64();
    row
}

/// The plain sweep from `first` until it finds the bug. The error is that of a broken harness.
pub(super) fn search(worker: &mut Worker, bug: &Planted, first: u64, seeds: u64) -> Result<Search, String> {
    let started = compare::processor_seconds();
    let mut search = Search {
        cost: Cost { runs: None, seconds: 0.0 },
        found: None,
        others: BTreeMap::new(),
        blamed: None,
    };
    for offset in 0..seeds {
        let seed = first.wrapping_add(offset);
        let Some(failure) = worker.try_run(&spec(&bug.defect, seed))?.failure else { continue };
        if !bug.is_found_by(&failure) {
            // Another oracle is not this bug: it is named, and the search goes on.
            let (runs, _) = search.others.entry(failure.headline()).or_insert((0, seed));
            *runs += 1;
            continue;
        }
        search.cost.runs = Some(offset + 1);
        search.found = Some((seed, failure));
        break;
    }
    search.cost.seconds = compare::processor_seconds() - started;
    if let Some((seed, _)) = &search.found {
        // What finds the defect must say nothing about the fixed version.
        let failure = worker.try_run(&spec(&bug.twin, *seed))?.failure;
        search.blamed = failure.map(|failure| (*seed, failure));
    }
    Ok(search)
}

fn look_at_twin(worker: &mut Worker, bug: &Planted, seeds: impl Iterator<Item = u64>) -> Finding {
    for seed in seeds {
        match worker.try_run(&spec(&bug.twin, seed)) {
            Err(text) => return Finding::Broken(text),
            Ok(report) => {
                if let Some(failure) = report.failure {
                    return Finding::TwinBlamed(seed, failure);
                }
            }
        }
    }
    Finding::TwinHolds
}

fn shrink(registry: &Registry, bug: &Planted, seed: u64) -> Option<(u64, usize, u64)> {
    let mut worker = Worker::new(registry.executor);
    let outcome = shrink_run(&mut worker, &spec(&bug.defect, seed), BUDGET)?.outcome;
    Some((seed, outcome.choices.len(), outcome.runs))
}

impl Row {
    fn searched(&mut self, registry: &Registry, search: Search) {
        for (what, (runs, seed)) in search.others {
            let entry = self.others.entry(what).or_insert((0, seed));
            *entry = (entry.0 + runs, entry.1.min(seed));
        }
        if let Some((seed, failure)) = search.blamed {
            self.blame(seed, failure);
        }
        self.costs.push(search.cost);
        if let (Some((seed, failure)), None) = (search.found, &self.failure) {
            self.failure = Some(failure);
            self.shrunk = shrink(registry, &self.bug, seed);
        }
    }

    /// The lowest seed, whichever thread met it.
    fn blame(&mut self, seed: u64, failure: Failure) {
        if self.blamed.as_ref().is_none_or(|(other, _)| seed < *other) {
            self.blamed = Some((seed, failure));
        }
    }

    /// The tries in order; a miss counts as more than any.
    fn sorted(&self) -> Vec<Option<u64>> {
        let mut tries: Vec<_> = self.costs.iter().map(|cost| cost.runs).collect();
        tries.sort_by_key(|tries| tries.unwrap_or(u64::MAX));
        tries
    }

    fn median(&self) -> Option<u64> {
        let tries = self.sorted();
        *tries.get(tries.len() / 2)?
    }

    fn worst(&self) -> Option<u64> {
        *self.sorted().last()?
    }

    /// From how many first seeds.
    fn found_from(&self) -> usize {
        self.costs.iter().filter(|cost| cost.runs.is_some()).count()
    }

    fn found(&self) -> bool {
        !self.costs.is_empty() && self.found_from() == self.costs.len()
    }

    fn json(&self, compared: Option<&Compared>) -> Value {
        json!({
            "name": self.bug.name,
            "class": self.bug.entry.map(|bug| bug.class),
            "source": self.bug.entry.map(|bug| bug.source),
            "about": self.bug.about,
            "found": self.found(),
            "found_from": self.found_from(),
            "bases": self.costs.len(),
            "median_seeds": self.median(),
            "worst_seeds": self.worst(),
            "oracle": self.failure.as_ref().map(|failure| failure.oracle.code()),
            "site": self.failure.as_ref().map(|failure| failure.site.as_str()),
            "choices": self.shrunk.map(|(_, choices, _)| choices),
            "shrink_runs": self.shrunk.map(|(_, _, runs)| runs),
            "repro": self.shrunk.map(|(seed, ..)| self.repro(&self.bug.defect, seed)),
            "others": self.others.keys().collect::<Vec<_>>(),
            "twin_blamed": self.blamed.is_some(),
            "guided": compared.map(|compared| compared.json(&self.bug.name)),
            "seconds": (self.seconds * 1e3).round() / 1e3,
        })
    }

    fn repro(&self, (scenario, settings): &(Scenario, Settings), seed: u64) -> String {
        invocation::run(scenario.name, seed, settings)
    }

    /// Says what is wrong with it.
    fn conclude(&self, said: &mut Vec<String>) -> Exit {
        let name = &self.bug.name;
        if let Some(text) = &self.broken {
            said.push(format!("{name}: the harness failed: {text}\n"));
            return Exit::Harness;
        }
        for (what, &(runs, seed)) in &self.others {
            let (runs, repro) = (count(runs, "run"), self.repro(&self.bug.defect, seed));
            said.push(format!("{name}: also broke {what}, which is not this bug, in {runs}\n  {repro}\n"));
        }
        let mut exit = Exit::Held;
        if !self.found() {
            let all = self.costs.len();
            let missed = all - self.found_from();
            said.push(format!("{name}: missed from {missed} of {all} first seeds\n"));
            exit = Exit::Failed;
        }
        if let Some((seed, failure)) = &self.blamed {
            let repro = self.repro(&self.bug.twin, *seed);
            let Failure { oracle, site, .. } = failure;
            said.push(format!("{name}: its fixed version fails: {oracle} at {site}\n  {repro}\n"));
            exit = Exit::Failed;
        }
        exit
    }
}

/// How it is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    /// The elements of a JSON array.
    Json,
    /// The table of the documents.
    Markdown,
}

/// Prints each row when it is there.
struct Printer {
    form: Form,
    name_width: usize,
    rows: u64,
}

impl Printer {
    fn begin(form: Form, bugs: &[Planted], console: &mut Console) -> Printer {
        let name_width = bugs.iter().map(|bug| bug.name.len()).max().unwrap_or(0).max(3);
        let printer = Printer { form, name_width, rows: 0 };
        console.out(&match form {
            Form::Json => "[".to_owned(),
            Form::Markdown => {
                let head = "bug | source | class | found | median | worst | oracle | choices";
                let guided = "ms | guided: found | median | ms | times as quick";
                format!("| {head} | {guided} |\n|{}\n", "---|".repeat(13))
            }
            Form::Table => printer.line(
                &["bug", "class", "found", "median", "worst", "oracle", "choices", "fixed", "s"]
                    .map(str::to_owned),
            ),
        });
        printer
    }

    fn line(&self, cells: &[String; 9]) -> String {
        let [bug, class, found, median, worst, oracle, choices, fixed, s] = cells;
        let width = self.name_width;
        let line = format!(
            "{bug:width$}  {class:5}  {found:>7}  {median:>6}  {worst:>6}  {oracle:6}  {choices:>7}  {fixed:5}  {s:>6}"
        );
        format!("{}\n", line.trim_end())
    }

    fn row(&mut self, row: &Row, compared: Option<&Compared>, console: &mut Console) {
        let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let cells = || {
            [
                row.bug.class(),
                format!("{}/{}", row.found_from(), row.costs.len()),
                number(row.median()),
                number(row.worst()),
                row.failure.as_ref().map_or("-", |failure| failure.oracle.code()).to_owned(),
                number(row.shrunk.map(|(_, choices, _)| choices as u64)),
            ]
        };
        let name = &row.bug.name;
        console.out(&match self.form {
            Form::Json => {
                let comma = if self.rows == 0 { "" } else { "," };
                format!("{comma}\n{}", row.json(compared))
            }
            Form::Markdown => {
                // What is of no entry of the catalogue is named after whoever warns of it.
                let numbered = |bug: &PlantedBug| bug.source.starts_with('B').then_some(bug.source);
                let source = row.bug.entry.as_ref().and_then(numbered).unwrap_or("");
                let guided = compared.map_or_else(String::new, |compared| compared.columns().join(" | "));
                format!("| `{name}` | {source} | {} | {guided} |\n", cells().join(" | "))
            }
            Form::Table => {
                let [class, found, median, worst, oracle, choices] = cells();
                let fixed = if row.blamed.is_some() { "FAILS" } else { "holds" }.to_owned();
                let seconds = format!("{:.1}", row.seconds);
                self.line(&[name.clone(), class, found, median, worst, oracle, choices, fixed, seconds])
            }
        });
        self.rows += 1;
    }

    fn end(&self, all: &[Compared], console: &mut Console) {
        match self.form {
            Form::Json => console.out("\n]\n"),
            Form::Markdown => console.out(&compare::summary(all)),
            Form::Table => {}
        }
    }
}
