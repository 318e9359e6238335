//! The names of `sometimes!` and `eventually!` that a binary contains, known before any of them is called: each registers itself
//! when the binary is linked.
//!
//! A name does not say which scenario can come to it: it may be in a function that several call. What is known is its file. A scenario
//! is *at home* in the file in which `#[eagain::scenario]` or `scenarios!` declares it, and where its body makes a host, a process or a world of tokio; that is found by calling the body, without running the world. So
//! a name that no run of a sweep passed is reported where it is certain that the sweep should have:
//!
//! - in a file where scenarios are at home: when all of them were in the sweep. Where it is one, the name is its own.
//! - in any other file (a client's code, another crate): when all scenarios of the command were in the sweep. Not where one that is run
//!   by name only, that of a planted bug, is at home in the same folder: what such files share is theirs.
//!
//! A test knows what is declared in its scenario's file: it reports the names there where nothing else is, and those that
//! `Sim::sometimes` and `#[eagain::scenario]` give.

use crate::choice::Base;
use crate::run::{RunSpec, Scenario};
use crate::runner::summary::Sums;
use crate::{Engine, Sim, sim};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[doc(hidden)]
pub use inventory;

/// A name and where it is written.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mark {
    pub file: &'static str,
    pub line: u32,
    pub name: &'static str,
}

inventory::collect!(Mark);

/// A scenario and the file in which it is declared.
#[doc(hidden)]
pub struct Declared {
    pub scenario: &'static str,
    pub file: &'static str,
}

inventory::collect!(Declared);

/// The scenario of this name is declared in this file.
#[doc(hidden)]
#[macro_export]
macro_rules! declared {
    ($name:expr) => {
        const _: () = {
            $crate::marks::inventory::submit! {
                $crate::marks::Declared { scenario: $name, file: ::core::file!() }
            }
        };
    };
}

/// A literal name for [`sometimes`](fn@crate::sometimes) or [`eventually`](fn@crate::eventually), which is known before it is
/// passed: for code that hands names on.
///
/// ```
/// use eagain_sim::{mark, sometimes};
/// fn reached(name: &'static str) {
///     sometimes(name, true);
/// }
/// let never_called = || reached(mark!("the queue was full"));
/// # let _ = never_called;
/// ```
#[macro_export]
macro_rules! mark {
    ($name:literal) => {{
        const _: () = {
            $crate::marks::inventory::submit! {
                $crate::marks::Mark {
                    file: ::core::file!(),
                    line: ::core::line!(),
                    name: $name,
                }
            }
        };
        $name
    }};
}

/// [`sometimes`](fn@crate::sometimes) with a literal name, which is known before it is passed: a sweep that never comes here says
/// so.
#[macro_export]
macro_rules! sometimes {
    ($name:literal, $reached:expr $(,)?) => {
        $crate::sometimes($crate::mark!($name), $reached)
    };
}

/// [`eventually`](fn@crate::eventually) with a literal name, which is known before it is passed: a sweep that never comes here says
/// so.
#[macro_export]
macro_rules! eventually {
    ($name:literal, $holds:expr $(,)?) => {
        $crate::eventually($crate::mark!($name), $holds)
    };
}

/// As [`add_unpassed`], to the sums of a test of `scenario`: the names in the file in which it is declared, where no other scenario is.
pub fn add_unpassed_of(sums: &mut Sums, scenario: &'static str) {
    let declared = || inventory::iter::<Declared>.into_iter();
    let Some(own) = declared().find(|other| other.scenario == scenario) else { return };
    if declared().filter(|other| other.file == own.file).count() > 1 {
        return;
    }
    let names = sums.sometimes.entry(Cow::Borrowed(scenario)).or_default();
    for mark in inventory::iter::<Mark>.into_iter().filter(|mark| mark.file == own.file) {
        names.entry(Cow::Borrowed(mark.name)).or_default();
    }
}

