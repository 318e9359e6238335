//! Planted bugs of many connections in one loop, classes f to j: accept, connect, descriptor numbers used again, slow peers and
//! fairness, timers.

mod accept_emfile_spin;
mod connect_without_so_error;
mod negative_time_on_the_wire;
mod stale_event_of_reused_fd;
mod timer_after_cancel;
mod write_all_before_reading;

use eagain_sim::PlantedBug;

pub(super) const PLANTED: &[PlantedBug] = &[
    accept_emfile_spin::BUG,
    connect_without_so_error::BUG,
    stale_event_of_reused_fd::BUG,
    write_all_before_reading::BUG,
    timer_after_cancel::BUG,
    negative_time_on_the_wire::BUG,
];
