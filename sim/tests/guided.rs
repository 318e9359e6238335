//! `explore --guided` as it is typed: what it prints and leaves, and what is wrong with a corpus.

mod common;

use eagain_net::Threads;
use eagain_sim::cli::Registry;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use eagain_sim::runner::engine;
use eagain_sim::{Sim, choose, fail, feature};
use std::path::{Path, PathBuf};

const fn scenario(name: &'static str, body: fn(&mut Sim)) -> Scenario {
    const PACE: Knob = Knob { name: "pace", about: "", values: KnobValues::Words(&["slow", "quick"]) };
    Scenario { name, about: "", knobs: &[PACE], seeds: 1, body }
}

fn steps(sim: &mut Sim, end: fn()) {
    let host = sim.host("host");
    sim.client(host, "client", move |k| {
        for stage in 0..3 {
            k.gettid();
            if choose("step", 0, 29) != 7 {
                return;
            }
            feature("stage", stage);
        }
        end();
    });
}

const REGISTRY: Registry<'static> = Registry {
    scenarios: &[
        scenario("three-steps", |sim| steps(sim, || fail("O1", "at the end", "three in a row".to_owned()))),
        scenario("no-steps", |sim| steps(sim, || {})),
    ],
    bugs: &[],
    extras: &[],
    regressions: "no/such/folder",
    executor: engine::make,
};

fn eagain(line: &str) -> (u8, String, String) {
    common::eagain(&REGISTRY, line)
}

fn runs(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn what_a_changed_run_finds_is_reported_and_replayed_as_any_failure() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("sweep.json");
    let (code, out, _) = eagain(&format!(
        "explore three-steps --guided --seeds 4000 --jobs 2 --json {} --html {}",
        json.display(),
        folder.path().display()
    ));
    assert_eq!(code, 1, "{out}");
    for line in [
        "FAILED three-steps",
        "-> 3 in ",
        "three-steps: reply pairing (O1) at at the end, ",
        "features in 4,000 runs",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let text = std::fs::read_to_string(json).unwrap();
    let (_, summary) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(summary.contains("\"guided\":{\"three-steps\":{\"runs\":4000,\"plain\":"), "{summary}");
    let (_, times) = summary.split_once("\"times_s\":{\"three-steps\":").unwrap();
    assert!(times.split_once('}').unwrap().0.parse::<f64>().unwrap() > 0.0, "{summary}");
    let (_, rest) = summary.split_once("\"folder\":\"").unwrap();
    let (found, _) = rest.split_once('"').unwrap();
    let (code, out, err) = eagain(&format!("replay {found}/replay.json"));
    assert!(code == 1 && out.contains("the same failure (the build that saved it)"), "{out}{err}");
}

#[test]
fn a_corpus_is_kept_and_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("corpus");
    let explore = |seeds: u64| {
        eagain(&format!("explore no-steps --guided --seeds {seeds} --jobs 1 --corpus {}", corpus.display()))
    };
    let (code, out, err) = explore(400);
    assert_eq!((code, &*err), (0, ""), "{out}");
    let first = runs(&corpus.join("no-steps"));
    assert!(first.len() >= 3, "{first:?}");
    let head = std::fs::read_to_string(corpus.join("corpus.json")).unwrap();
    let (_, rest) = head.split_once("\"0x0+1\": ").unwrap();
    let plain: u64 = rest.split_once('\n').unwrap().0.trim().parse().unwrap();
    assert!((180..=400).contains(&plain), "{head}");
    // The saved runs come first; and plain ones go on where they were.
    let (_, out, _) = explore(first.len() as u64);
    assert!(out.contains(&format!("features in {} runs", first.len())), "{out}");
    let again = std::fs::read_to_string(corpus.join("corpus.json")).unwrap();
    assert_eq!(again, head);
    let (_, out, _) = explore(400);
    assert!(!out.contains("0 features in"), "{out}");
    assert_ne!(std::fs::read_to_string(corpus.join("corpus.json")).unwrap(), head);
}

