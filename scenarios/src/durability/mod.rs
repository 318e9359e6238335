//! One server that keeps its data, and a disk that loses whatever was not synced: crashes, kills, a full disk, failing
//! syncs, rewrites. What its clients saw has to be linearizable, over all starts of the server; and what is promised in time
//! is measured (`loss`, `always_latency`). A scenario is a file.

pub mod always_latency;
pub mod client;
mod disk_full;
mod everysec;
mod everysec_loss;
mod kill;
pub mod loss;
mod memory_kill;
mod power;
mod prefix;
mod redb_disk_full;
mod redb_everysec;
mod redb_everysec_loss;
mod redb_kill;
mod redb_power;
mod redb_room_again;
mod redb_room_again_everysec;
mod redb_sync_error;
pub mod replaced;
pub mod rewrite;
mod room_again;
mod room_again_everysec;
pub mod run;
pub mod server;
mod sync_error;
mod two_servers;
pub mod workload;

use eagain_sim::run::Scenario;

/// All scenarios.
pub const ALL: &[Scenario] = &[
    kill::SCENARIO,
    power::SCENARIO,
    everysec::SCENARIO,
    everysec_loss::SCENARIO,
    always_latency::SCENARIO,
    disk_full::SCENARIO,
    sync_error::SCENARIO,
    rewrite::SCENARIO,
    memory_kill::SCENARIO,
    redb_kill::SCENARIO,
    redb_power::SCENARIO,
    redb_everysec::SCENARIO,
    redb_everysec_loss::SCENARIO,
    redb_disk_full::SCENARIO,
    redb_sync_error::SCENARIO,
    room_again::SCENARIO,
    room_again_everysec::SCENARIO,
    redb_room_again::SCENARIO,
    redb_room_again_everysec::SCENARIO,
    two_servers::SCENARIO,
];

/// A scenario without knobs whose run is `fn body(sim: &mut Sim)`.
macro_rules! scenario {
    ($name:literal, $about:literal) => {
        /// The scenario.
        pub const SCENARIO: eagain_sim::run::Scenario =
            eagain_sim::run::Scenario { name: $name, about: $about, knobs: &[], seeds: 64, body };
    };
}
pub(crate) use scenario;
