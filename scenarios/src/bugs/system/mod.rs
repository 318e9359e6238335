//! Planted bugs of what stands around the loop, classes k to o: signals, completion rings, threads and queues, durability, pools
//! and reconnecting.

mod accept_torn_tail;
mod append_behind_torn;
mod buffer_freed_in_flight;
mod buffer_of_a_cancelled_receive;
mod callback_of_the_reply_before;
mod condvar_signal_without_mutex;
mod disable_waits_for_callback;
pub(super) mod double_apply;
mod handle_closed_while_woken;
mod last_backend_taken_out;
mod missing_directory_fsync;
mod missing_fsync;
mod multishot_accept_ended;
mod no_limit_for_a_lost_peer;
mod one_signal_of_each_number;
mod oneshot_armed_too_early;
mod overflowed_completions;
mod pooled_after_timeout;
mod reconnect_in_step;
mod reply_before_sync;
pub(super) mod reply_mix_up;
mod second_retry_loop;
mod segment_tail_not_synced;
mod short_read_of_a_batch;
mod signal_before_wait;
mod signal_of_a_closed_watcher;
mod signal_queue_overflow;
mod stale_place_in_flight_list;
mod sync_retried_after_error;
mod wakeup_written_under_lock;
mod worker_woken_only_when_empty;

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
    sync_retried_after_error::BUG,
    worker_woken_only_when_empty::BUG,
    disable_waits_for_callback::BUG,
    one_signal_of_each_number::BUG,
    callback_of_the_reply_before::BUG,
    wakeup_written_under_lock::BUG,
    signal_queue_overflow::BUG,
    no_limit_for_a_lost_peer::BUG,
    segment_tail_not_synced::BUG,
    reconnect_in_step::BUG,
    last_backend_taken_out::BUG,
    stale_place_in_flight_list::BUG,
    buffer_freed_in_flight::BUG,
    buffer_of_a_cancelled_receive::BUG,
    overflowed_completions::BUG,
    short_read_of_a_batch::BUG,
    second_retry_loop::BUG,
    handle_closed_while_woken::BUG,
    signal_of_a_closed_watcher::BUG,
];
