//! `eagain merge`: the JSON files of a sweep's shards, joined into the file of the whole.

use super::args::MergeArgs;
use super::console::Console;
use super::explore::{Files, add_unpassed, conclude, listed};
use super::{Done, Exit, Registry, Stop};
use crate::count::count;
use crate::runner::guided::corpus;
use crate::runner::json::SweepFile;
use crate::runner::merge::merge as join;
use std::io::ErrorKind;

pub(super) fn merge(registry: &Registry, args: &MergeArgs, console: &mut Console) -> Done {
    if let Some(into) = &args.corpus {
        let runs = corpus::merge(into, &args.files).map_err(Stop::usage)?;
        console.out(&format!("{} in {}\n", count(runs, "run"), into.display()));
        return Ok(Exit::Held);
    }
    let out = Files { html: &args.html, json: &args.json, junit: &args.junit, summary: &args.summary };
    out.check()?;
    let read = |path: &std::path::PathBuf| {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            // A pattern of the shell that no file matches comes as it is.
            ErrorKind::NotFound if name.contains('*') => {
                format!("nothing to merge: there is no file `{name}`")
            }
            _ => format!("{name}: {error}"),
        })?;
        Ok((name.clone(), SweepFile::parse(&name, &text)?))
    };
    out.remove_old(&args.files);
    let files: Vec<_> = args.files.iter().map(read).collect::<Result<_, String>>().map_err(Stop::usage)?;
    let mut whole = join(&files).map_err(Stop::usage)?;
    add_unpassed(registry, &mut whole);
    console.out(&listed(&whole));
    Ok(conclude(&whole, &[], &out, args.strict, Exit::Failed, console))
}
