//! A failure reads in a minute, and what is left in its folder makes it again.

use super::*;
use crate::replay::Verdict;
use crate::replay::build::build_id;
use crate::run::Settings;
use crate::runner::fake::{self, Fake};
use std::path::Path;

fn found() -> Explained {
    let settings = Settings::from([("model".to_owned(), "poll".to_owned())]);
    for seed in 0.. {
        let spec = RunSpec::seeded(fake::FAILS, settings.clone(), seed);
        let report = Fake::default().run(&spec);
        if report.failure.is_some() {
            let mut explained =
                explain(&mut Fake::default(), &spec, report.hash, Limits::default()).ok().unwrap();
            explained.commit = Some("0123abc".to_owned());
            return explained;
        }
    }
    unreachable!("some seed fails")
}

#[test]
fn a_failure_on_a_terminal() {
    insta::assert_snapshot!(text::failure(&found(), Some("target/eagain/x"), Path::new("regressions")));
}

#[test]
fn the_headline_is_what_the_found_run_says_and_the_shrunk_run_is_beside_it() {
    let explained = found();
    let report = text::failure(&explained, None, Path::new("regressions"));
    let (headline, rest) = report.split_once("choices ->").unwrap();
    assert!(headline.contains("12 bytes were cut off"), "{report}");
    assert!(rest.contains("in the shrunk run: request 3 got no reply; 5 bytes were cut off"), "{report}");
    let saved = explained.replay_file().failure.unwrap();
    assert_eq!(saved.message, explained.failure.message, "what a replay will see");
}

#[test]
fn a_failure_as_an_issue() {
    let report = markdown::failure(&found(), Path::new("target/eagain/x")).replace(build_id(), "0x…");
    insta::assert_snapshot!(report);
}

#[test]
fn the_folder_has_what_replays_it() {
    let out = tempfile::tempdir().unwrap();
    let explained = found();
    let folder = folder::write(out.path(), &explained).unwrap();
    assert!(folder.ends_with(format!("lost-reply-{:#x}-model=poll", explained.seed().unwrap())));
    let file = ReplayFile::read(&folder.join("replay.json")).unwrap();
    let spec = file.spec(&[fake::FAILS], Record::Hash).unwrap();
    let replayed = file.replay(&mut Fake::default(), &spec, build_id());
    assert_eq!(replayed.verdict, Verdict::StillFails);
    assert!(std::fs::read_to_string(folder.join("trace.txt")).unwrap().contains("recv("));
    // What the report says lies beside it does.
    let report = std::fs::read_to_string(folder.join("report.md")).unwrap();
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(files.len(), 8);
    for file in files {
        let name = file.file_name().into_string().unwrap();
        assert!(file.metadata().unwrap().len() > 0, "{name} is empty");
        assert!(name == "report.md" || report.contains(&format!("`{name}`")), "{name} is not mentioned");
    }
}

/// Whole or not at all, as the folder of a failure that is explained.
#[test]
fn the_folder_of_a_lost_failure_is_written_as_a_whole_and_errors_name_what_was_not() {
    let spec = found().spec;
    let temporary = tempfile::tempdir().unwrap();
    let folder = folder::write_lost(temporary.path(), &spec, "first").unwrap();
    // Whoever holds what was there goes on reading that.
    let (report, kept) = (folder.join("report.md"), temporary.path().join("kept"));
    std::fs::hard_link(&report, &kept).unwrap();
    folder::write_lost(temporary.path(), &spec, "second").unwrap();
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "second");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "first");
    let error = folder::write_lost(&kept, &spec, "third").unwrap_err();
    assert!(error.to_string().starts_with(&kept.display().to_string()), "{error}");
    std::fs::remove_file(&report).unwrap();
    std::fs::create_dir(&report).unwrap();
    let error = folder::write_lost(temporary.path(), &spec, "fourth").unwrap_err();
    assert!(error.to_string().starts_with(&report.display().to_string()), "{error}");
}

#[test]
fn a_run_that_is_another_when_run_again_is_not_explained() {
    let spec = RunSpec { settings: Settings::new(), ..found().spec };
    let error = explain(&mut Fake::default(), &spec, 1, Limits::default()).err().unwrap();
    assert!(error.failed && error.hash == 1);
}

#[test]
fn the_page_of_a_ci_job_has_a_line_for_each_kind_of_failure() {
    use crate::runner::json::SweepFile;
    use crate::runner::shard::Shard;
    let plan = fake::plan(Shard::ALL);
    let mut sweep = plan.explore(fake::make, &std::sync::Arc::default());
    sweep.elapsed = 0.5;
    sweep.skipped.push(("plain".to_owned(), "has no knob `model`".to_owned()));
    insta::assert_snapshot!(markdown::sweep(&SweepFile::of(&sweep, &plan)));
}
