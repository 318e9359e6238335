//! `eagain merge`: the JSON files of a sweep's shards, joined into the file of the whole.

use super::args::MergeArgs;
use super::console::Console;
use super::explore::{Cut, Files, add_unpassed, conclude, listed};
use super::{Done, Exit, Registry, Stop};
use crate::count::count;
use crate::runner::guided::corpus;
use crate::runner::json::{SweepFile, merge as join};

pub(super) fn merge(registry: &Registry, args: &MergeArgs, console: &mut Console) -> Done {
    if let Some(into) = &args.corpus {
        let runs = corpus::merge(into, &args.files).map_err(Stop::usage)?;
        console.out(&format!("{} in {}\n", count(runs, "run"), into.display()));
        return Ok(Exit::Held);
    }
    let read = |path: &std::path::PathBuf| {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        Ok((name.clone(), SweepFile::parse(&name, &text)?))
    };
    let files: Vec<_> = args.files.iter().map(read).collect::<Result<_, String>>().map_err(Stop::usage)?;
    let mut whole = join(&files).map_err(Stop::usage)?;
    add_unpassed(registry, &mut whole);
    let files = Files { json: &args.json, junit: &args.junit, summary: &args.summary };
    console.out(&listed(&whole));
    Ok(conclude(&whole, &files, args.strict, Cut::Fails, console))
}
