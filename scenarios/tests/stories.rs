//! Each story as an ordinary test.

use eagain_scenarios::stories::*;

eagain_sim::scenario_tests! {
    steady_load_holds => steady_load::SCENARIO;
    pipelining_holds => pipelining::SCENARIO;
    slow_reading_holds => slow_reading::SCENARIO;
    half_closing_holds => half_closing::SCENARIO;
    byte_by_byte_holds => byte_by_byte::SCENARIO;
    connect_storm_holds => connect_storm::SCENARIO;
    reset_midway_holds => reset_midway::SCENARIO;
    idle_timeout_holds => idle_timeout::SCENARIO;
    fd_exhaustion_holds => fd_exhaustion::SCENARIO;
    graceful_stop_holds => graceful_stop::SCENARIO;
    flooding_holds => flooding::SCENARIO;
    wrong_clocks_holds => wrong_clocks::SCENARIO;
    black_holes_holds => black_holes::SCENARIO;
    swizzled_hosts_holds => swizzled_hosts::SCENARIO;
    silent_peers_holds => silent_peers::SCENARIO;
    nonblocking_ring_holds => nonblocking_ring::SCENARIO;
}
