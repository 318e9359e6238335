//! `eagain explore --guided`: the sweep that learns, what it found, and what it has not reached.

use super::args::ExploreArgs;
use super::console::Console;
use super::explore::EXPLAINED_MAX;
use super::run::{BUDGET, explain};
use super::{Exit, Registry, Stop};
use crate::count::{count, thousands};
use crate::report::folder;
use crate::runner::explore::{Counters, Plan};
use crate::runner::guided::corpus::{self, Saved};
use crate::runner::guided::explore::{Find, Guided};
use crate::runner::guided::search::Search;
use crate::runner::json::{FailureLine, GuidedLine, KindLine, NO_SEED, SweepFile};
use crate::runner::summary::Sweep;
use crate::runner::{Worker, invocation, progress};
use crate::shrink::Limits;
use std::fmt::Write;
use std::sync::Arc;

/// What a guided sweep has come to besides its sums.
pub(super) struct Learned {
    finds: Vec<Find>,
    searches: Vec<(&'static str, Search)>,
    /// Whether the corpus could be written.
    pub kept: Result<(), Stop>,
}

/// Makes the sweep; goes on from the corpus, where one is given, and leaves it there.
pub(super) fn sweep(
    registry: &Registry,
    args: &ExploreArgs,
    plan: &Plan,
    counters: &Arc<Counters>,
    console: &mut Console,
) -> Result<(Sweep, Learned), Stop> {
    let mut searches = plan.searches();
    if let Some(folder) = &args.corpus {
        let Saved { recipes, plain, damaged } = corpus::read(folder, plan).map_err(Stop::usage)?;
        for line in damaged {
            console.err(&format!("{line}\n"));
        }
        for ((search, recipes), plain) in searches.iter_mut().zip(recipes).zip(plain) {
            search.go_on(recipes, plain);
        }
    }
    let made = progress::shown(counters, plan.runs(), || plan.guided(registry.executor, counters, searches));
    let Guided { sweep, finds, searches } = made.map_err(Stop::usage)?;
    let write = |folder| corpus::write(folder, plan, &searches).map_err(Stop::usage);
    let kept = args.corpus.as_deref().map_or(Ok(()), write);
    let names = plan.scenarios.iter().map(|scenario| scenario.name);
    Ok((sweep, Learned { finds, searches: names.zip(searches).collect(), kept }))
}

impl Learned {
    /// One failure of each kind that no plain run has found is explained and listed as the others are.
    pub fn explain(
        &self,
        registry: &Registry,
        args: &ExploreArgs,
        file: &mut SweepFile,
        console: &mut Console,
    ) -> Exit {
        let mut exit = Exit::Held;
        let mut worker = Worker::new(registry.executor);
        for find in &self.finds {
            let Find { spec, failure, .. } = find;
            let name = spec.scenario.name;
            let same = |kind: &&mut KindLine| {
                (kind.scenario.as_str(), kind.oracle.as_str(), &kind.site)
                    == (name, failure.oracle.code(), &failure.site)
            };
            if let Some(kind) = file.summary.kinds.iter_mut().find(same) {
                // A seed is shorter to write than choices.
                kind.count += find.count;
                continue;
            }
            let shown = file.summary.kinds.len() < EXPLAINED_MAX;
            let limits = if args.no_shrink || !shown { Limits { runs: 1, time: None } } else { BUDGET };
            let root = args.html.clone().unwrap_or_else(folder::root);
            let explained =
                explain(&mut worker, spec, find.hash, limits, shown, registry.folders(&root), console);
            exit = exit.max(explained.exit);
            let repro = match &explained.folder {
                Some(folder) => invocation::replay(name, &format!("{folder}/replay.json")),
                None => NO_SEED.to_owned(),
            };
            let oracle = failure.oracle.code().to_owned();
            file.failures.push(FailureLine {
                scenario: name.to_owned(),
                seed: NO_SEED.to_owned(),
                settings: spec.settings.clone(),
                oracle: oracle.clone(),
                site: failure.site.clone(),
                thread: failure.thread.clone(),
                message: failure.message.clone(),
                time_ns: failure.time,
                hash: format!("{:#018x}", find.hash),
                repro: repro.clone(),
            });
            file.summary.kinds.push(KindLine {
                scenario: name.to_owned(),
                oracle,
                name: failure.oracle.name().to_owned(),
                site: failure.site.clone(),
                thread: failure.thread.clone(),
                count: find.count,
                first_seed: NO_SEED.to_owned(),
                calls: find.calls,
                seed: NO_SEED.to_owned(),
                message: failure.message.clone(),
                repro,
                folder: explained.folder,
            });
        }
        exit
    }

    /// Says what was seen and what may be left.
    pub fn conclude(&self, file: &mut SweepFile, console: &mut Console) {
        let mut text = String::from("\nguided\n");
        for (name, search) in &self.searches {
            let standing = search.standing();
            if standing.runs == 0 {
                continue;
            }
            let (features, runs) = (count(standing.features, "feature"), count(standing.runs, "run"));
            let (once, left) = (thousands(standing.once), thousands(standing.unseen().round() as u64));
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "  {name}: {features} in {runs}, {once} of them in one run only\n    not shown by plain runs yet: {left} \
                 features at least; the next plain run may show {:.2} of them",
                standing.next()
            );
            let rounded = |number: f64| (number * 1e4).round() / 1e4;
            file.summary.guided.insert(
                (*name).to_owned(),
                GuidedLine {
                    runs: standing.runs,
                    plain: standing.plain,
                    features: standing.features,
                    once: standing.once,
                    next: rounded(standing.next()),
                    unseen: rounded(standing.unseen()),
                },
            );
        }
        console.out(&text);
    }
}
