//! The sweep as JUnit XML (`--junit`), which every CI system shows: a suite, a case for each scenario, and one for each kind
//! of failure.

use super::json::SweepFile;
use crate::count::count;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The text of the file.
pub fn text(file: &SweepFile) -> String {
    let summary = &file.summary;
    let mut suite = TestSuite::new("eagain");
    suite.set_time(Duration::try_from_secs_f64(summary.elapsed_s).unwrap_or_default());
    suite.add_property(Property::new("hash", format!("{:#018x}", summary.sums.hash)));
    // How long all runs of a scenario took: of several kinds of failures, the first has it.
    let mut times = summary.times_s.clone();
    let mut timed = |scenario: &str, mut case: TestCase| {
        let time = times.remove(scenario).unwrap_or_default();
        case.set_time(Duration::try_from_secs_f64(time).unwrap_or_default());
        case
    };
    for name in &summary.scenarios {
        if !summary.kinds.iter().any(|kind| kind.scenario == *name) {
            suite.add_test_case(timed(name, case(name, TestCaseStatus::success())));
        }
    }
    for kind in &summary.kinds {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let folder = kind.folder.as_ref().map(|folder| format!("\n{folder}")).unwrap_or_default();
        let message =
            format!("{}: {}, the first {}", kind.headline(), count(kind.count, "seed"), kind.first_seed);
        status.set_type(kind.oracle.as_str());
        status.set_message(message);
        let thread = if kind.thread.is_empty() { String::new() } else { format!("in {}\n", kind.thread) };
        status.set_description(format!("{thread}{}\n{}{folder}", kind.message, kind.repro));
        let case = case(&format!("{}: {} at {}", kind.scenario, kind.name, kind.site), status);
        suite.add_test_case(timed(&kind.scenario, case));
    }
    if summary.sums.harness_failures > 0 {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(format!("the harness failed in {} runs", summary.sums.harness_failures));
        suite.add_test_case(case("harness", status));
    }
    for (name, why) in &summary.skipped {
        let mut status = TestCaseStatus::skipped();
        status.set_message(why.as_str());
        suite.add_test_case(case(name, status));
    }
    let mut report = Report::new("eagain");
    report.add_test_suite(suite);
    // Texts that XML cannot hold are filtered by the writer, and writing to a String does not fail.
    report.to_string().unwrap_or_default()
}

fn case(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname("eagain");
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Oracle;
    use crate::run::Settings;
    use crate::runner::json::{KindLine, Summary};
    use crate::runner::summary::Sums;

    #[test]
    fn a_failing_a_holding_and_a_skipped_scenario() {
        let kind = |oracle: &'static str, site: &str, count| KindLine {
            scenario: "slow-reader".into(),
            oracle: oracle.into(),
            name: Oracle::from(oracle).name().into(),
            site: site.into(),
            count,
            first_seed: "0x2a".into(),
            calls: 7,
            seed: "0x2b".into(),
            thread: "server/worker".into(),
            message: "got <\"a\" & 'b'> \u{1b}[0m".into(),
            repro: "cargo eagain run slow-reader --seed 0x2b".into(),
            folder: Some("target/eagain/slow-reader-0x2b".into()),
        };
        let summary = Summary {
            format: 1,
            scenarios: vec!["steady".into(), "slow-reader".into()],
            settings: Settings::new(),
            from: "0x0".into(),
            shard: "0/1".into(),
            sums: Sums { seeds: 2, failures: 21, hash: 1, ..Sums::default() },
            kinds: vec![kind("O1", "reply-pairing", 20), kind("O6", "deadlock", 1)],
            elapsed_s: 0.25,
            times_s: [("steady".to_owned(), 0.125), ("slow-reader".to_owned(), 0.25)].into(),
            complete: true,
            planned: Some(2),
            stopped: None,
            command: None,
            again: Vec::new(),
            skipped: [("plain".to_owned(), "has no knob `model`".to_owned())].into(),
            guided: Default::default(),
        };
        insta::assert_snapshot!(text(&SweepFile { failures: Vec::new(), summary }));
    }
}
