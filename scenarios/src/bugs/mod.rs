//! Planted bugs, each a real defect of an event-driven program re-created against the kernel traits by its mechanism: a
//! file a bug, of its name; the defect is behind one switch, the twin is the same program with the switch off. A defect of our
//! server is a part of it, replaced by a broken one (`crate::durability::replaced`); the twin is the server as it is. `common`
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

mod accept_emfile_spin;
mod accept_torn_tail;
mod append_behind_torn;
mod close_with_unread_body;
mod common;
mod condvar_signal_without_mutex;
mod connect_without_so_error;
mod double_apply;
mod epoll_server;
mod gather_write_offset;
mod missing_directory_fsync;
mod missing_fsync;
mod multishot_accept_ended;
mod on_tokio;
mod oneshot_armed_too_early;
mod oneshot_one_direction;
mod pipelined_request_forgotten;
mod pooled_after_timeout;
mod reply_before_sync;
mod reply_mix_up;
mod scripted_send_incomplete;
mod signal_before_wait;
mod stale_event_of_reused_fd;
mod timer_after_cancel;
mod write_all_before_reading;

use crate::{join, total};
use eagain_sim::PlantedBug;

const LISTS: &[&[PlantedBug]] = &[ON_KERNEL, on_tokio::PLANTED];

/// All of them, by class.
pub const PLANTED: &[PlantedBug] = &join::<_, { total(LISTS) }>(LISTS);

const ON_KERNEL: &[PlantedBug] = &[
    oneshot_one_direction::BUG,
    gather_write_offset::BUG,
    pipelined_request_forgotten::BUG,
    scripted_send_incomplete::BUG,
    close_with_unread_body::BUG,
    accept_emfile_spin::BUG,
    connect_without_so_error::BUG,
    stale_event_of_reused_fd::BUG,
    write_all_before_reading::BUG,
    timer_after_cancel::BUG,
    signal_before_wait::BUG,
    multishot_accept_ended::BUG,
    condvar_signal_without_mutex::BUG,
    oneshot_armed_too_early::BUG,
    pooled_after_timeout::BUG,
    missing_fsync::BUG,
    reply_before_sync::BUG,
    accept_torn_tail::BUG,
    append_behind_torn::BUG,
    missing_directory_fsync::BUG,
    reply_mix_up::BUG,
    double_apply::BUG,
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
