//! Planted bugs, each a real defect of an event-driven program re-created against the kernel traits by its mechanism: a
//! file a bug, of its name, in the folder of its class; the defect is behind one switch, the twin is the same program with
//! the switch off. A defect of our server is a part of it, replaced by a broken one (`crate::durability::replaced`); the twin is the server as it is. `common`
//! and `epoll_server` are what the other programs share; `on_tokio` has those of programs on tokio, which the stream layer
//! finds. A test compares the files with [`PLANTED`].
//!
//! | class | is about |
//! |---|---|
//! | a | edge-triggered readiness, arming again |
//! | b | partial writes, pending output |
//! | c | short reads, framing |
//! | d | `EAGAIN` and `EINTR` misread |
//! | e | half-close, hang-up, reset |
//! | f | accept |
//! | g | connect |
//! | h | descriptor numbers used again |
//! | i | slow peers, back-pressure, fairness |
//! | j | timers and clocks |
//! | k | signals |
//! | l | completion rings |
//! | m | threads and queues |
//! | n | durability |
//! | o | pools and reconnecting |

mod common;
mod common_later;
mod common_lines;
mod common_replies;
mod common_ring;
mod common_services;
mod common_sessions;
mod common_turns;
mod connections;
mod epoll_server;
mod on_tokio;
mod streams;
mod system;

use crate::{join, total};
use eagain_sim::PlantedBug;

const LISTS: &[&[PlantedBug]] = &[streams::PLANTED, connections::PLANTED, system::PLANTED, on_tokio::PLANTED];

/// All of them, by class.
pub const PLANTED: &[PlantedBug] = &join::<_, { total(LISTS) }>(LISTS);

/// A [`PlantedBug`] made of one `fn build(sim: &mut Sim, defect: bool)`.
macro_rules! planted {
    ($name:literal, $source:literal, $class:literal, [$($oracle:literal),+], $about:literal) => {
        $crate::bugs::planted!(
            @named $name, concat!($name, "-twin"), $source, $class, [$($oracle),+], $about
        );
    };
    (
        @named $name:expr, $twin:expr,
        $source:literal, $class:literal, [$($oracle:literal),+], $about:literal
    ) => {
        /// The bug and its twin.
        pub const BUG: eagain_sim::PlantedBug = eagain_sim::PlantedBug {
            name: $name,
            source: $source,
            class: $class,
            about: $about,
            oracles: &[$(eagain_sim::Oracle::of($oracle)),+],
            defect: eagain_sim::run::Scenario {
                name: $name,
                about: $about,
                knobs: &[],
                seeds: 64,
                body: |sim| {
                    crate::with_tightest_buffers(sim);
                    build(sim, true);
                },
            },
            twin: eagain_sim::run::Scenario {
                name: $twin,
                about: concat!("repaired: ", $about),
                knobs: &[],
                seeds: 64,
                body: |sim| {
                    crate::with_tightest_buffers(sim);
                    build(sim, false);
                },
            },
        };
    };
}
use planted;
