//! What is run on the simulator: scenarios about our server, planted bugs by which the simulator is measured, and what
//! Linux does, row by row. The runner and the oracles' vocabulary are `eagain_sim`'s; this is content.
//!
//! ```text
//!   server/*  ──►  script  ──►  run  ──►  our server, on the simulated kernel or on tokio
//!   (data)                       ├────►  client/*  ──►  workload, history
//!                                └────►  checker/*      what has to hold
//!
//!   durability/*, cluster/*      servers that begin again on a disk; clients whose history has to be linearizable
//!   bugs/*                       a planted bug a file
//!   mutants                      our server, breaking its promises, by a setting or by what stands `between`; a scenario finds each
//!   conform/*                    random programs on the simulated kernel and on Linux, compared
//! ```

pub mod between;
pub mod bugs;
pub mod checker;
pub mod client;
pub mod cluster;
pub mod conform;
pub mod durability;
pub mod history;
pub mod mutants;
pub mod resp;
pub mod run;
pub mod script;
pub mod server;
pub mod workload;

use eagain_sim::run::Scenario;

// What a server holds is measured (O4), in every binary that runs scenarios.
eagain_sim::count_memory!();

/// Buffers may be tighter than Linux's smallest in this world: `send(2)` promises no more than one byte.
fn with_tightest_buffers(sim: &mut eagain_sim::Sim) {
    sim.knobs().tight_buffer_min = 1;
}

const LISTS: &[&[Scenario]] = &[server::ALL, &[cluster::on_turmoil::SCENARIO], durability::ALL, cluster::ALL];

/// What a sweep runs.
pub const SCENARIOS: &[Scenario] = &join::<_, { total(LISTS) }>(LISTS);

/// How long the lists are together.
const fn total<T>(lists: &[&[T]]) -> usize {
    let (mut list, mut total) = (0, 0);
    while list < lists.len() {
        total += lists[list].len();
        list += 1;
    }
    total
}

/// The lists as one, `N` being their [`total`].
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
    assert!(at == N, "N is their total");
    all
}