/// Adds to `sums`, those of a sweep over the scenarios called `swept`, the names that it should have passed and did not. `sweeps` are
/// the scenarios that a sweep without names runs, `others` those that are run by name only.
pub fn add_unpassed(sums: &mut Sums, swept: &BTreeSet<&str>, sweeps: &[Scenario], others: &[Scenario]) {
    let marks: BTreeSet<&Mark> = inventory::iter::<Mark>.into_iter().collect();
    // Also by a scenario that the command does not have.
    let is_elsewhere = |mark: &Mark| {
        let mut declared = inventory::iter::<Declared>.into_iter();
        declared.any(|other| other.file == mark.file && !swept.contains(other.scenario))
    };
    // A name that is in one place only was passed there.
    let is_plain = |mark: &Mark| {
        sums.sometimes.values().any(|names| names.contains_key(mark.name))
            && marks.iter().filter(|other| other.name == mark.name).count() == 1
    };
    // Bodies are called for what is in question then, if anything is.
    let asked: Vec<&Mark> =
        marks.iter().copied().filter(|mark| !is_elsewhere(mark) && !is_plain(mark)).collect();
    if asked.is_empty() {
        return;
    }
    let (inside, outside): (Vec<&Scenario>, Vec<&Scenario>) =
        sweeps.iter().chain(others).partition(|scenario| swept.contains(scenario.name));
    let all = sweeps.iter().all(|scenario| swept.contains(scenario.name));
    let here = scenarios_by_file(&inside);
    let has_file_of = |scenario: &str, mark: &Mark| {
        here.get(mark.file).is_some_and(|scenarios| scenarios.contains(&scenario))
    };
    // Names may be the same in several files: a scenario has passed the one in its own.
    let is_passed = |mark: &Mark| {
        sums.sometimes.iter().any(|(scenario, names)| {
            let is_another =
                || marks.iter().any(|other| other.name == mark.name && has_file_of(scenario, other));
            names.contains_key(mark.name) && (has_file_of(scenario, mark) || !is_another())
        })
    };
    let is_due = |mark: &Mark| (all || here.contains_key(mark.file)) && !is_passed(mark);
    let mut unpassed: Vec<&Mark> = asked.into_iter().filter(|mark| is_due(mark)).collect();
    if !unpassed.is_empty() {
        let elsewhere = scenarios_by_file(&outside);
        let folder = |file: &str| Path::new(file).parent().map(Path::to_owned);
        let is_nearby = |mark: &Mark| elsewhere.keys().any(|file| folder(file) == folder(mark.file));
        unpassed.retain(|mark| match here.contains_key(mark.file) {
            true => !elsewhere.contains_key(mark.file),
            false => !is_nearby(mark),
        });
    }
    for mark in unpassed {
        let name = Cow::Borrowed(mark.name);
        if let Some([scenario]) = here.get(mark.file).map(Vec::as_slice) {
            sums.sometimes.entry(Cow::Borrowed(*scenario)).or_default().entry(name).or_default();
        } else {
            sums.unpassed.entry(format!("{}:{}", mark.file, mark.line)).or_default().insert(name);
        }
    }
}

/// By file: the scenarios that are declared there, or make hosts or processes there.
fn scenarios_by_file(scenarios: &[&Scenario]) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut engine = Engine::new();
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for scenario in scenarios {
        let spec = RunSpec { base: Base::Zero, ..RunSpec::seeded(**scenario, Default::default(), 0) };
        let mut made_in = BTreeSet::new();
        let declared =
            inventory::iter::<Declared>.into_iter().filter(|other| other.scenario == scenario.name);
        // Where a body panics, as one of unmodified programs does outside of a worker process, what it has made until then counts.
        sim::run_body(&spec, &mut engine, &mut |sim: &mut Sim| made_in = sim.survey(scenario.body));
        for file in made_in.into_iter().chain(declared.map(|declared| declared.file)).collect::<BTreeSet<_>>()
        {
            files.entry(file).or_default().push(scenario.name);
        }
    }
    files
}
