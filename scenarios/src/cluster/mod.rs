//! An access server, two logic servers and two storage servers, each on a host of its own: killed, without power, cut off,
//! slow, full, restarted one after the other. What the clients saw has to be linearizable, key by key; and when faults
//! have stopped the cluster has to answer again. A scenario is a file; [`on_turmoil`] is the same cluster on tokio.

pub mod channels;
mod disk_full;
mod everything;
mod kill;
mod never_readers;
pub mod on_turmoil;
pub mod partition;
mod power;
pub mod restart_storm;
mod rolling_restart;
pub mod run;
pub mod servers;
mod slow_listener;
mod slow_storage;
mod unread_requests;

use eagain_sim::run::Scenario;

/// All scenarios on the simulated kernel.
pub const ALL: &[Scenario] = &[
    kill::SCENARIO,
    power::SCENARIO,
    partition::SCENARIO,
    slow_storage::SCENARIO,
    restart_storm::SCENARIO,
    rolling_restart::SCENARIO,
    disk_full::SCENARIO,
    everything::SCENARIO,
    never_readers::SCENARIO,
    channels::SCENARIO,
    slow_listener::SCENARIO,
    unread_requests::SCENARIO,
];
