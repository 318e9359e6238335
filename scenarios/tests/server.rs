//! Each scenario about one server as an ordinary test, and each file of them in the list.

use eagain_scenarios::server::*;

eagain_sim::scenario_tests! {
    steady_load_holds => steady_load::SCENARIO;
    pipelining_holds => pipelining::SCENARIO;
    slow_reader_holds => slow_reader::SCENARIO;
    half_closer_holds => half_closer::SCENARIO;
    one_byte_writer_holds => one_byte_writer::SCENARIO;
    connect_storm_holds => connect_storm::SCENARIO;
    reset_in_mid_request_holds => reset_in_mid_request::SCENARIO;
    idle_timeout_holds => idle_timeout::SCENARIO;
    fd_exhaustion_holds => fd_exhaustion::SCENARIO;
    graceful_stop_holds => graceful_stop::SCENARIO;
    flooder_holds => flooder::SCENARIO;
    wrong_clocks_holds => wrong_clocks::SCENARIO;
    black_holes_holds => black_holes::SCENARIO;
    swizzled_hosts_holds => swizzled_hosts::SCENARIO;
    silent_peers_holds => silent_peers::SCENARIO;
    nonblocking_ring_holds => nonblocking_ring::SCENARIO;
}