#[cfg(unix)]
#[test]
fn a_corpus_that_cannot_be_written_hides_no_failure() {
    for (scenario, seeds, verdict) in [("three-steps", 4000, 1), ("no-steps", 400, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let (corpus, pages) = (folder.path().join("corpus"), folder.path().join("pages"));
        let line = |seeds: u64| {
            let (corpus, pages) = (corpus.display(), pages.display());
            format!("explore {scenario} --guided --seeds {seeds} --jobs 1 --corpus {corpus} --html {pages}")
        };
        assert_eq!(eagain(&line(20)).0, 0);
        // No folder, and none can be made.
        let runs = corpus.join(scenario);
        std::fs::remove_dir_all(&runs).unwrap();
        std::os::unix::fs::symlink("no/such/place", &runs).unwrap();
        let (code, out, err) = eagain(&line(seeds));
        assert!(code == verdict && out.contains("\nhash 0x"), "{code} {out}");
        assert_eq!(out.contains("FAILED three-steps"), verdict == 1, "{out}");
        assert!(err.contains(&format!("error: {}: ", runs.display())), "{err}");
    }
    // A folder that cannot be made is said before the first run.
    let (code, out, err) = eagain("explore no-steps --guided --corpus /dev/null/corpus");
    assert!((code, out.as_str()) == (2, "") && err.starts_with("error: /dev/null/corpus"), "{err}");
}

#[test]
fn shards_have_corpora_that_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for shard in 0..2 {
        let corpus = at(&format!("part-{shard}"));
        let line = format!(
            "explore no-steps --guided --seeds 600 --jobs 1 --shard {shard}/2 --corpus {}",
            corpus.display()
        );
        assert_eq!(eagain(&line).0, 0);
    }
    let [whole, a, b] = ["whole", "part-0", "part-1"].map(at);
    let (code, out, err) =
        eagain(&format!("merge {} {} --corpus {}", a.display(), b.display(), whole.display()));
    assert_eq!((code, &*err), (0, ""), "{out}");
    let names = |folder: &Path| {
        runs(&folder.join("no-steps"))
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut both = [names(&a), names(&b)].concat();
    both.sort();
    both.dedup();
    assert_eq!(names(&whole), both);
    let head = std::fs::read_to_string(whole.join("corpus.json")).unwrap();
    assert!(head.contains("\"0x0+2\"") && head.contains("\"0x1+2\""), "{head}");
    assert_eq!(eagain(&format!("explore no-steps --guided --seeds 300 --corpus {}", whole.display())).0, 0);
}

#[test]
fn a_damaged_run_is_set_aside_and_the_others_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("c");
    let line = format!("explore no-steps --guided --seeds 300 --jobs 1 --corpus {}", corpus.display());
    assert_eq!(eagain(&line).0, 0);
    let all = runs(&corpus.join("no-steps"));
    let text = std::fs::read_to_string(&all[0]).unwrap();
    std::fs::write(&all[0], text.replace("\"seed\": \"0x", "\"seed\": \"0x1")).unwrap();
    std::fs::write(&all[1], b"\x1b[0m\0not json").unwrap();
    std::fs::write(corpus.join("no-steps/other.json"), text.replace("no-steps", "three-steps")).unwrap();
    let (code, _, err) = eagain(&line);
    assert_eq!(code, 0, "{err}");
    assert_eq!(err.lines().filter(|line| line.contains("set aside as ")).count(), 3, "{err}");
    assert!(
        err.contains("its digest is of other content") && err.contains("a run of another scenario"),
        "{err}"
    );
    assert!(!err.contains('\x1b') && !err.contains('\0'));
    assert!(all[0].with_extension("damaged").is_file());
    // Set aside once: it is not met again.
    assert_eq!(eagain(&line).2, "");
}

#[test]
fn a_corpus_of_something_else_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("c");
    let explore =
        |what: &str| eagain(&format!("explore {what} --guided --seeds 50 --corpus {}", corpus.display()));
    assert_eq!(explore("no-steps").0, 0);
    let head = std::fs::read_to_string(corpus.join("corpus.json")).unwrap();
    let refused = |what: &str, says: &str| {
        let (code, _, err) = explore(what);
        assert!(code == 2 && err.contains(says) && err.trim_end().lines().count() == 1, "{code} {err}");
    };
    refused("three-steps", "a corpus of `no-steps`, which is not in this sweep");
    refused("no-steps --set pace=quick", "a corpus of other settings: none, and here pace=quick");
    std::fs::write(corpus.join("corpus.json"), head.replace("\"format\": 1", "\"format\": 9")).unwrap();
    refused("no-steps", "corpus format 9; this build reads format 1");
    std::fs::write(corpus.join("corpus.json"), "{").unwrap();
    refused("no-steps", "not the head of a corpus");
    std::fs::remove_file(corpus.join("corpus.json")).unwrap();
    refused("no-steps", "not a corpus: it has no corpus.json");
    let nothing = folder.path().join("nothing");
    let (code, _, err) = eagain(&format!("merge {} --corpus {}", nothing.display(), corpus.display()));
    assert!(code == 2 && err.contains("no corpus"), "{err}");
    let (code, _, err) = eagain("explore no-steps --corpus somewhere");
    assert!(code == 2 && err.contains("--guided"), "{err}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    /// A file comes from anywhere: whatever is in it, the corpus is used, it is set aside, or it is refused in a line.
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, at in 0_usize..200, byte: u8) {
        let folder = tempfile::tempdir().unwrap();
        let corpus = folder.path().join("c");
        let line = format!("explore no-steps --guided --seeds 30 --jobs 1 --corpus {}", corpus.display());
        proptest::prop_assert_eq!(eagain(&line).0, 0);
        let all = runs(&corpus.join("no-steps"));
        std::fs::write(&all[0], &bytes).unwrap();
        proptest::prop_assert_eq!(eagain(&line).0, 0);
        let head = corpus.join("corpus.json");
        let mut text = std::fs::read(&head).unwrap();
        let length = text.len();
        text[at % length] = byte;
        std::fs::write(&head, text).unwrap();
        proptest::prop_assert!([0, 2].contains(&eagain(&line).0));
    }
}
