//! A failure on a terminal: half a screen, the line that makes it again last. And what heads the page of a run.

use super::choices::LEGEND;
use super::{Explained, shortened};
use crate::choice::Base;
use crate::replay::regressions;
use crate::run::{RunReport, RunSpec};
use crate::runner::{invocation, settings};
use crate::trace::excerpt::{Excerpt, Most};
use crate::trace::format;
use std::fmt::Write;
use std::path::Path;

/// How many choices are printed; the folder has all of them.
const CHOICES_MAX: usize = 20;
const OUTPUT_MAX: usize = 10;
/// How many bytes of a message.
const MESSAGE_MAX: usize = 4096;

/// What is printed about a failure; `folder` is where the rest of it lies, if it was written, and `kept` where it is kept for good.
pub fn failure(explained: &Explained, folder: Option<&str>, kept: &Path) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_failure(&mut out, explained, folder, kept);
    out
}

fn write_failure(
    out: &mut String,
    explained: &Explained,
    folder: Option<&str>,
    kept: &Path,
) -> std::fmt::Result {
    let found = &explained.found;
    let seed = explained.seed().map_or_else(|| "saved run".to_owned(), |seed| format!("seed {seed:#x}"));
    writeln!(out, "FAILED {} {seed}: {}", explained.spec.scenario.name, found.headline())?;
    for line in shortened(&found.message, MESSAGE_MAX).lines() {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "  at {} s, after event #{}", format::time(found.time), found.event)?;
    writeln!(out, "\n{}", explained.outcome.line())?;
    if let Some(message) = explained.shrunk_message() {
        let message = shortened(message, MESSAGE_MAX);
        writeln!(out, "  in the shrunk run: {}", message.lines().collect::<Vec<_>>().join("\n    "))?;
    }
    if !explained.choices.is_empty() {
        let mut table = explained.choices.table();
        let dropped = table.cut(CHOICES_MAX);
        out.push_str(&table.text("  "));
        if dropped > 0 {
            writeln!(out, "  and {dropped} more lines")?;
        }
        out.push_str(LEGEND);
    }
    let which = if explained.outcome.is_shrunk() { "the shrunk run" } else { "the run" };
    let excerpt = Excerpt::new(&explained.trace, explained.failure.event, Most::TERMINAL);
    if let Some((heading, events)) = excerpt.before(&explained.choices.events()) {
        writeln!(out, "\n{heading}")?;
        out.push_str(&events);
    }
    writeln!(out, "\nlast events of {which}")?;
    match excerpt.end() {
        none if none.is_empty() => out.push_str("  none: no call was recorded, such as of a stream\n"),
        events => out.push_str(&events),
    }
    if !explained.output.is_empty() {
        writeln!(out, "\nlast lines printed in {which}")?;
        let lines: Vec<_> = explained.output.lines().collect();
        for line in &lines[lines.len().saturating_sub(OUTPUT_MAX)..] {
            writeln!(out, "  {line}")?;
        }
    }
    writeln!(out)?;
    if let Some(folder) = folder {
        writeln!(out, "report     {folder}/report.md")?;
        let file = format!("{folder}/replay.json");
        writeln!(out, "replay     {}", invocation::replay(explained.spec.scenario.name, &file))?;
        if let Some(line) = regressions::keep(&explained.replay_file(), Path::new(&file), kept) {
            writeln!(out, "keep       {line}")?;
        }
    }
    writeln!(out, "reproduce  {}", explained.repro())
}

/// The head line of a run's page.
pub fn title(spec: &RunSpec) -> String {
    let base = match spec.base {
        Base::Seed(seed) => format!("seed {seed:#x}"),
        Base::Zero => "saved run".to_owned(),
    };
    format!("{}, {base}{}", spec.scenario.name, settings::flags(&spec.settings))
}

/// The outcome of a run, in a line.
pub fn verdict(report: &RunReport) -> String {
    match &report.failure {
        None => "held".to_owned(),
        Some(failure) => {
            let message = failure.message.lines().next().unwrap_or_default();
            format!("{}: {message}", failure.headline())
        }
    }
}
