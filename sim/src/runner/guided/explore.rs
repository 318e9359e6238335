//! The guided sweep: rounds over all scenarios, until each has had its runs or the time is over. Plain runs are counted and
//! reported as in any sweep; a failure of a changed run is an ordinary run too, of the choices that it has made.

use super::pool::{Cut, Outcome, Pool, Task};
use super::recipe::Recipe;
use super::search::Search;
use crate::Oracle;
use crate::choice::{Base, Overrides};
use crate::run::{Failure, RunReport, RunSpec, Scenario};
use crate::runner::explore::{Counters, HANGS, HUNG, INTERRUPTION, Plan};
use crate::runner::summary::{Sweep, Tally};
use crate::runner::{MakeExecutor, settings, watchdog};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// A failure that a changed run has found.
#[derive(Clone)]
pub struct Find {
    /// The scenario's place in the plan.
    pub place: usize,
    /// An ordinary run that fails so: choices on the zero base.
    pub spec: RunSpec,
    /// Its hash.
    pub hash: u64,
    /// How many calls it took.
    pub calls: u64,
    /// What broke.
    pub failure: Failure,
    /// How many changed runs failed in this way.
    pub count: u64,
}

/// What a guided sweep came to.
pub struct Guided {
    /// All runs; of the failures those of plain runs.
    pub sweep: Sweep,
    /// The failures of changed runs, one of each kind, the one of the fewest calls.
    pub finds: Vec<Find>,
    /// What is known of each scenario of the plan.
    pub searches: Vec<Search>,
}

impl Plan {
    /// A search for each scenario, which knows nothing yet.
    pub fn searches(&self) -> Vec<Search> {
        let search = |(place, scenario): (usize, &Scenario)| {
            Search::new(scenario.name, self.from.wrapping_add(self.shard.first(place)), self.shard.count)
        };
        self.scenarios.iter().enumerate().map(search).collect()
    }

    /// Runs all of it as searches that go on from `searches`, one for each scenario. The error is a line for people: these
    /// scenarios cannot be guided.
    pub fn guided(
        &self,
        make: MakeExecutor,
        counters: &Arc<Counters>,
        mut searches: Vec<Search>,
    ) -> Result<Guided, String> {
        let started = Instant::now();
        let deadline = self.time.map(|time| started + time);
        let spec = |scenario: &Scenario| RunSpec::new(*scenario, self.settings.clone(), Base::Zero);
        let specs: Vec<RunSpec> = self.scenarios.iter().map(spec).collect();
        let pool = Pool::new(self.jobs, make, specs.clone(), counters);
        let mut state = State {
            plan: self,
            configuration: settings::text(&self.settings),
            specs,
            tally: Tally::default(),
            refused: vec![false; self.scenarios.len()],
            finds: BTreeMap::new(),
        };
        let mut left: Vec<u64> =
            (0..self.scenarios.len()).map(|place| self.runs_of(place).unwrap_or(u64::MAX)).collect();
        let mut cut = None;
        while cut.is_none() {
            let mut tasks = Vec::new();
            for (place, search) in searches.iter_mut().enumerate().filter(|(place, _)| !state.refused[*place])
            {
                let trials = search.plan(left[place]);
                left[place] -= trials.len() as u64;
                tasks.extend(trials.into_iter().map(|trial| Task { place, trial }));
            }
            if tasks.is_empty() {
                break;
            }
            let (outcomes, why) = pool.run(tasks, deadline, counters);
            cut = why;
            for (task, outcome, took) in outcomes {
                state.tally.took(self.scenarios[task.place].name, took);
                state.take(task, outcome, &mut searches)?;
            }
        }
        searches.iter_mut().for_each(Search::catch_up);
        let why = match cut {
            Some(Cut::Hangs) => Some(HUNG.to_owned()),
            Some(Cut::Interrupted) => Some(INTERRUPTION.to_owned()),
            Some(Cut::Time) => self.time_over(),
            None => None,
        };
        let State { tally, finds, .. } = state;
        let sweep = self.sweep(tally, why, started);
        Ok(Guided { sweep, finds: finds.into_values().collect(), searches })
    }
}

/// The way in which a run fails: scenario, oracle, site.
type Kind = (usize, &'static str, String);

struct State<'a> {
    plan: &'a Plan,
    configuration: String,
    specs: Vec<RunSpec>,
    tally: Tally,
    refused: Vec<bool>,
    finds: BTreeMap<Kind, Find>,
}

impl State<'_> {
    fn take(&mut self, task: Task, outcome: Outcome, searches: &mut [Search]) -> Result<(), String> {
        let Task { place, trial } = task;
        let name = self.plan.scenarios[place].name;
        let number = trial.recipe.number();
        match outcome {
            Outcome::Unguided => return Err(format!("`{name}` runs in an executor that cannot be guided")),
            Outcome::Stopped => {}
            Outcome::Broken(text) => self.tally.harness_failed(name, number, text),
            Outcome::Hangs => {
                let (oracle, site) = (Oracle::NoBusyLoop, HANGS.to_owned());
                let message = watchdog::message();
                let failure = Failure { oracle, site, message, thread: String::new(), time: 0, event: 0 };
                self.tally.add(place, name, &self.configuration, number, RunReport::lost(failure));
            }
            Outcome::Ended(report, _) if report.refused.is_some() => {
                let why = report.refused.unwrap_or_default();
                self.refused[place] = true;
                self.tally.refuse(place, name, why, report.mistaken);
            }
            Outcome::Ended(report, choices) => {
                searches[place].learn(trial.clone(), &report);
                if trial.recipe.is_plain() {
                    self.tally.add(place, name, &self.configuration, number, *report);
                    return Ok(());
                }
                self.tally.count(name, &self.configuration, number, &report);
                if let (Some(failure), Some(choices)) = (&report.failure, choices) {
                    self.found(place, &trial.recipe, failure, &report, choices);
                }
            }
        }
        Ok(())
    }

    fn found(
        &mut self,
        place: usize,
        recipe: &Recipe,
        failure: &Failure,
        report: &RunReport,
        overrides: Overrides,
    ) {
        debug_assert!(!recipe.is_plain());
        let kind = (place, failure.oracle.code(), failure.site.clone());
        let (hash, calls) = (report.hash, report.calls);
        let spec = RunSpec { overrides, ..self.specs[place].clone() };
        let find = Find { place, spec, hash, calls, failure: failure.clone(), count: 1 };
        match self.finds.get_mut(&kind) {
            None => {
                self.finds.insert(kind, find);
            }
            Some(known) => {
                let count = known.count + 1;
                if (calls, hash) < (known.calls, known.hash) {
                    *known = find;
                }
                known.count = count;
            }
        }
    }
}
