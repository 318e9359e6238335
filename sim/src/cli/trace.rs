//! `eagain trace`: what happens in a run, in the form that is wanted.

use super::args::{Format, TraceArgs};
use super::console::{Console, write_file};
use super::run::{once, spec, verdict};
use super::{Done, Exit, Registry, Stop};
use crate::run::Record;
use crate::runner::Worker;
use crate::trace::{html, netstat, pcapng, perfetto, text};

pub(super) fn trace(registry: &Registry, args: &TraceArgs, console: &mut Console) -> Done {
    let spec = spec(registry, &args.one, Record::Trace)?;
    let report = once(&mut Worker::new(registry.executor), &spec)?;
    let Some(log) = &report.trace else { return Err(Stop::harness("the run kept no trace")) };
    let mut bytes = Vec::new();
    match args.format {
        Format::Text => text::write(log, &mut bytes),
        Format::Html => html::write(log, &html::title(&spec), &html::verdict(&report), &mut bytes),
        Format::Perfetto => perfetto::write(log, &mut bytes),
        Format::Pcapng => pcapng::write(log, &mut bytes),
        Format::Netstat => netstat::write(log, &mut bytes),
    }
    .map_err(|error| Stop::harness(format!("the trace could not be written: {error}")))?;
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
