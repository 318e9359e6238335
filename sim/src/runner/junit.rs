//! The sweep as JUnit XML (`--junit`), which every CI system shows: a suite, a case for each scenario.

use super::json::SweepFile;
use std::fmt::Write;

/// How many failures of a scenario are written; the JSON file has the others.
const FAILURES_MAX: usize = 20;

/// The text of the file.
pub fn text(file: &SweepFile) -> String {
    let summary = &file.summary;
    let failing = |name: &str| file.failures.iter().filter(|line| line.scenario == name).count();
    let failed = summary.scenarios.iter().filter(|name| failing(name) > 0).count();
    let (tests, skipped) = (summary.scenarios.len() + summary.skipped.len(), summary.skipped.len());
    let errors = usize::from(summary.harness_failures > 0);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String does not fail.
    let _ = writeln!(xml, "<testsuites>");
    let _ = writeln!(
        xml,
        "  <testsuite name=\"eagain\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{errors}\" \
         skipped=\"{skipped}\" time=\"{:.3}\">",
        summary.elapsed_s
    );
    let _ =
        writeln!(xml, "    <properties><property name=\"hash\" value=\"{}\"/></properties>", summary.hash);
    for name in &summary.scenarios {
        let lines: Vec<_> = file.failures.iter().filter(|line| line.scenario == *name).collect();
        if lines.is_empty() {
            let _ = writeln!(xml, "    <testcase classname=\"eagain\" name=\"{}\"/>", escape(name));
            continue;
        }
        let _ = writeln!(xml, "    <testcase classname=\"eagain\" name=\"{}\">", escape(name));
        for line in lines.iter().take(FAILURES_MAX) {
            let _ = writeln!(
                xml,
                "      <failure type=\"{}\" message=\"{}\">{}\n{}</failure>",
                escape(&line.oracle),
                escape(&format!("{} at {}", line.oracle, line.site)),
                escape(&line.message),
                escape(&line.repro)
            );
        }
        if lines.len() > FAILURES_MAX {
            let _ = writeln!(xml, "      <system-out>and {} more</system-out>", lines.len() - FAILURES_MAX);
        }
        let _ = writeln!(xml, "    </testcase>");
    }
    for (name, why) in &summary.skipped {
        let _ = writeln!(
            xml,
            "    <testcase classname=\"eagain\" name=\"{}\"><skipped message=\"{}\"/></testcase>",
            escape(name),
            escape(why)
        );
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// XML's five, and what XML 1.0 cannot hold at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Settings;
    use crate::runner::json::{FailureLine, Summary};

    #[test]
    fn a_failing_a_holding_and_a_skipped_scenario() {
        let failure = FailureLine {
            scenario: "slow-reader".into(),
            seed: "0x2a".into(),
            settings: Settings::new(),
            oracle: "O1".into(),
            site: "reply-pairing".into(),
            message: "got <\"a\" & 'b'> \u{1b}[0m".into(),
            time_ns: 5,
            hash: "0x1".into(),
            repro: "cargo eagain run slow-reader --seed 0x2a".into(),
        };
        let summary = Summary {
            format: 1,
            scenarios: vec!["steady".into(), "slow-reader".into()],
            settings: Settings::new(),
            from: "0x0".into(),
            shard: "0/1".into(),
            seeds: 2,
            failures: 1,
            harness_failures: 0,
            calls: 9,
            simulated_s: 0.5,
            elapsed_s: 0.25,
            hash: "0x0000000000000001".into(),
            complete: true,
            faults: Default::default(),
            sometimes: Default::default(),
            skipped: [("plain".to_owned(), "has no knob `model`".to_owned())].into(),
        };
        let file = SweepFile { failures: vec![failure], summary };
        insta::assert_snapshot!(text(&file));
        let many = SweepFile { failures: vec![file.failures[0].clone(); 25], ..file };
        assert!(text(&many).contains("and 5 more"));
    }
}
