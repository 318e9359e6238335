//! What a run is made of ([`RunSpec`]) and its result ([`RunReport`]): plain values, shared by the runner, the shrinker, the
//! reports and the command line.

use super::Feature;
use crate::choice::{Base, Key, Made, Overrides, fnv1a};
use crate::oracles::headline;
use crate::trace::{Record, TraceLog};
use crate::{Oracle, Sim};
use std::collections::BTreeMap;

/// A scenario: a world to build and what must hold in it. [`scenarios!`](crate::scenarios) makes it; the [example](crate) shows one
/// made by hand.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// One line for `eagain list`.
    pub about: &'static str,
    /// What `--set` and `EAGAIN_SET` can change.
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

/// The values that `--set` or `EAGAIN_SET` gave, by knob; defaults are not in it.
pub type Settings = BTreeMap<String, String>;

/// Everything that a run depends on. Programs write it out, as here; what a run keeps belongs into [`Record`], so that this stays
/// as it is:
///
/// ```
/// use eagain_sim::choice::{Base, Overrides};
/// use eagain_sim::run::{Record, RunSpec, Scenario, Settings};
///
/// fn rerun(scenario: Scenario, base: Base, overrides: Overrides) -> RunSpec {
///     RunSpec { scenario, settings: Settings::new(), base, overrides, record: Record::Trace, events_max: None }
/// }
/// ```
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
    /// The number of events after which the run is ended, as a failure by [`CUT_OFF`]. For shrinking, where a run that is much longer
    /// no longer fails as it did. Runs on tokio ignore it.
    pub events_max: Option<u64>,
}

/// The site of a run that was stopped from outside: the time of a sweep is over, or it was interrupted. Such a run counts as neither
/// held nor failed.
pub const INTERRUPTED: &str = "interrupted";

/// The site of a run that exceeded [`RunSpec::events_max`].
pub const CUT_OFF: &str = "cut off";

impl RunSpec {
    /// A run with these settings and this base, without overrides, that keeps only its hash.
    pub fn new(scenario: Scenario, settings: Settings, base: Base) -> RunSpec {
        let (overrides, record) = (Overrides::new(), Record::Hash);
        RunSpec { scenario, settings, base, overrides, record, events_max: None }
    }

    /// As [`RunSpec::new`], with a seed as its base.
    pub fn seeded(scenario: Scenario, settings: Settings, seed: u64) -> RunSpec {
        RunSpec::new(scenario, settings, Base::Seed(seed))
    }
}

/// The result of a run.
pub struct RunReport {
    /// The trace hash: two runs are the same exactly when it is the same.
    pub hash: u64,
    /// System calls made.
    pub calls: u64,
    /// Simulated time that passed, in nanoseconds.
    pub simulated: u64,
    /// The first oracle that broke.
    pub failure: Option<Failure>,
    /// Why the scenario cannot run with these settings (a model and a pattern that make no sense together, say). Not a failure.
    pub refused: Option<String>,
    /// [`refused`](RunReport::refused) is a mistake of the scenario, such as a knob that it does not have; no settings help.
    pub mistaken: bool,
    /// Settings that were given and that the scenario has not read.
    pub unread: Vec<String>,
    /// Nothing was tested: why.
    pub empty: Option<Empty>,
    /// How often each fault family changed something; only families that are on in this run.
    pub faults: BTreeMap<&'static str, u64>,
    /// The names of the `sometimes` that this run called, and whether each was true at least once.
    pub sometimes: BTreeMap<&'static str, bool>,
    /// The choices that are not 0, where they were recorded.
    pub choices: Vec<(Key, u64)>,
    /// What else is known of these, in the same order.
    pub made: Vec<Made>,
    /// Overrides whose keys this run never asked for.
    pub unused: Vec<Key>,
    /// The events, where they were recorded.
    pub trace: Option<TraceLog>,
    /// What the simulated programs printed, stamped with virtual time.
    pub output: String,
    /// The stacks of all threads at [`Record::StopAt`], a text for people.
    pub stacks: String,
    /// The features that were counted for a guided search, if it was one (see [`Execute::run_guided`](crate::runner::Execute::run_guided)).
    pub features: Vec<Feature>,
}

impl RunReport {
    /// The report of a run whose process or thread was lost; its hash is made of the failure.
    pub fn lost(failure: Failure) -> RunReport {
        RunReport {
            hash: fnv1a(failure.site.bytes()),
            calls: 0,
            simulated: 0,
            failure: Some(failure),
            refused: None,
            mistaken: false,
            unread: Vec::new(),
            empty: None,
            faults: BTreeMap::new(),
            sometimes: BTreeMap::new(),
            choices: Vec::new(),
            made: Vec::new(),
            unused: Vec::new(),
            trace: Some(TraceLog::default()),
            output: String::new(),
            stacks: String::new(),
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
    /// Where: a literal name such as `deadlock`, or the `file:line` of a panic.
    pub site: String,
    /// The process that it concerns, or its thread: `server`, `server/0` for the first, `server/worker` by the name that it was
    /// given, `server/0.*` for one without that the first has made. No number of a start or a thread: those move when other work is
    /// left out. Empty: none in particular.
    pub thread: String,
    /// The text for people; it does not identify the failure.
    pub message: String,
    /// The simulated time, in nanoseconds.
    pub time: u64,
    /// The number of the last event before.
    pub event: u64,
}

impl Failure {
    /// What broke, in a line: `liveness (O6) at deadlock`, `panic in server/0 at src/main.rs:12 (O16)`.
    pub fn headline(&self) -> String {
        headline(self.oracle.code(), self.oracle.name(), &self.site, &self.thread)
    }

    /// What makes two failures the same one, wherever that is asked (shrinking, replaying, the folder of a failure): oracle,
    /// site and thread, not the text. A sweep counts by oracle and site alone: see [`FailureKind`](crate::runner::summary::FailureKind).
    pub fn fingerprint(&self) -> (Oracle, String, String) {
        (self.oracle, self.site.clone(), self.thread.clone())
    }
}
