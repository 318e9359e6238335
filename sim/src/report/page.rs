//! A sweep as a page (`explore --html DIR`, and `merge --html DIR` of its shards): each kind of failure with links to its report and timeline, what fired, what was
//! reached, what was skipped, how fast it went. One file without scripts, beside the folders of the failures: what a CI job keeps.

use super::chart;
use crate::count::{count, thousands};
use crate::runner::json::{KindLine, SweepFile};
use crate::runner::samples::Sample;
use crate::runner::summary::Sums;
use std::fmt::Write;
use std::path::{Component, Path};

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.failed h1 { color: #d8584d; } .held h1 { color: #5f9d76; } .incomplete h1 { color: #c98f2c; }
section { overflow-x: auto; }
table { border-collapse: collapse; }
td.n { white-space: nowrap; }
figure { margin: 0; max-width: 40rem; } figcaption { font-size: 13px; opacity: .75; }
polyline { fill: none; stroke: #7fa8d1; stroke-width: 2; } rect { fill: #d8584d; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #8884; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
pre, code { font: 13px/1.45 ui-monospace, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
.warning td { color: #c98f2c; }
@media (max-width: 60rem) {
  .stacked tr:first-child { display: none; }
  .stacked, .stacked tbody, .stacked tr, .stacked td { display: block; text-align: left; }
  .stacked td { border: 0; padding: .1rem 0; } .stacked tr { border-bottom: 1px solid #8884; padding: .6rem 0; }
  .stacked td::before { content: attr(title) \": \"; opacity: .65; } .stacked td:first-child { font-weight: 600; }
}
";

/// The page; `folder` is where it will lie, so that links to what is below it are relative.
pub fn sweep(file: &SweepFile, samples: &[Sample], folder: &str) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_sweep(&mut out, file, samples, folder);
    out
}

fn write_sweep(out: &mut String, file: &SweepFile, samples: &[Sample], folder: &str) -> std::fmt::Result {
    let summary = &file.summary;
    let sums = &summary.sums;
    let verdict = summary.verdict();
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>eagain: {verdict}</title>\n\
         <style>\n{STYLE}</style>\n<body class=\"{}\">\n<h1>{verdict}</h1>",
        match (summary.fails(), summary.complete) {
            (true, _) => "failed",
            (false, true) => "held",
            (false, false) => "incomplete",
        }
    )?;
    writeln!(
        out,
        "<p>{}, {}, {}; {}, {:.1} s simulated in {:.1} s, {} seeds/s; seeds from <code>{}</code> on{}, hash \
         <code>{:#018x}</code></p>",
        count(summary.scenarios.len() as u64, "scenario"),
        count(sums.seeds, "seed"),
        count(sums.failures, "failure"),
        count(sums.calls, "call"),
        sums.simulated as f64 / 1e9,
        summary.elapsed_s,
        thousands(summary.rate()),
        escaped(&summary.from),
        escaped(&summary.part()),
        sums.hash
    )?;
    if let Some(line) = summary.incomplete() {
        writeln!(out, "<p>{}</p>", escaped(&line))?;
    }
    for (file, line) in &summary.regressions {
        writeln!(out, "<p>Regression {} fails again: <code>{}</code></p>", escaped(file), escaped(line))?;
    }
    write_failures(out, &summary.kinds, folder)?;
    write_faults(out, sums)?;
    write_reached(out, sums)?;
    if !summary.skipped.is_empty() {
        table(out, "Skipped", "", &["scenario", "why"])?;
        for (scenario, why) in &summary.skipped {
            writeln!(out, "<tr><td>{}</td><td>{}</td></tr>", escaped(scenario), escaped(why))?;
        }
        writeln!(out, "</table></section>")?;
    }
    out.push_str(&chart::rates(samples));
    writeln!(out, "<h2>Scenarios</h2>\n<p>{}</p>\n</body>\n</html>", escaped(&summary.scenarios.join(", ")))
}

/// What broke, a row a kind of failure.
fn write_failures(out: &mut String, kinds: &[KindLine], folder: &str) -> std::fmt::Result {
    if kinds.is_empty() {
        return Ok(());
    }
    let columns =
        ["scenario", "what broke", "seeds", "message of the shortest run", "reproduce the shortest"];
    table(out, "Failures", "stacked", &columns)?;
    for kind in kinds {
        let links = kind.folder.as_deref().map(|of| {
            let of = escaped(&linked(of, folder));
            format!("<br><a href=\"{of}/trace.html\">timeline</a> · <a href=\"{of}/report.md\">report</a> · <a href=\"{of}/\">folder</a>")
        });
        writeln!(
            out,
            "<tr><td title=\"scenario\">{}</td><td title=\"what broke\">{}{}</td>\
             <td title=\"seeds\" class=\"n\">{}</td><td title=\"message\"><pre>{}</pre></td>\
             <td title=\"reproduce\"><code>{}</code></td></tr>",
            escaped(&kind.scenario),
            escaped(&kind.headline()),
            links.unwrap_or_default(),
            escaped(&kind.seeds()),
            escaped(&kind.message),
            escaped(&kind.repro)
        )?;
    }
    writeln!(out, "</table></section>")
}

/// The path to `of` from a page in `folder`. An absolute one stays, and so does one from a folder that is above the current one.
fn linked(of: &str, folder: &str) -> String {
    let (of, folder) = (Path::new(of), Path::new(folder));
    if let Ok(below) = of.strip_prefix(folder) {
        return below.display().to_string();
    }
    let named = folder.components().filter(|part| *part != Component::CurDir);
    let mut up = String::new();
    for part in named {
        match part {
            Component::Normal(_) if of.is_relative() => up.push_str("../"),
            _ => return of.display().to_string(),
        }
    }
    up + &of.display().to_string()
}

/// What each family of faults did.
fn write_faults(out: &mut String, sums: &Sums) -> std::fmt::Result {
    if sums.faults.is_empty() {
        return Ok(());
    }
    table(out, "Faults", "", &["family", "runs with it enabled", "times fired"])?;
    for (family, sum) in &sums.faults {
        let class = if sum.fired == 0 { " class=\"warning\"" } else { "" };
        let (on, fired) = (thousands(sum.enabled), thousands(sum.fired));
        let family = escaped(family);
        writeln!(
            out,
            "<tr{class}><td>{family}</td><td class=\"n\">{on}</td><td class=\"n\">{fired}</td></tr>"
        )?;
    }
    writeln!(out, "</table></section>")
}

/// What was to be reached sometimes, and in how many runs it was.
fn write_reached(out: &mut String, sums: &Sums) -> std::fmt::Result {
    if sums.sometimes.is_empty() && sums.unpassed.is_empty() {
        return Ok(());
    }
    table(out, "Reached sometimes", "", &["scenario", "what", "runs"])?;
    for (scenario, names) in &sums.sometimes {
        for (name, reached) in names {
            let class = if *reached == 0 { " class=\"warning\"" } else { "" };
            let (scenario, name, reached) = (escaped(scenario), escaped(name), thousands(*reached));
            writeln!(
                out,
                "<tr{class}><td>{scenario}</td><td>{name}</td><td class=\"n\">{reached}</td></tr>"
            )?;
        }
    }
    for (place, names) in &sums.unpassed {
        for name in names {
            let (place, name) = (escaped(place), escaped(name));
            writeln!(
                out,
                "<tr class=\"warning\"><td>{place}</td><td>{name}</td><td class=\"n\">0</td></tr>"
            )?;
        }
    }
    writeln!(out, "</table></section>")
}

/// The head of a table. What counts something is to the right.
fn table(out: &mut String, title: &str, class: &str, columns: &[&str]) -> std::fmt::Result {
    writeln!(out, "<h2>{title}</h2>\n<section><table class=\"{class}\">\n<tr>")?;
    for column in columns {
        let counts = ["seeds", "runs", "runs with it enabled", "times fired"].contains(column);
        writeln!(out, "<th{}>{column}</th>", if counts { " class=\"n\"" } else { "" })?;
    }
    writeln!(out, "</tr>")
}

/// A text from anywhere, as text of a page or within the quotes of an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::fake;

    #[test]
    fn a_link_leaves_out_the_folder_of_the_page_and_no_part_of_another_name() {
        let mut file = fake::file(0, 1);
        for (page, of, link) in [
            ("out", "out/x", "x"),
            ("out/", "out/x", "x"),
            ("/tmp/out", "/tmp/out//x", "x"),
            ("out", "out2/x", "../out2/x"),
            ("./a/b", "out/x", "../../out/x"),
            ("", "out/x", "out/x"),
            (".", "out/x", "out/x"),
            ("../a", "out/x", "out/x"),
            ("out", "/tmp/x", "/tmp/x"),
        ] {
            file.summary.kinds[0].folder = Some(of.to_owned());
            let text = sweep(&file, &[], page);
            assert!(text.contains(&format!("<a href=\"{link}/trace.html\">")), "{page} {of}: {text}");
        }
    }

    #[test]
    fn the_page_names_what_failed_and_links_to_it() {
        let mut file = fake::file(0, 1);
        file.summary.kinds[0].folder = Some("out/lost-reply-0x8".to_owned());
        file.summary.kinds[0].message = "<script>".to_owned();
        file.summary.skipped.insert("plain".to_owned(), "has no knob `a&b`".to_owned());
        let page = sweep(&file, &[], "out");
        assert!(page.contains("<h1>failed</h1>") && page.contains("reply pairing (O1)"), "{page}");
        assert!(page.contains("<a href=\"lost-reply-0x8/trace.html\">timeline</a>"), "{page}");
        assert!(
            !page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("a&amp;b"),
            "{page}"
        );
        for word in ["<td>split</td>", "three pauses", "Skipped"] {
            assert!(page.contains(word), "{word}: {page}");
        }
    }

    #[test]
    fn title_and_head_say_the_same() {
        let mut file = fake::file(0, 1);
        let mut both = |failures, stopped: &[&str]| {
            file.summary.sums.failures = failures;
            file.summary.complete = stopped.is_empty();
            file.summary.stopped = stopped.iter().map(|why| (*why).to_owned()).collect();
            let page = sweep(&file, &[], "out");
            let between =
                |from: &str, to: &str| page.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
            assert_eq!(between("<title>eagain: ", "</title>"), between("<h1>", "</h1>"));
            between("<body class=\"", "\">") + ": " + &between("<h1>", "</h1>")
        };
        assert_eq!(both(1, &["interrupted"]), "failed: failed");
        assert_eq!(both(0, &[]), "held: held");
        assert_eq!(both(0, &["--time 3s"]), "incomplete: held as far as it ran");
        for why in ["interrupted", "shard 1/3 is missing"] {
            assert_eq!(both(0, &[why]), "incomplete: incomplete");
            assert_eq!(both(0, &["--time 3s", why]), "incomplete: incomplete");
        }
    }
}
