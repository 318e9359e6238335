//! Planted bugs: programs with a known defect and the repaired twin, by which the simulator itself is measured.

use crate::Oracle;
use crate::run::{Failure, Scenario};

/// A defect on purpose. Planted bugs are in no sweep.
#[derive(Clone, Copy)]
pub struct PlantedBug {
    /// How it is called: lower case and hyphens.
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
    /// The same program without it; no seed may blame it.
    pub twin: Scenario,
}

impl PlantedBug {
    /// Whether this failure is the planted one.
    pub fn is_found_by(&self, failure: &Failure) -> bool {
        self.oracles.contains(&failure.oracle)
    }
}
