//! Planted bugs of many connections in one loop, classes f to j: accept, connect, descriptor numbers used again, slow peers and
//! fairness, timers.

mod accept_emfile_spin;
mod accept_error_ends_loop;
mod announced_length_trusted;
mod catches_up_after_step;
mod closed_but_duplicated;
mod completions_without_end;
mod connect_without_so_error;
mod connected_before_reader;
mod done_before_handler_is_set;
mod exclusive_wakes_the_first;
mod negative_time_on_the_wire;
mod paused_listener_polled;
mod periodic_from_schedule;
mod reads_while_records_come;
mod registered_by_number;
mod shared_epoll_spin;
mod stale_event_of_reused_fd;
mod tick_zero_is_never;
mod timeout_rounded_down;
mod timer_after_cancel;
mod unix_connect_given_up;
mod update_bit_left_behind;
mod write_all_before_reading;
mod write_while_connecting;
mod writes_until_full;

use eagain_sim::PlantedBug;

pub(super) const PLANTED: &[PlantedBug] = &[
    accept_emfile_spin::BUG,
    accept_error_ends_loop::BUG,
    shared_epoll_spin::BUG,
    exclusive_wakes_the_first::BUG,
    paused_listener_polled::BUG,
    connect_without_so_error::BUG,
    unix_connect_given_up::BUG,
    done_before_handler_is_set::BUG,
    connected_before_reader::BUG,
    write_while_connecting::BUG,
    stale_event_of_reused_fd::BUG,
    closed_but_duplicated::BUG,
    update_bit_left_behind::BUG,
    registered_by_number::BUG,
    writes_until_full::BUG,
    completions_without_end::BUG,
    announced_length_trusted::BUG,
    write_all_before_reading::BUG,
    reads_while_records_come::BUG,
    timeout_rounded_down::BUG,
    periodic_from_schedule::BUG,
    tick_zero_is_never::BUG,
    timer_after_cancel::BUG,
    negative_time_on_the_wire::BUG,
    catches_up_after_step::BUG,
];
