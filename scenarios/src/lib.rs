//! What is run on the simulator: stories about our server, and planted bugs by which the simulator is measured.
//! The runner and the oracles' vocabulary are `eagain_sim`'s; this is content.

pub mod bugs;
pub mod conform;

use eagain_sim::run::Scenario;

/// What a sweep runs.
pub const SCENARIOS: &[Scenario] = &[];
