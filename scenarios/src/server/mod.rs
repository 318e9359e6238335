//! Scenarios about one server: which clients come, what may go wrong, and what is special about the server. Each is data, a
//! file of its name; `crate::run` runs it, on the simulated kernel or on tokio. [`bounds`], [`expiry`], [`idle_stop`],
//! [`transactions`] and those about what is no request with its reply are written in code, and [`nonblocking_ring`] has a server of
//! its own.

pub mod black_holes;
pub mod bounds;
pub mod channels;
pub mod connect_storm;
pub mod crash_and_partition;
pub mod expiry;
pub mod fd_exhaustion;
pub mod flooder;
pub mod graceful_stop;
pub mod half_closer;
pub mod idle_stop;
pub mod idle_timeout;
pub mod lingering_peers;
pub mod never_reader;
pub mod nonblocking_ring;
pub mod one_byte_writer;
pub mod pauses;
pub mod pipelining;
pub mod reset_in_mid_request;
pub mod shared_queue;
pub mod silent_peers;
pub mod slow_listener;
pub mod slow_log;
pub mod slow_reader;
pub mod steady_load;
pub mod swizzled_hosts;
pub mod transactions;
pub mod unix_socket;
pub mod unread_requests;
pub mod waiting_line;
pub mod wrong_clocks;

use eagain_sim::run::Scenario;

/// All of them, in the order of a sweep.
pub const ALL: &[Scenario] = &[
    steady_load::SCENARIO,
    pipelining::SCENARIO,
    slow_reader::SCENARIO,
    half_closer::SCENARIO,
    one_byte_writer::SCENARIO,
    connect_storm::SCENARIO,
    reset_in_mid_request::SCENARIO,
    idle_timeout::SCENARIO,
    fd_exhaustion::SCENARIO,
    graceful_stop::SCENARIO,
    idle_stop::SCENARIO,
    flooder::SCENARIO,
    wrong_clocks::SCENARIO,
    black_holes::SCENARIO,
    swizzled_hosts::SCENARIO,
    silent_peers::SCENARIO,
    lingering_peers::SCENARIO,
    never_reader::SCENARIO,
    nonblocking_ring::SCENARIO,
    expiry::SCENARIO,
    transactions::SCENARIO,
    bounds::SCENARIO,
    crash_and_partition::SCENARIO,
    channels::SCENARIO,
    slow_listener::SCENARIO,
    waiting_line::SCENARIO,
    shared_queue::SCENARIO,
    pauses::SCENARIO,
    unix_socket::SCENARIO,
    slow_log::SCENARIO,
    unread_requests::SCENARIO,
];

/// The [`Scenario`] of the file's `SCRIPT`, and its test.
macro_rules! scenario {
    () => {
        /// The scenario.
        pub const SCENARIO: eagain_sim::run::Scenario = eagain_sim::run::Scenario {
            name: SCRIPT.name,
            about: SCRIPT.about,
            knobs: crate::script::KNOBS,
            seeds: 64,
            body: |sim| crate::run::run(sim, &SCRIPT),
        };

        eagain_sim::scenario_tests! {
            holds => SCENARIO;
        }
    };
}
use scenario;
