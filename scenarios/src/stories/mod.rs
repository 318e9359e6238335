//! Stories about our server: each a world with clients of some character, the faults that may befall them, and what must
//! hold in the end. What they have in common is `crate::world`.

pub mod black_holes;
pub mod byte_by_byte;
pub mod connect_storm;
pub mod fd_exhaustion;
pub mod flooding;
pub mod graceful_stop;
pub mod half_closing;
pub mod idle_timeout;
pub mod nonblocking_ring;
pub mod pipelining;
pub mod reset_midway;
pub mod silent_peers;
pub mod slow_reading;
pub mod steady_load;
pub mod swizzled_hosts;
pub mod wrong_clocks;

use eagain_sim::run::Scenario;

/// All of them, in the order in which they are told.
pub const ALL: &[Scenario] = &[
    steady_load::SCENARIO,
    pipelining::SCENARIO,
    slow_reading::SCENARIO,
    half_closing::SCENARIO,
    byte_by_byte::SCENARIO,
    connect_storm::SCENARIO,
    reset_midway::SCENARIO,
    idle_timeout::SCENARIO,
    fd_exhaustion::SCENARIO,
    graceful_stop::SCENARIO,
    flooding::SCENARIO,
    wrong_clocks::SCENARIO,
    black_holes::SCENARIO,
    swizzled_hosts::SCENARIO,
    silent_peers::SCENARIO,
    nonblocking_ring::SCENARIO,
    crate::tokio_world::weather::SCENARIO,
    crate::tokio_world::cluster::SCENARIO,
];

/// A story whose telling is `fn body(sim: &mut Sim)`.
macro_rules! story {
    ($name:literal, $about:literal) => {
        /// The story.
        pub const SCENARIO: eagain_sim::run::Scenario = eagain_sim::run::Scenario {
            name: $name,
            about: $about,
            knobs: crate::world::KNOBS,
            seeds: 64,
            body: |sim| match sim.word("model").as_str() {
                "tokio" => crate::tokio_world::tell(sim, $name),
                _ => body(sim),
            },
        };
    };
}
use story;
