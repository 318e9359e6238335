//! `eagain trace`: a run, in one of the forms of a trace.

use super::args::TraceArgs;
use super::console::{Console, write_file};
use super::run::{once, spec, verdict};
use super::{Done, Exit, Registry, Stop};
use crate::report::text;
use crate::run::Record;
use crate::runner::Worker;
use crate::trace::Heads;

pub(super) fn trace(registry: &Registry, args: &TraceArgs, console: &mut Console) -> Done {
    let spec = spec(registry, &args.one, Record::Trace)?;
    let report = once(&mut Worker::new(registry.executor), &spec)?;
    let Some(log) = &report.trace else { return Err(Stop::harness("the run kept no trace")) };
    let mut bytes = Vec::new();
    let failed = report.failure.as_ref().map(|failure| failure.event);
    let heads = Heads { title: &text::title(&spec), verdict: &text::verdict(&report), failed };
    let written = args.format.write(log, heads, &mut bytes);
    written.map_err(|error| Stop::harness(format!("the trace could not be written: {error}")))?;
    match &args.output {
        Some(path) => {
            write_file(path, &bytes)?;
            console.out(&verdict(&spec, &report));
        }
        None => {
            console.out_bytes(&bytes);
            console.err(&verdict(&spec, &report));
        }
    }
    // To see a run is what was asked for, whatever the run came to.
    Ok(Exit::Held)
}
