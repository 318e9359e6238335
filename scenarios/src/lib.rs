//! What is run on the simulator: stories about our server, planted bugs by which the simulator is measured, and what
//! Linux does, row by row. The runner and the oracles' vocabulary are `eagain_sim`'s; this is content.
//!
//! ```text
//!   stories ──► world ──► our server, on the simulated kernel
//!      │           └────► checker     what has to hold
//!      └──► actor ──► workload, history
//!
//!   durability, cluster ──► durability::server ──► servers that end and begin again
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

/// What a sweep runs.
pub const SCENARIOS: &[Scenario] = &join::<
    _,
    { stories::ALL.len() + durability::ALL.len() + cluster::ALL.len() },
>(&[stories::ALL, durability::ALL, cluster::ALL]);

/// The lists as one, of `N` in all.
const fn join<T: Copy, const N: usize>(lists: &[&[T]]) -> [T; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut from = 0;
        while from < lists[list].len() {
            all[at] = lists[list][from];
            (from, at) = (from + 1, at + 1);
        }
        list += 1;
    }
    assert!(at == N, "N is the length of all lists");
    all
}
