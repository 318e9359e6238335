//! What tests nothing is said, and fails where that was asked for; what shrinks stays the failure that it was; a report fits into
//! an issue.
#![cfg(feature = "cli")]

mod common;

use eagain_net::*;
use eagain_sim::cli::Registry;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use eagain_sim::{choose, fail, runner::engine};
use std::time::Duration;

const COUNT: Knob =
    Knob { name: "count", about: "", values: KnobValues::Number { low: 0, high: 9, default: 1 } };

const fn scenario(name: &'static str, body: fn(&mut eagain_sim::Sim)) -> Scenario {
    Scenario { name, about: "", knobs: &[COUNT], seeds: 4, body }
}

/// A server, which a run does not wait for.
const ALONE: Scenario = scenario("alone", |sim| {
    let host = sim.host("host");
    sim.server(host, "server", |k| {
        sleep(k, Duration::from_millis(1));
        fail("O2", "it ran", String::new());
    });
});

/// A client that makes no call.
const SILENT: Scenario = scenario("silent", |sim| {
    let host = sim.host("host");
    sim.client(host, "client", |_| {});
});

const MISSPELT: Scenario = scenario("misspelt", |sim| {
    let clients = sim.number("cuont");
    let host = sim.host("host");
    sim.client(host, "client", move |k| sleep(k, Duration::from_millis(clients)));
});

/// The second choice is out of range where the first is lower.
const RANGE: Scenario = scenario("range", |sim| {
    let host = sim.host("host");
    sim.client(host, "client", |_| {
        let length = choose("length", 1, 50);
        let place = choose("place", 0, length - 1);
        if place % 8 == 5 {
            fail("O2", "place", format!("place {place} of {length}"));
        }
    });
});

/// The rare panic needs what the common one needs, and more.
const TWO_PANICS: Scenario = scenario("two-panics", |sim| {
    let host = sim.host("host");
    sim.client(host, "client", |_| {
        let (rare, common) = (choose("rare", 0, 3), choose("common", 0, 3));
        assert!(rare != 3 || common != 1, "the rare one");
        assert!(common != 1, "the common one");
    });
});

/// Connections come before the one that fails, each with a thread of its own: the number of the last one's thread shifts with
/// them.
const SHIFTS: Scenario = scenario("shifts", |sim| {
    let host = sim.host("host");
    sim.client(host, "server", |k| {
        let serve = |bad: bool| {
            move || {
                if bad {
                    fail("O2", "bad", String::new())
                }
            }
        };
        for _ in 0..choose("others", 0, 5) {
            thread::spawn(k, "connection", serve(false)).unwrap().join();
        }
        let bad = choose("bad", 0, 1) == 1;
        thread::spawn(k, "connection", serve(bad)).unwrap().join();
    });
});

const LONG: Scenario = scenario("long", |sim| {
    let host = sim.host("host");
    sim.client(host, "client", |k| {
        for _ in 0..100 {
            sleep(k, Duration::from_millis(1));
            eagain_sim::print(&"p".repeat(5_000));
        }
        fail("O2", "body", "é`".repeat(50_000));
    });
});

/// A `sometimes` that no run passes, and one that all do.
const NEVER: Scenario = scenario("never", |sim| {
    sim.sometimes(&["the branch", "the path"]);
    let host = sim.host("host");
    sim.client(host, "client", |k| {
        sleep(k, Duration::from_millis(1));
        eagain_sim::sometimes("the path", true);
    });
});

const TWINS: Scenario = scenario("twins", |sim| {
    for _ in 0..2 {
        let host = sim.host("host");
        sim.client(host, "client", |_| eagain_sim::print(&choose("number", 0, 1 << 40).to_string()));
    }
});

const REGISTRY: Registry = Registry {
    scenarios: &[ALONE, SILENT, MISSPELT, RANGE, TWO_PANICS, SHIFTS, LONG, NEVER, TWINS],
    bugs: &[],
    extras: &[],
    regressions: "no such folder",
    executor: engine::make,
};

