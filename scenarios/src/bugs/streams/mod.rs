//! Planted bugs of what one connection carries, classes a to e: readiness and arming again, pending output, framing, `EAGAIN`
//! and `EINTR`, half-close and reset.

mod close_with_unread_body;
mod gather_write_offset;
mod oneshot_one_direction;
mod pipelined_request_forgotten;
mod scripted_send_incomplete;

use eagain_sim::PlantedBug;

pub(super) const PLANTED: &[PlantedBug] = &[
    oneshot_one_direction::BUG,
    gather_write_offset::BUG,
    pipelined_request_forgotten::BUG,
    scripted_send_incomplete::BUG,
    close_with_unread_body::BUG,
];
