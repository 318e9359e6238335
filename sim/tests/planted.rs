//! `bugs` looks for the bugs that a crate plants by a knob `version`, with settings, and says what else their defect breaks.
#![cfg(feature = "cli")]

mod common;

use eagain_net::*;
use eagain_sim::cli::Registry;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use eagain_sim::{Oracle, PlantedBug, choose, fail, runner::engine};
use std::time::Duration;

const KNOBS: &[Knob] = &[
    Knob { name: "version", about: "", values: KnobValues::Words(&["fixed", "hasty", "harmless"]) },
    Knob { name: "rare", about: "", values: KnobValues::Number { low: 1, high: 1000, default: 3 } },
];

/// Breaks O2 or O1 where it is hasty, and with `rare` 1000 never.
const VERSIONED: Scenario = Scenario {
    name: "versioned",
    about: "a client that may be hasty",
    knobs: KNOBS,
    seeds: 8,
    body: |sim| {
        let (hasty, rare) = (sim.word("version") == "hasty", sim.number("rare"));
        let host = sim.host("host");
        sim.client(host, "client", move |k| {
            sleep(k, Duration::from_micros(5));
            match choose("what", 0, rare) {
                1 if hasty && rare < 1000 => fail("O2", "hasty", String::new()),
                2 if hasty && rare < 1000 => fail("O1", "other", String::new()),
                _ => {}
            }
        });
    },
};

/// Its fixed version fails with each seed that finds it, and holds with seeds from 0 on.
const ENTRY: PlantedBug = PlantedBug {
    name: "not-mended",
    source: "B00",
    class: 'a',
    about: "the fixed version has the same bug",
    oracles: &[Oracle::ByteIntegrity],
    defect: Scenario { name: "not-mended", ..DEFECT },
    twin: Scenario { name: "not-mended-twin", ..DEFECT },
};

const DEFECT: Scenario = Scenario {
    name: "",
    about: "",
    knobs: &[],
    seeds: 8,
    body: |sim| {
        let host = sim.host("host");
        sim.client(host, "client", |_| match choose("what", 0, 300) {
            7 => fail("O2", "bytes", String::new()),
            8 => fail("O1", "pairs", String::new()),
            _ => {}
        });
    },
};

const REGISTRY: Registry = Registry {
    scenarios: &[VERSIONED],
    bugs: &[ENTRY],
    extras: &[],
    regressions: "no such folder",
    executor: engine::make,
};

fn eagain(line: &str) -> (u8, String, String) {
    common::eagain(&REGISTRY, line)
}

#[test]
fn each_word_of_a_knob_version_but_the_first_is_a_planted_bug() {
    let (code, out, err) = eagain("bugs versioned:hasty --bases 3 --twin-seeds 20 --jobs 1");
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("versioned:hasty") && out.contains("3/3") && out.contains("holds"), "{out}");
    assert_eq!(eagain("bugs versioned:harmless --bases 1 --seeds 20 --twin-seeds 1").0, 1, "none to find");
    let (code, _, err) = eagain("bugs versioned:hast");
    assert!(code == 2 && err.contains("did you mean `versioned:hasty`?"), "{err}");
}

#[test]
fn the_whole_table_has_what_the_guided_search_makes_of_it_too() {
    let (code, out, err) =
        eagain("bugs versioned:hasty --all --bases 3 --seeds 500 --twin-seeds 20 --jobs 1");
    assert_eq!(code, 0, "{out}{err}");
    let rows: Vec<Vec<&str>> = out
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let [head, _, row] = &rows[..] else { panic!("{out}") };
    let cell = |name: &str| {
        row[head.iter().position(|cell| *cell == name).unwrap_or_else(|| panic!("{name}: {out}"))]
    };
    assert_eq!(
        (row.len(), cell("bug"), cell("found"), cell("guided: found")),
        (head.len(), "`versioned:hasty`", "3/3", "3/3")
    );
    assert!(cell("times as quick").parse::<f64>().is_ok_and(|times| times > 0.0), "{out}");
    assert!(out.contains("\nguided, of the 1 hardest: "), "{out}");
    let (code, out, _) = eagain("bugs versioned:harmless --all --bases 2 --seeds 20 --twin-seeds 1 --json");
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &rows[0]["guided"]["guided"]["found_from"]), (1, &0.into()), "a miss is in the table");
    assert_eq!(eagain("bugs --all --guided").0, 2);
}

#[test]
fn settings_apply_to_both_versions_and_to_nobody_who_has_no_such_knob() {
    let never = eagain("bugs versioned:hasty --set rare=1000 --bases 1 --seeds 50 --twin-seeds 1");
    assert_eq!(never.0, 1, "{}", never.1);
    let (code, out, err) = eagain("bugs --set rare=2 --bases 1 --seeds 50 --twin-seeds 1 --json");
    assert_eq!(code, 1, "{err}");
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert!(err.contains("skipped: not-mended: "), "{err}");
    assert_eq!(eagain("bugs --set version=hasty").0, 2);
}

#[test]
fn another_oracle_is_named_and_the_seeds_that_find_try_the_fixed_version_too() {
    let (code, out, err) = eagain("bugs not-mended --bases 4 --twin-seeds 0 --jobs 1");
    assert_eq!(code, 1);
    assert!(out.contains("FAILS"), "{out}");
    assert!(err.contains("not-mended: also broke reply pairing (O1) at pairs"), "{err}");
    assert!(err.contains("not-mended: its fixed version fails: byte integrity (O2) at bytes"), "{err}");
}
