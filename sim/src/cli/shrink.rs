//! `eagain shrink`: the smallest set of choices that keeps a failure.

use super::args::ShrinkArgs;
use super::console::{Console, write_file};
use super::run::{once, spec};
use super::{Done, Exit, Registry};
use crate::report::{self, folder, text};
use crate::run::Record;
use crate::runner::Worker;
use crate::shrink::Limits;
use std::path::Path;

pub(super) fn shrink(registry: &Registry, args: &ShrinkArgs, console: &mut Console) -> Done {
    let spec = spec(registry, &args.one, Record::Hash)?;
    let mut worker = Worker::new(registry.executor);
    let report = once(&mut worker, &spec)?;
    if report.failure.is_none() {
        console.out(&format!("{} holds: there is nothing to shrink\n", spec.scenario.name));
        return Ok(Exit::Held);
    }
    let limits = Limits { runs: args.runs, time: Some(args.time) };
    let explained = match report::explain(&mut worker, &spec, report.hash, limits) {
        Ok(explained) => explained,
        Err(not_the_same) => {
            console.out(&not_the_same.text(&spec));
            return Ok(Exit::Nondeterminism);
        }
    };
    let folder = folder::write(&folder::root(), &explained);
    let shown = folder.as_ref().ok().map(|path| path.display().to_string());
    if let Err(error) = &folder {
        console.err(&format!("warning: the failure's folder could not be written: {error}\n"));
    }
    console.out(&text::failure(&explained, shown.as_deref(), Path::new(registry.regressions)));
    if let Some(path) = &args.output {
        write_file(path, explained.replay_file().to_json().as_bytes())?;
    }
    // The failure is no news: what was asked for is done.
    Ok(Exit::Held)
}