/// Exit status, and all that is said.
fn eagain(line: &str) -> (u8, String) {
    let (code, out, err) = common::eagain(&REGISTRY, line);
    (code, out + &err)
}

#[test]
fn runs_that_test_nothing_are_named_and_fail_where_strict() {
    for (name, why) in [("alone", "it has no client"), ("silent", "no program made a call")] {
        let (code, text) = eagain(&format!("explore {name} --seeds 3"));
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(&format!("warning: `{name}` tested nothing: {why}")), "{text}");
        assert!(text.contains(&format!("warning: 3 runs of `{name}` tested nothing")), "{text}");
        assert_eq!(eagain(&format!("explore {name} --seeds 3 --strict")).0, 1);
        assert!(eagain(&format!("run {name} --seed 1")).1.contains(why));
    }
}

#[test]
fn a_knob_that_the_scenario_does_not_have_is_a_mistake() {
    for line in ["run misspelt --seed 1", "explore misspelt silent --seeds 3", "check misspelt --seeds 2"] {
        let (code, text) = eagain(line);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("a knob `cuont` that it does not have (did you mean `count`?)"), "{text}");
    }
}

#[test]
fn a_shrunk_run_makes_choices_that_are_possible() {
    let (code, text) = eagain("explore range --seeds 50");
    assert_eq!(code, 1);
    let shrunk = text.lines().find_map(|line| line.trim().strip_prefix("in the shrunk run: place ")).unwrap();
    let (place, length) = shrunk.split_once(" of ").unwrap();
    // With the lowest length there is no such place: a length above it is left beside the place.
    assert!(place.parse::<u64>().unwrap() < length.parse().unwrap(), "{text}");
    assert!(text.contains("choices -> 2"), "{text}");
}

#[test]
fn a_panic_stays_the_same_panic() {
    let (_, text) = eagain("explore two-panics --seeds 200");
    let rare = text.split("FAILED").find(|part| part.contains("the rare one")).unwrap();
    assert!(rare.contains("choices -> 2") && !rare.contains("the common one"), "{rare}");
    assert_eq!(text.matches("\nFAILED two-panics").count(), 2, "{text}");
}

#[test]
fn a_thread_keeps_its_name_where_earlier_threads_are_left_out() {
    let mut left_out = 0;
    for seed in 0..20 {
        let (code, text) = eagain(&format!("run shifts --seed {seed}"));
        assert!(code == 0 || text.contains("1 choice -> 1") || text.contains("choices -> 1"), "{text}");
        left_out += u32::from(text.contains(" choices -> 1"));
    }
    assert!(left_out > 3, "{left_out}");
}

#[test]
fn a_report_fits_into_an_issue_and_nothing_is_lost() {
    let (code, text) = eagain("run long --seed 1");
    assert_eq!(code, 1);
    assert!(text.len() < 80_000, "{} bytes", text.len());
    assert!(text.contains(" bytes left out]"));
    let report = text.lines().find_map(|line| line.strip_prefix("report     ")).unwrap();
    assert!(std::fs::metadata(report).unwrap().len() < 65_536);
    let whole = std::fs::read_to_string(report.replace("report.md", "texts.txt")).unwrap();
    assert!(whole.contains(&"é`".repeat(50_000)) && whole.matches(&"p".repeat(5_000)).count() == 100);
}

#[test]
fn two_processes_of_one_name_choose_for_themselves() {
    let (_, text) = eagain("run twins --seed 1 --trace");
    let printed = text.split("printed\n").nth(1).unwrap();
    let number = |name: &str| printed.split(name).nth(1).unwrap().lines().next().unwrap().to_owned();
    assert_ne!(number("client/0: "), number("client-2/0: "));
}

#[test]
fn a_sometimes_that_is_never_passed_is_named() {
    let (code, text) = eagain("explore never --seeds 3 --strict");
    assert_eq!(code, 1);
    assert!(text.contains("warning: `never` never reached `the branch`"), "{text}");
    assert!(!text.contains("reached `the path`"), "{text}");
}
