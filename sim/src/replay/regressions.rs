//! Regression files: replay files of failures that were repaired, kept in a folder beside the scenarios and run before
//! any seed.

use super::{ReplayFile, Replayed, Verdict};
use crate::replay::build::build_id;
use crate::run::{Record, Scenario};
use crate::runner::invocation::quoted;
use crate::runner::{Worker, settings};
use crate::trace::excerpt::{Excerpt, Most};
use crate::whole_file::plain;
use std::path::{Path, PathBuf};

/// The replay files of a folder, by name; none where there is no such folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(json).collect();
    files.sort();
    files
}

/// What a saved failure is called among others: its own file is always `replay.json`.
pub fn name(file: &ReplayFile) -> String {
    let mut name = format!("{}-{}", file.scenario, file.seed.as_deref().unwrap_or("replay"));
    if !file.settings.is_empty() {
        name = name + "-" + &settings::text(&file.settings);
    }
    plain(&name) + ".json"
}

/// The folder as it is seen from `here`: that of the package, where there is one, as its tests have it.
pub fn of_package(folder: &str, package: Option<&Path>, here: &Path) -> PathBuf {
    let folder = package.map_or_else(|| PathBuf::from(folder), |package| package.join(folder));
    folder.strip_prefix(here).unwrap_or(&folder).to_path_buf()
}

/// The line that keeps a saved failure in `folder`; nothing where it is kept already, or is no failure.
pub fn keep(file: &ReplayFile, path: &Path, folder: &Path) -> Option<String> {
    if path.parent().is_some_and(|parent| parent.ends_with(folder)) || file.failure.is_none() {
        return None;
    }
    let kept = folder.join(name(file));
    if kept.is_file() {
        return None;
    }
    let [folder, from, to] = [folder, path, &kept].map(|path| quoted(&path.to_string_lossy()).into_owned());
    Some(format!("mkdir -p {folder} && cp {from} {to}"))
}

/// Replays one: what came of it, and a text for people. An error is why it could not be run, or tests nothing.
pub fn replay(
    file: &ReplayFile,
    known: &[Scenario],
    worker: &mut Worker,
) -> Result<(Verdict, String), String> {
    let spec = file.spec(known, Record::Trace).map_err(|error| error.to_string())?;
    let Replayed { verdict, report, gone } = file.replay(worker, &spec, build_id());
    if let Some(line) = report.refused {
        return Err(line);
    }
    let mut said = String::new();
    for key in &gone {
        said.push_str(&format!("no longer asked for: {key}\n"));
    }
    if !gone.is_empty() && gone.len() == file.overrides.len() && verdict == Verdict::Holds {
        return Err(format!("{said}the run asks for none of the file's choices: it tests nothing"));
    }
    if let (Some(log), Some(failure)) = (&report.trace, &report.failure) {
        said.push_str(&Excerpt::new(log, failure.event, Most::TERMINAL).end());
        said.push_str(&format!("{}: {}\n", failure.headline(), failure.message));
    }
    said.push_str(match verdict {
        Verdict::Holds => "",
        Verdict::StillFails => "the saved failure is still there",
        Verdict::FailsOtherwise => "another failure than the saved one",
        Verdict::Nondeterministic => "NONDETERMINISM: the same build made another run of it",
    });
    Ok((verdict, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_that_of_the_package_wherever_a_command_is_typed() {
        let seen = |folder, package: Option<&str>, here| {
            of_package(folder, package.map(Path::new), Path::new(here)).display().to_string()
        };
        assert_eq!(seen("regressions", None, "/w"), "regressions");
        assert_eq!(seen("regressions", Some("/w"), "/w"), "regressions");
        assert_eq!(seen("regressions", Some("/w/crates/a"), "/w"), "crates/a/regressions");
        assert_eq!(seen("regressions", Some("/w/a"), "/tmp"), "/w/a/regressions");
        assert_eq!(seen("/r", Some("/w/a"), "/w"), "/r");
    }
}
