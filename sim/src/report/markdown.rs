//! A failure as `report.md`, ready to paste into an issue; a sweep as a page for a CI job.

use super::choices::LEGEND_LONG;
use super::{Explained, sequence, shortened};
use crate::count::{count, thousands};
use crate::replay::build::build_id;
use crate::replay::regressions;
use crate::report::table::{Align, Table};
use crate::run::Failure;
use crate::runner::json::SweepFile;
use crate::runner::{invocation, settings};
use crate::trace::excerpt::{Excerpt, Most};
use crate::trace::format;
use std::fmt::Write;
use std::path::Path;

/// How many events a report shows; `trace.txt` has all of them.
const EVENTS: Most = Most { end: 40, faults: 12, waits: 16 };
/// How many lines that the program printed.
const OUTPUT_MAX: usize = 40;
const CHOICES_MAX: usize = 100;
/// An issue holds 65,536 characters: so many bytes of each text are shown, of which a report has six at most.
const BYTES_MAX: usize = 8 * 1024;
/// A CI job's page is dropped whole where it exceeds 1 MiB: the summary stays far below.
const FAILURES_MAX: usize = 50;
const MESSAGE_MAX: usize = 300;

/// What lies beside the report.
const FILES: &str = "Beside this: `trace.txt` (every event), `trace.html` (a timeline, for a browser), `trace.json` \
                     (for ui.perfetto.dev), `trace.pcapng` (for Wireshark), `netstat.txt`, and `replay.json`, the \
                     choices of this run. Where texts are shortened here, `texts.txt` has all of them.";

/// The report of a failure, which lies in `folder`.
pub fn failure(explained: &Explained, folder: &Path) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_failure(&mut out, explained, folder);
    out
}

fn write_failure(out: &mut String, explained: &Explained, folder: &Path) -> std::fmt::Result {
    let Explained { spec, found, failure, outcome, .. } = explained;
    writeln!(out, "# {}: {}\n", spec.scenario.name, found.headline())?;
    writeln!(out, "{}\n", fenced(&shortened(&found.message, BYTES_MAX)))?;
    let replay = folder.join("replay.json");
    let replay = invocation::replay(spec.scenario.name, &replay.to_string_lossy());
    // A saved run has no other line.
    let which = if outcome.is_shrunk() { "the shrunk run" } else { "the run" };
    let mut lines = vec![explained.repro(), format!("{replay}    # {which}, which is shown here")];
    if explained.seed().is_none() {
        lines.remove(0);
    }
    writeln!(out, "```sh\n{}\n```\n", lines.join("\n"))?;
    let mut facts = Table::new(&[("what", Align::Left), ("which", Align::Left)]);
    let mut fact = |what: &str, which: String| facts.row([what.to_owned(), which]);
    let about = spec.scenario.about;
    let about = if about.is_empty() { String::new() } else { format!(": {about}") };
    fact("scenario", format!("`{}`{about}", spec.scenario.name));
    if let Some(seed) = explained.seed() {
        fact("seed", format!("`{seed:#x}`"));
    }
    if !spec.settings.is_empty() {
        fact("settings", format!("`{}`", settings::text(&spec.settings)));
    }
    let at = |failure: &Failure| format!("{} s, after event #{}", format::time(failure.time), failure.event);
    fact("fails at", format!("{} as found, {} as shown", at(found), at(failure)));
    fact("trace", format!("`{:#018x}` as found, `{:#018x}` as shown", explained.found_hash, explained.hash));
    fact("commit", explained.commit.clone().unwrap_or_else(|| "unknown".to_owned()));
    fact("build", format!("`{}`", build_id()));
    writeln!(out, "{}", facts.markdown())?;
    writeln!(out, "## What makes it fail\n\n{}\n", outcome.line())?;
    if let Some(message) = explained.shrunk_message() {
        writeln!(out, "The shrunk run:\n\n{}\n", fenced(&shortened(message, BYTES_MAX)))?;
    }
    if outcome.choices.is_empty() && outcome.reproduced {
        writeln!(out, "It fails without any fault or delay.\n")?;
    } else if !outcome.choices.is_empty() {
        let mut table = explained.choices.table();
        let dropped = table.cut(CHOICES_MAX);
        writeln!(out, "{}", shortened(&table.markdown(), BYTES_MAX))?;
        writeln!(out, "{LEGEND_LONG}\n")?;
        if dropped > 0 {
            writeln!(out, "and {dropped} more lines in `replay.json`\n")?;
        }
    }
    let which = if outcome.is_shrunk() { "shrunk run" } else { "run" };
    let excerpt = Excerpt::new(&explained.trace, failure.event, EVENTS);
    if let Some((heading, events)) = excerpt.before(&explained.choices.events()) {
        let (first, rest) = heading.split_at(1);
        let events = fenced(&shortened(&events, BYTES_MAX));
        writeln!(out, "## {}{rest}\n\n{events}\n", first.to_uppercase())?;
    }
    writeln!(out, "## The end of the {which}\n")?;
    writeln!(out, "{}\n", fenced(&shortened(&excerpt.end(), BYTES_MAX)))?;
    let diagram = sequence::diagram(&explained.trace);
    if !diagram.is_empty() {
        writeln!(out, "## The last messages\n\n```mermaid\n{diagram}```\n")?;
    }
    let kept = regressions::name(&explained.replay_file());
    writeln!(
        out,
        "{FILES} `replay.json`, copied to `regressions/{kept}` in the folder of the crate, is run before any seed.\n"
    )?;
    if !explained.output.is_empty() {
        let lines: Vec<_> = explained.output.lines().collect();
        let tail = lines[lines.len().saturating_sub(OUTPUT_MAX)..].join("\n");
        writeln!(out, "## What it printed\n\n{}", fenced(&shortened(&tail, BYTES_MAX)))?;
    }
    Ok(())
}

