//! A file says what it can about a failure, whatever became of it or of the program since.

use super::*;
use crate::choice::Base;
use crate::run::Settings;
use crate::runner::fake::{self, Fake};
use crate::shrink::{Limits, shrink_run};
use file::{SavedBase, SavedFailure};
use proptest::prelude::*;

const KNOWN: &[Scenario] = &[fake::HOLDS, fake::FAILS, fake::PLAIN];

/// A failure of the fake world, found and shrunk.
fn saved() -> ReplayFile {
    for seed in 0.. {
        let spec = RunSpec::seeded(fake::FAILS, Settings::new(), seed);
        if let Some(shrunk) = shrink_run(&mut Fake::default(), &spec, Limits::default()) {
            return ReplayFile {
                format: FORMAT,
                scenario: spec.scenario.name.to_owned(),
                settings: spec.settings,
                base: SavedBase(Base::Zero),
                overrides: shrunk.outcome.overrides(),
                hash: shrunk.hash,
                failure: Some(SavedFailure::from(&shrunk.failure)),
                seed: Some(format!("{seed:#x}")),
                commit: None,
                build: "0xb".to_owned(),
                digest: None,
            };
        }
    }
    unreachable!("some seed fails")
}

fn replay(file: &ReplayFile, build: &str) -> Replayed {
    let spec = file.spec(KNOWN, Record::Hash).unwrap();
    file.replay(&mut Fake::default(), &spec, build)
}

#[test]
fn a_file_reads_back_and_fails_again() {
    let file = saved();
    insta::assert_snapshot!(file.to_json());
    let read = ReplayFile::parse("f", file.to_json().as_bytes()).unwrap();
    assert!(!read.is_edited());
    assert_eq!(ReplayFile { digest: None, ..read }, file);
    assert_eq!(replay(&file, "0xb").verdict, Verdict::StillFails);
    assert_eq!(replay(&file, "another build").verdict, Verdict::StillFails);
}

#[test]
fn an_edited_file_is_compared_by_its_verdict() {
    let text = saved().to_json();
    let (key, value) = saved().overrides.iter().next().map(|(key, value)| (key.to_string(), *value)).unwrap();
    let edited = text.replace(&format!("\"{key}\": {value}"), &format!("\"{key}\": 0"));
    assert_ne!(edited, text);
    let file = ReplayFile::parse("f", edited.as_bytes()).unwrap();
    assert!(file.is_edited());
    let without =
        ReplayFile::parse("f", format!("{}}}", text.split(",\n  \"digest\"").next().unwrap()).as_bytes());
    assert!(without.unwrap().is_edited());
    // Without that choice it holds, which is no nondeterminism.
    assert_eq!(replay(&file, "0xb").verdict, Verdict::Holds);
}

#[test]
fn another_hash_in_the_same_build_is_nondeterminism_and_in_another_build_nothing() {
    let file = ReplayFile { hash: 1, ..saved() };
    assert_eq!(replay(&file, "0xb").verdict, Verdict::Nondeterministic);
    assert_eq!(replay(&file, "0xc").verdict, Verdict::StillFails);
}

#[test]
fn what_was_repaired_since_holds_and_what_breaks_elsewhere_is_another_failure() {
    let repaired = ReplayFile { scenario: fake::HOLDS.name.to_owned(), ..saved() };
    assert_eq!(replay(&repaired, "0xc").verdict, Verdict::Holds);
    let mut elsewhere = saved();
    elsewhere.failure.as_mut().unwrap().site = "somewhere".to_owned();
    assert_eq!(replay(&elsewhere, "0xc").verdict, Verdict::FailsOtherwise);
    let mut of_another = saved();
    of_another.failure.as_mut().unwrap().thread = Some("somebody/0".to_owned());
    assert_eq!(replay(&of_another, "0xc").verdict, Verdict::FailsOtherwise);
    // What an earlier build saved.
    of_another.failure.as_mut().unwrap().thread = None;
    assert_eq!(replay(&of_another, "0xc").verdict, Verdict::StillFails);
}

#[test]
fn keys_that_no_longer_exist_are_listed() {
    let mut file = saved();
    let key: Key = "wire.split client-9#1>server/up 7".parse().unwrap();
    file.overrides.insert(key.clone(), 3);
    let replayed = replay(&file, "0xc");
    assert_eq!((replayed.verdict, replayed.gone), (Verdict::StillFails, vec![key]));
}

#[test]
fn what_cannot_be_replayed_is_one_line() {
    let good = saved().to_json();
    let cases = [
        ("garbage", "garbage".to_owned()),
        ("empty", String::new()),
        ("list", "[1]".to_owned()),
        ("cut", good[..good.len() / 2].to_owned()),
        ("other version", good.replace("\"format\": 1", "\"format\": 9")),
        ("bad key", good.replace("wire.split ", "")),
        ("bad hash", good.replace("\"hash\": \"0x", "\"hash\": \"x")),
        ("unknown field", good.replace("\"commit\"", "\"comit\"")),
        ("other scenario", good.replace("lost-reply", "lost-crown")),
        ("other knob", good.replace("\"settings\": {}", "\"settings\": {\"wheels\": \"4\"}")),
    ];
    let lines = cases.map(|(name, text)| {
        let result =
            ReplayFile::parse("f.json", text.as_bytes()).and_then(|file| file.spec(KNOWN, Record::Hash));
        format!("{name:<16}{}", result.err().expect(name))
    });
    insta::assert_snapshot!(lines.join("\n"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = ReplayFile::parse("f", &bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0_usize..2000, byte: u8) {
        let mut bytes = saved().to_json().into_bytes();
        let length = bytes.len();
        bytes[at % length] = byte;
        if let Ok(file) = ReplayFile::parse("f", &bytes) {
            let _ = file.spec(KNOWN, Record::Hash);
        }
    }
}
