//! The sweep as JUnit XML (`--junit`), which every CI system shows: a suite, a case for each scenario, and one for each kind
//! of failure. Whatever makes the exit status of the command a failure is a case here: CI may read nothing else.

use super::json::SweepFile;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The text of the file; `strict` as the command is.
pub fn text(file: &SweepFile, strict: bool) -> String {
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
        let message = format!("{}: {}", kind.headline(), kind.seeds());
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
    for (file, line) in &summary.regressions {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message("a regression fails again").set_description(line.as_str());
        suite.add_test_case(case(&format!("regression {file}"), status));
    }
    if let Some(line) = summary.incomplete() {
        let mut status = match summary.is_out_of_time() && !strict {
            true => TestCaseStatus::skipped(),
            false => TestCaseStatus::non_success(NonSuccessKind::Error),
        };
        status.set_message(line);
        if !summary.again.is_empty() {
            status.set_description(format!("run again\n{}", summary.again.join("\n")));
        }
        suite.add_test_case(case("the sweep is complete", status));
    }
    for line in summary.sums.warnings().iter().filter(|_| strict) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("--strict").set_message(line.as_str());
        suite.add_test_case(case(line, status));
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
    use crate::runner::explore::Plan;
    use crate::runner::fake;
    use crate::runner::json::{KindLine, Summary};
    use crate::runner::shard::Shard;
    use crate::runner::summary::{Fired, Sums};
    use std::sync::Arc;

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
            format: 2,
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
            stopped: Vec::new(),
            asked: Default::default(),
            command: None,
            files: Default::default(),
            regressions: Default::default(),
            again: Vec::new(),
            skipped: [("plain".to_owned(), "has no knob `model`".to_owned())].into(),
            guided: Default::default(),
        };
        insta::assert_snapshot!(text(&SweepFile { failures: Vec::new(), summary }, false));
    }

    /// The file of a sweep in which nothing failed and one fault never fired, after a change.
    fn held(change: impl FnOnce(&mut Summary)) -> SweepFile {
        let plan = Plan { scenarios: vec![fake::HOLDS], ..fake::plan(Shard::ALL) };
        let mut file = SweepFile::of(&plan.explore(fake::make, &Arc::default()), &plan);
        file.summary.sums.faults = [("wire.cut".into(), Fired { enabled: 1, fired: 0 })].into();
        change(&mut file.summary);
        file
    }

    #[test]
    fn what_makes_the_status_a_failure_is_a_case() {
        let stops = |why: &'static str| {
            move |summary: &mut Summary| {
                summary.complete = false;
                summary.stopped = why.split("; ").map(str::to_owned).collect();
                summary.again = vec!["eagain explore --shard 1/4".to_owned()];
            }
        };
        let bad = |text: &str| text.contains("<error") || text.contains("<failure");
        let whole = held(|_| {});
        assert!(!bad(&text(&whole, false)));
        let strict = text(&whole, true);
        assert!(
            strict.contains("<failure message=\"the fault family `wire.cut` was enabled and never fired\""),
            "{strict}"
        );

        for why in
            ["interrupted", "shard 1/4 is missing", "--time 1s in shard 2/4; shard 1/4 was interrupted"]
        {
            let cut = text(&held(stops(why)), false);
            assert!(
                cut.contains(&format!("<error message=\"incomplete: stopped after 60 of 60 seeds ({why})\"")),
                "{cut}"
            );
            assert!(cut.contains("\neagain explore --shard 1/4</error>"), "{cut}");
        }
        let late = held(stops("--time 10m"));
        let asked = text(&late, false);
        assert!(asked.contains("<skipped message=\"incomplete: ") && !bad(&asked), "{asked}");
        assert!(text(&late, true).contains("<error message=\"incomplete: "), "as --strict has it");

        let back = held(|summary| {
            drop(summary.regressions.insert("r/a.json".into(), "eagain replay r/a.json".into()))
        });
        let back = text(&back, false);
        assert!(
            back.contains("name=\"regression r/a.json\"")
                && back.contains(">eagain replay r/a.json</failure>"),
            "{back}"
        );
    }
}
