//! `eagain run`: one seed of one scenario; what the line that a failure prints leads to.

use super::args::{OneArgs, RunArgs};
use super::console::Console;
use super::{Done, Exit, Registry, Stop, stop};
use crate::choice::Base;
use crate::report::{self, folder, text};
use crate::run::{Failure, Record, RunReport, RunSpec};
use crate::runner::summary::unread_line;
use crate::runner::{Worker, invocation, settings};
use crate::shrink::Limits;
use crate::trace::format;
use std::path::Path;
use std::time::Duration;

/// How much a failure is shrunk by itself; `eagain shrink` goes on from there.
pub(crate) const BUDGET: Limits = Limits { runs: 10_000, time: Some(Duration::from_secs(5)) };

pub(super) fn run(registry: &Registry, args: &RunArgs, console: &mut Console) -> Done {
    let record = if args.trace { Record::Trace } else { Record::Hash };
    let spec = spec(registry, &args.one, record)?;
    let mut worker = Worker::new(registry.executor);
    if let Some(event) = args.stop_at {
        stop::explain(event, &arguments(args, &spec), console);
    }
    let record = args.stop_at.map_or(record, Record::StopAt);
    let report = once(&mut worker, &RunSpec { record, ..spec.clone() })?;
    if let Some(event) = args.stop_at {
        stop::check(event, &report, console)?;
    }
    if let (Some(log), true) = (&report.trace, args.trace) {
        console.out_trace(log);
    }
    if args.trace && !report.output.is_empty() {
        console.out(&format!("printed\n{}", report.output));
    }
    console.out(&verdict(&spec, &report));
    if let Some(why) = report.empty {
        console.err(&format!("warning: the run tested nothing: {why}\n"));
    }
    for setting in &report.unread {
        console.err(&format!("warning: {}\n", unread_line(spec.scenario.name, setting)));
    }
    if report.failure.is_none() {
        return Ok(Exit::Held);
    }
    let limits = if args.no_shrink { Limits { runs: 1, time: None } } else { BUDGET };
    let root = folder::root();
    let folders = Folders { as_found: args.no_shrink, ..registry.folders(&root) };
    Ok(explain(&mut worker, &spec, report.hash, limits, true, folders, console).exit)
}

/// What was typed behind the program, up to the event at which to stop.
fn arguments(args: &RunArgs, spec: &RunSpec) -> String {
    let seed = match spec.base {
        Base::Seed(seed) => seed,
        Base::Zero => 0,
    };
    let trace = if args.trace { " --trace" } else { "" };
    let name = invocation::quoted(spec.scenario.name);
    format!("run {name} --seed {seed:#x}{}{trace}", settings::flags(&spec.settings))
}

/// The run that the arguments describe.
pub(super) fn spec(registry: &Registry, one: &OneArgs, record: Record) -> Result<RunSpec, Stop> {
    let (scenario, settings) = registry.one(&one.scenario, &one.settings.texts())?;
    let base = Base::Seed(one.seed.number()?);
    Ok(RunSpec { record, ..RunSpec::new(scenario, settings, base) })
}

/// Runs it; a refusal of the settings is a matter of usage.
pub(super) fn once(worker: &mut Worker, spec: &RunSpec) -> Result<RunReport, Stop> {
    let report = worker.try_run(spec).map_err(|text| Stop::harness(format!("the harness failed: {text}")))?;
    match report.refused {
        Some(line) => Err(Stop::usage(line)),
        None => Ok(report),
    }
}

/// Verdict, simulated time, calls, and the hash.
pub(super) fn verdict(spec: &RunSpec, report: &RunReport) -> String {
    let verdict = match &report.failure {
        None => "held".to_owned(),
        Some(failure) => format!("FAILED {}", failure.headline()),
    };
    let base = match spec.base {
        Base::Seed(seed) => format!("seed {seed:#x}"),
        Base::Zero => "base zero".to_owned(),
    };
    format!(
        "{} {base}: {verdict}\nsimulated {} s, {} calls\ntrace {:#018x}\n",
        spec.scenario.name,
        format::time(report.simulated),
        report.calls,
        report.hash
    )
}

/// Reports a failure that cannot be explained, and leaves its folder in `root`.
pub(super) fn lost(
    spec: &RunSpec,
    seed: u64,
    failure: &Failure,
    root: &Path,
    console: &mut Console,
) -> Option<String> {
    let text = format!(
        "FAILED {}: {}\n  {}\n  {}\n",
        spec.scenario.name,
        failure.headline(),
        failure.message,
        invocation::run(spec.scenario.name, seed, &spec.settings)
    );
    console.out(&format!("\n{text}"));
    folder::write_lost(root, spec, &text).ok().map(|path| path.display().to_string())
}

/// What came of explaining a failure.
pub(super) struct Explanation {
    /// How the command ends.
    pub exit: Exit,
    /// The failure's folder, where it was written.
    pub folder: Option<String>,
}

/// Where a failure is left, and where it is kept for good.
#[derive(Clone, Copy)]
pub(super) struct Folders<'a> {
    root: &'a Path,
    kept: &'a Path,
    /// The run as it was found is asked for.
    as_found: bool,
}

impl Registry<'_> {
    /// Those of failures that are left in `root`.
    pub(super) fn folders<'a>(&'a self, root: &'a Path) -> Folders<'a> {
        Folders { root, kept: Path::new(self.regressions), as_found: false }
    }
}

/// Explains a failure, leaves its folder and prints it where it is `shown`; one that does not happen again is nondeterminism.
pub(super) fn explain(
    worker: &mut Worker,
    spec: &RunSpec,
    hash: u64,
    limits: Limits,
    shown: bool,
    folders: Folders,
    console: &mut Console,
) -> Explanation {
    match report::explain(worker, spec, hash, limits) {
        Ok(explained) => {
            let write = if folders.as_found { folder::write_as_found } else { folder::write };
            let folder = write(folders.root, &explained);
            let folder = match &folder {
                Ok(path) => Some(path.display().to_string()),
                Err(error) => {
                    console.err(&format!("warning: the failure's folder could not be written: {error}\n"));
                    None
                }
            };
            if shown {
                console.out(&format!("\n{}", text::failure(&explained, folder.as_deref(), folders.kept)));
            }
            Explanation { exit: Exit::Failed, folder }
        }
        Err(not_the_same) => {
            console.out(&format!("\n{}", not_the_same.text(spec)));
            Explanation { exit: Exit::Nondeterminism, folder: None }
        }
    }
}
