//! What a run is made of and what is left of it: plain values, shared by the runner, the shrinker, the reports and
//! the command line. The doing is in [`crate::sim`].

use super::Feature;
use crate::choice::{Base, Key, Overrides, fnv1a};
use crate::trace::{Record, TraceLog};
use crate::{Oracle, Sim};
use std::collections::BTreeMap;

/// A scenario: a world to build and what must hold in it.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// How it is called: lower case and hyphens.
    pub name: &'static str,
    /// What it is about, in a line.
    pub about: &'static str,
    /// What can be set from outside.
    pub knobs: &'static [Knob],
    /// How many seeds `cargo test` runs.
    pub seeds: u64,
    /// Builds the world and runs it.
    pub body: fn(&mut Sim),
}

/// A setting of a scenario (`--set name=value`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knob {
    /// Its key.
    pub name: &'static str,
    /// What it changes, in a line.
    pub about: &'static str,
    /// What it may be; the first is the default.
    pub values: KnobValues,
}

/// The values that a knob takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnobValues {
    /// One of these words; the first is the default.
    Words(&'static [&'static str]),
    /// A number between two bounds, both included, and the default.
    Number {
        /// The smallest.
        low: u64,
        /// The largest.
        high: u64,
        /// What it is when it is not set.
        default: u64,
    },
}

/// Settings by knob: what `--set` gave, nothing that it did not.
pub type Settings = BTreeMap<String, String>;

/// Everything that a run depends on.
#[derive(Clone)]
pub struct RunSpec {
    /// The scenario.
    pub scenario: Scenario,
    /// The knobs that are set.
    pub settings: Settings,
    /// Where choices come from.
    pub base: Base,
    /// Choices that are fixed.
    pub overrides: Overrides,
    /// What to keep besides the hash.
    pub record: Record,
    /// The number of events after which nobody waits for the run's end any more: it is cut off, as a failure by
    /// [`CUT_OFF`]. For shrinking, where a run that has got this far no longer fails as it did. Not for runs of tokio's.
    pub events_max: Option<u64>,
}

/// What ends a run that is stopped from outside: the time of a sweep is over, or it was interrupted. Such a run says nothing.
pub const INTERRUPTED: &str = "interrupted";

/// What ends a run that exceeds [`RunSpec::events_max`].
pub const CUT_OFF: &str = "cut off";

impl RunSpec {
    /// The whole run of a base, of which the hash is kept.
    pub fn new(scenario: Scenario, settings: Settings, base: Base) -> RunSpec {
        let (overrides, record) = (Overrides::new(), Record::Hash);
        RunSpec { scenario, settings, base, overrides, record, events_max: None }
    }

    /// As [`RunSpec::new`], of a seed.
    pub fn seeded(scenario: Scenario, settings: Settings, seed: u64) -> RunSpec {
        RunSpec::new(scenario, settings, Base::Seed(seed))
    }
}

/// What is left of a run.
pub struct RunReport {
    /// The trace hash: *the* identity of the run.
    pub hash: u64,
    /// System calls made.
    pub calls: u64,
    /// Simulated time that passed, in nanoseconds.
    pub simulated: u64,
    /// The first oracle that broke.
    pub failure: Option<Failure>,
    /// Why the scenario cannot run with these settings (a model and a pattern that make no sense together, say). Not a failure.
    pub refused: Option<String>,
    /// [`refused`](RunReport::refused) is a mistake of the scenario: it asks for a knob that it does not have. No settings mend it.
    pub mistaken: bool,
    /// Nothing was tested: why.
    pub empty: Option<Empty>,
    /// How often each fault family changed something; only families that are on in this run.
    pub faults: BTreeMap<&'static str, u64>,
    /// The names of the `sometimes` that were reached, and of those that were passed without being so.
    pub sometimes: BTreeMap<&'static str, bool>,
    /// The choices that are not 0, where they were recorded.
    pub choices: Vec<(Key, u64)>,
    /// Overrides whose keys this run never asked for.
    pub unused: Vec<Key>,
    /// The events, where they were recorded.
    pub trace: Option<TraceLog>,
    /// What the simulated programs printed, stamped with virtual time.
    pub output: String,
    /// What it did, coarsely, where that was counted (see [`Execute::run_guided`](crate::runner::Execute::run_guided)).
    pub features: Vec<Feature>,
}

impl RunReport {
    /// What is left of a run that was lost with what it ran in; its identity is how it ended.
    pub fn lost(failure: Failure) -> RunReport {
        RunReport {
            hash: fnv1a(failure.site.bytes()),
            calls: 0,
            simulated: 0,
            failure: Some(failure),
            refused: None,
            mistaken: false,
            empty: None,
            faults: BTreeMap::new(),
            sometimes: BTreeMap::new(),
            choices: Vec::new(),
            unused: Vec::new(),
            trace: Some(TraceLog::default()),
            output: String::new(),
            features: Vec::new(),
        }
    }
}

/// Why a run tested nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Empty {
    /// No process is a client: the run is over when all of these have ended, so at once.
    NoClient,
    /// No program made a call.
    NoCall,
}

impl std::fmt::Display for Empty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Empty::NoClient => "it has no client, whose end a run waits for",
            Empty::NoCall => "no program made a call",
        })
    }
}

/// An oracle that broke.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Which.
    pub oracle: Oracle,
    /// Where: a literal name, or the `file:line` of a panic.
    pub site: String,
    /// The process that it concerns, or its thread: `server`, `server/0` for the first, `server/worker` by the name that it was
    /// given, `server/0.*` for one without that the first has made. No number of a start or a thread: those move when other work is
    /// left out. Empty: none in particular.
    pub thread: String,
    /// What was seen, for people.
    pub message: String,
    /// The simulated time, in nanoseconds.
    pub time: u64,
    /// The number of the last event before.
    pub event: u64,
}

impl Failure {
    /// What makes two failures the same one, wherever that is asked (shrinking, replaying, the folder of a failure): oracle,
    /// site and thread, not the text. A sweep counts by oracle and site alone: see [`FailureKind`](crate::runner::summary::FailureKind).
    pub fn fingerprint(&self) -> (Oracle, String, String) {
        (self.oracle, self.site.clone(), self.thread.clone())
    }
}
