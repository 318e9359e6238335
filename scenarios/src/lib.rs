//! What is run on the simulator: stories about our server, planted bugs by which the simulator is measured, and what
//! Linux does, row by row. The runner and the oracles' vocabulary are `eagain_sim`'s; this is content.
//!
//! ```text
//!   stories ──► world ──► our server, on the simulated kernel
//!      │           └────► checker     what has to hold
//!      └──► actor ──► workload, history
//!
//!   durability, cluster ──► durability::world ──► servers that end and begin again
//! ```

pub mod actor;
pub mod bugs;
pub mod checker;
pub mod cluster;
pub mod conform;
pub mod durability;
pub mod history;
pub mod stories;
pub mod tokio_world;
pub mod workload;
pub mod world;

use eagain_sim::run::Scenario;

// What a server holds is measured (O4), in every binary that tells stories.
eagain_sim::count_memory!();

const PARTS: [&[Scenario]; 3] = [stories::ALL, durability::ALL, cluster::ALL];
const COUNT: usize = PARTS[0].len() + PARTS[1].len() + PARTS[2].len();

/// What a sweep runs.
pub const SCENARIOS: &[Scenario] = &{
    let mut all = [PARTS[0][0]; COUNT];
    let (mut part, mut at) = (0, 0);
    while part < PARTS.len() {
        let mut from = 0;
        while from < PARTS[part].len() {
            all[at] = PARTS[part][from];
            (from, at) = (from + 1, at + 1);
        }
        part += 1;
    }
    all
};