/// A code block whose fence is longer than any in the text.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

/// The page of a sweep (`--summary`).
pub fn sweep(file: &SweepFile) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_sweep(&mut out, file);
    out
}

fn write_sweep(out: &mut String, file: &SweepFile) -> std::fmt::Result {
    let summary = &file.summary;
    let sums = &summary.sums;
    // A job of CI has a page for each shard and one for all of them.
    writeln!(out, "## eagain: {}{}\n", summary.verdict(), summary.part())?;
    writeln!(
        out,
        "{}, {}, {}; {} in {:.1} s ({} seeds/s); seeds from `{}` on; hash `{:#018x}`\n",
        count(summary.scenarios.len() as u64, "scenario"),
        count(sums.seeds, "seed"),
        count(sums.failures, "failure"),
        count(sums.calls, "call"),
        summary.elapsed_s,
        thousands(summary.rate()),
        summary.from,
        sums.hash
    )?;
    if let Some(line) = summary.incomplete() {
        writeln!(out, "{line}\n")?;
    }
    for line in &summary.again {
        writeln!(out, "Run again: `{line}`\n")?;
    }
    for (file, line) in &summary.regressions {
        writeln!(out, "Regression `{file}` fails again: `{line}`\n")?;
    }
    if !summary.kinds.is_empty() {
        let mut table = Table::new(&[
            ("scenario", Align::Left),
            ("what broke", Align::Left),
            ("seeds", Align::Right),
            ("message of the shortest run", Align::Left),
            ("reproduce it", Align::Left),
        ]);
        for kind in &summary.kinds {
            let message: String = kind.message.chars().take(MESSAGE_MAX).collect();
            let lines: Vec<&str> = message.lines().map(str::trim).collect();
            table.row([
                kind.scenario.clone(),
                kind.headline(),
                thousands(kind.count),
                lines.join("; "),
                format!("`{}`", kind.repro),
            ]);
        }
        let more = table.cut(FAILURES_MAX);
        writeln!(out, "{}", table.markdown())?;
        if more > 0 {
            writeln!(out, "and {more} more kinds in the JSON file\n")?;
        }
    }
    let mut faults = Table::new(&[
        ("fault family", Align::Left),
        ("runs with it enabled", Align::Right),
        ("times fired", Align::Right),
    ]);
    for (family, sum) in &sums.faults {
        faults.row([family.to_string(), sum.enabled.to_string(), sum.fired.to_string()]);
    }
    if !faults.is_empty() {
        writeln!(out, "{}", faults.markdown())?;
    }
    for line in sums.warnings() {
        writeln!(out, "- warning: {line}")?;
    }
    for (scenario, why) in &summary.skipped {
        writeln!(out, "- skipped: `{scenario}` {why}")?;
    }
    Ok(())
}
