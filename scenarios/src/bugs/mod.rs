//! Planted bugs, each a real defect of an event-driven program re-created against the kernel traits by its mechanism: a
//! file a bug, the defect behind one switch, the twin the same program with the switch off. `kit` is what their
//! workloads share; `on_tokio` has those of programs on tokio, which the stream layer finds.
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

mod accept_spin;
mod answering;
mod cancelled_timer;
mod close_unread;
mod connect_unchecked;
mod gather_write;
mod kit;
mod lost_wakeup;
mod multishot_ended;
mod on_tokio;
mod oneshot_rearm;
mod oneshot_too_early;
mod pipelined_request;
mod pooled_after_timeout;
mod scripted_send;
mod signal_before_wait;
mod stale_event;
mod write_before_read;

use crate::{cluster, durability};
use eagain_sim::PlantedBug;

/// All of them, by class.
pub const PLANTED: &[PlantedBug] = &[
    oneshot_rearm::BUG,
    gather_write::BUG,
    pipelined_request::BUG,
    scripted_send::BUG,
    close_unread::BUG,
    accept_spin::BUG,
    connect_unchecked::BUG,
    stale_event::BUG,
    write_before_read::BUG,
    cancelled_timer::BUG,
    signal_before_wait::BUG,
    multishot_ended::BUG,
    lost_wakeup::BUG,
    oneshot_too_early::BUG,
    pooled_after_timeout::BUG,
    durability::PLANTED[0],
    durability::PLANTED[1],
    durability::PLANTED[2],
    durability::PLANTED[3],
    durability::PLANTED[4],
    cluster::PLANTED[0],
    cluster::PLANTED[1],
    on_tokio::PLANTED[0],
    on_tokio::PLANTED[1],
    on_tokio::PLANTED[2],
    on_tokio::PLANTED[3],
    on_tokio::PLANTED[4],
    on_tokio::PLANTED[5],
    on_tokio::PLANTED[6],
    on_tokio::PLANTED[7],
    on_tokio::PLANTED[8],
    on_tokio::PLANTED[9],
    on_tokio::PLANTED[10],
    on_tokio::PLANTED[11],
];

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
            oracles: &[$($oracle),+],
            defect: eagain_sim::run::Scenario {
                name: $name,
                about: $about,
                knobs: &[],
                seeds: 64,
                body: |sim| build(sim, true),
            },
            twin: eagain_sim::run::Scenario {
                name: $twin,
                about: concat!("repaired: ", $about),
                knobs: &[],
                seeds: 64,
                body: |sim| build(sim, false),
            },
        };
    };
}
use planted;
