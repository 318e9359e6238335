//! Planted bugs: programs with a known defect and the repaired twin, by which the simulator itself is measured.

use crate::Oracle;
use crate::run::{Failure, Scenario};

/// A defect on purpose. Planted bugs are in no sweep.
///
/// A crate plants bugs of its own without this type, by a knob `version` of a scenario: its first word is the fixed version, and
/// `eagain bugs` looks for each of the others, called `SCENARIO:WORD`.
///
/// ```
/// use eagain_sim::run::{Knob, KnobValues};
/// const VERSION: Knob = Knob {
///     name: "version",
///     about: "fixed: a write is repeated until all is written",
///     values: KnobValues::Words(&["fixed", "one-write"]),
/// };
/// // In the scenario: let fixed = sim.word("version") == "fixed";
/// ```
///
/// A bug counts as found when the defect fails, and its fixed version must hold: in seeds from 0 on, and in those that found the
/// defect.
#[derive(Clone, Copy)]
pub struct PlantedBug {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// Which of the catalogue of real bugs it re-creates, `B01` to `B80`; or whose documentation warns of it, `tokio`.
    pub source: &'static str,
    /// The class of the catalogue, `a` to `o`.
    pub class: char,
    /// What goes wrong, in a line.
    pub about: &'static str,
    /// The oracles that may find it; another one that breaks is another bug.
    pub oracles: &'static [Oracle],
    /// The program with the defect.
    pub defect: Scenario,
    /// The same program without the defect; it must hold in every seed.
    pub twin: Scenario,
}

impl PlantedBug {
    /// Whether this failure is the planted one.
    pub fn is_found_by(&self, failure: &Failure) -> bool {
        self.oracles.contains(&failure.oracle)
    }
}
