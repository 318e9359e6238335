//! `eagain replay`: a saved failure. By the same build it must be the same run to the byte; by another its verdict decides.

use super::args::ReplayArgs;
use super::console::Console;
use super::run::{once, verdict};
use super::{Done, Exit, Registry, Stop, stop};
use crate::replay::build::build_id;
use crate::replay::{ReplayFile, Verdict, regressions};
use crate::run::{Record, RunSpec};
use crate::runner::invocation::quoted;
use crate::runner::{Worker, invocation};
use crate::trace::excerpt::{Excerpt, Most};
use std::path::Path;

pub(super) fn replay(registry: &Registry, args: &ReplayArgs, console: &mut Console) -> Done {
    if !args.git_bisect {
        let (verdict, exit) = replay_file(registry, args, console)?;
        if let Verdict::Holds = verdict {
            console.out(&next(registry, args)?);
        }
        return Ok(exit);
    }
    let exit = match replay_file(registry, args, console) {
        Ok((Verdict::Holds, _)) => Exit::Held,
        Ok((Verdict::StillFails, _)) => Exit::Failed,
        Ok((Verdict::FailsOtherwise | Verdict::Nondeterministic, _)) => Exit::Skips,
        // Such as: this commit has no such scenario.
        Err(Stop { line, .. }) => {
            console.err(&format!("skipped: {line}\n"));
            Exit::Skips
        }
    };
    Ok(exit)
}

/// What to do once a failure is mended; nothing for a file that is kept already.
fn next(registry: &Registry, args: &ReplayArgs) -> Result<String, Stop> {
    let file = ReplayFile::read(&args.file).map_err(|error| Stop::usage(error.to_string()))?;
    let Some(keep) = regressions::keep(&file, &args.file, Path::new(registry.regressions)) else {
        return Ok(String::new());
    };
    let (command, scenario) = (invocation::command(), quoted(&file.scenario));
    Ok(format!("sweep again  {command} explore {scenario}\nkeep it      {keep}\n"))
}

fn replay_file(
    registry: &Registry,
    args: &ReplayArgs,
    console: &mut Console,
) -> Result<(Verdict, Exit), Stop> {
    let usage = |error: crate::replay::ReplayError| Stop::usage(error.to_string());
    let file = ReplayFile::read(&args.file).map_err(usage)?;
    let spec = file.spec(&registry.all(), Record::Trace).map_err(usage)?;
    let mut worker = Worker::new(registry.executor);
    // Whether the settings are refused is asked first: a refusal is no replay.
    once(&mut worker, &RunSpec { record: Record::Hash, ..spec.clone() })?;
    let spec = RunSpec { record: args.stop_at.map_or(Record::Trace, Record::StopAt), ..spec };
    if let Some(event) = args.stop_at {
        stop::explain(event, &format!("replay {}", quoted(&args.file.to_string_lossy())), console);
    }
    let replayed = file.replay(&mut worker, &spec, build_id());
    if let Some(event) = args.stop_at {
        stop::check(event, &replayed.report, console)?;
    }
    if let Some(log) = &replayed.report.trace {
        if args.trace {
            console.out_trace(log);
        } else if let Some(failure) = &replayed.report.failure {
            console.out(&Excerpt::new(log, failure.event, Most::TERMINAL).end());
        }
    }
    console.out(&verdict(&spec, &replayed.report));
    if let Some(failure) = &replayed.report.failure {
        console.out(&format!("{}\n", failure.message));
    }
    for key in &replayed.gone {
        console.out(&format!("no longer asked for: {key}\n"));
    }
    let same_build = file.build == build_id();
    let build = match (file.is_edited(), same_build) {
        (true, _) => "the file was edited after it was saved, so only the verdict counts",
        (false, true) => "the build that saved it",
        (false, false) => "another build than the one that saved it",
    };
    let (line, exit) = match &replayed.verdict {
        Verdict::StillFails => ("the same failure".to_owned(), Exit::Failed),
        Verdict::FailsOtherwise => ("another failure than the saved one".to_owned(), Exit::Failed),
        Verdict::Holds => ("no longer fails".to_owned(), Exit::Held),
        Verdict::Nondeterministic => (
            format!(
                "NONDETERMINISM: the saved run has trace {:#018x}, and the same build must repeat it",
                file.hash
            ),
            Exit::Nondeterminism,
        ),
    };
    console.out(&format!("{line} ({build})\n"));
    Ok((replayed.verdict, exit))
}
