//! Planted bugs of what one connection carries, classes a to e: readiness and arming again, pending output, framing, `EAGAIN`
//! and `EINTR`, half-close and reset.

mod bare_line_feed;
mod close_before_its_handler;
mod close_with_unread_body;
mod early_reply_lost;
mod end_before_data;
mod end_inside_frame;
mod epoll_mod_one_direction;
mod gather_write_offset;
mod half_close_spin;
mod masked_count_mixed_up;
mod more_data_flag_late;
mod oneshot_one_direction;
mod partial_command_relayed;
mod partial_count_lost;
mod pipelined_request_forgotten;
mod readiness_tick_wraps;
mod reset_while_idle;
mod retry_with_less;
mod retry_without_buffers;
mod scripted_send_incomplete;
mod shutdown_before_flush;
mod spurious_readiness;
mod stale_poll_flag;
mod wait_interrupted_is_fatal;
mod write_handler_removed_early;

use eagain_sim::PlantedBug;

pub(super) const PLANTED: &[PlantedBug] = &[
    readiness_tick_wraps::BUG,
    oneshot_one_direction::BUG,
    close_before_its_handler::BUG,
    epoll_mod_one_direction::BUG,
    more_data_flag_late::BUG,
    gather_write_offset::BUG,
    write_handler_removed_early::BUG,
    stale_poll_flag::BUG,
    shutdown_before_flush::BUG,
    retry_with_less::BUG,
    partial_count_lost::BUG,
    bare_line_feed::BUG,
    partial_command_relayed::BUG,
    end_inside_frame::BUG,
    pipelined_request_forgotten::BUG,
    spurious_readiness::BUG,
    scripted_send_incomplete::BUG,
    wait_interrupted_is_fatal::BUG,
    retry_without_buffers::BUG,
    masked_count_mixed_up::BUG,
    close_with_unread_body::BUG,
    end_before_data::BUG,
    reset_while_idle::BUG,
    half_close_spin::BUG,
    early_reply_lost::BUG,
];
