//! Planted bugs of what stands around the loop, classes k to o: signals, completion rings, threads and queues, durability, pools
//! and reconnecting.

mod accept_torn_tail;
mod append_behind_torn;
mod condvar_signal_without_mutex;
pub(super) mod double_apply;
mod missing_directory_fsync;
mod missing_fsync;
mod multishot_accept_ended;
mod oneshot_armed_too_early;
mod pooled_after_timeout;
mod reply_before_sync;
pub(super) mod reply_mix_up;
mod signal_before_wait;

use eagain_sim::PlantedBug;

pub(super) const PLANTED: &[PlantedBug] = &[
    signal_before_wait::BUG,
    multishot_accept_ended::BUG,
    condvar_signal_without_mutex::BUG,
    oneshot_armed_too_early::BUG,
    missing_fsync::BUG,
    reply_before_sync::BUG,
    accept_torn_tail::BUG,
    append_behind_torn::BUG,
    missing_directory_fsync::BUG,
    pooled_after_timeout::BUG,
    reply_mix_up::BUG,
    double_apply::BUG,
];
