//! That nothing is left out: each row of what Linux does has its test, also those that the record of random programs lists.

use std::collections::BTreeSet;
use std::path::Path;

/// The rows, by the numbers under which they were first written down: E and X epoll, P poll masks and select, C connect,
/// A and B listening, R and M ends, W transfers, I, N and S signals, G SIGIO, T and V timers and counters, F futexes,
/// U rings, K AIO. Without a test of their own: e15b, the second half of e15; c9b, a connect that its own SIGIO interrupts,
/// which is c9 with another signal; k6 and k7, native AIO (`io_submit`), which is not among the calls of the traits.
const ROWS: &str = "
    e1 data_queued_add_in_et
    e1b each_arrival_is_an_edge_though_undrained
    e1c partial_read_leaves_no_edge
    e2 report_is_the_full_mask
    e2b own_reads_and_small_writes_are_no_edges
    e3 mod_looks_again_and_arms_again
    e4 oneshot_fires_once_until_mod
    e5 level_reports_rotate
    e6 reports_come_in_the_order_of_arrival
    e6b edges_coalesce_in_first_arrival_order
    e6b mod_of_a_ready_one_appends
    e6c adding_ready_ones_keeps_their_order
    e8 full_buffer_that_is_drained_is_one_edge
    e8b never_full_no_out_edge
    e8c short_write_is_followed_by_an_edge
    e9 close_with_a_dup_left_still_reports
    e9b reused_number_is_another_entry
    e9c last_dup_takes_the_entry_along
    e9d one_file_by_two_numbers_reports_twice
    e9e add_twice_mod_unknown_del_unknown
    e10 closed_before_the_wait
    e11 exclusive_goes_with_few_flags
    e11b one_arrival_is_reported_by_four_sets
    e11b one_arrival_is_reported_by_one_of_four_exclusive_sets
    e11c one_edge_wakes_one_of_four_threads
    e12 descriptors_that_no_set_takes
    e12 regular_file_is_always_ready_and_in_no_set
    e12b set_in_a_set
    e13 empty_mask_reports_the_end
    e14 many_arrivals_one_event
    e15 shut_wr_of_the_peer_is_one_edge
    e15c own_shut_wr_is_an_edge
    e17 edge_triggered_listener
    x1 closing_what_is_watched_wakes_nobody
    x2 poll_sees_at_its_end_that_a_descriptor_was_closed
    c7 fresh_socket_in_a_set
    t5 periodic_timer_that_nobody_reads_is_one_edge
    v1 eventfd_in_a_set
    p1 fresh_and_bound
    p2 listener
    p3 syn_sent
    p4 connected_data_fin
    p5 own_shut_rd
    p6 own_shut_rdwr
    p7 reset_until_the_error_is_taken
    p8 refused_not_waiting
    p9 refused_waiting
    p10 urgent_data
    p11 no_descriptor
    p12 select_reads_the_mask
    p13 select_of_what_is_not_open
    p15 poll_counts_what_is_not_open
    c1 nonblocking_connect
    c1b nonblocking_connect_with_so_error_read_in_between
    c2 refused_connect_with_so_error_read
    c3 refused_connect_with_so_error_not_read
    c4 refused_connect_then_read_and_write
    c6 socket_that_was_never_connected
    c8 calls_while_the_syn_is_sent
    c9 connect_that_a_signal_finds_waiting
    a1 backlog_of_0_takes_1
    a1 backlog_of_1_takes_2
    a2 backlog_of_3_takes_4
    a2 accepting_makes_room_for_the_next_one_only
    a2 syn_that_was_dropped_is_sent_again_after_a_second
    a3 reset_before_accept
    a3 reset_before_accept_peer_first
    a4 data_and_end_before_accept
    a5 listener_is_closed
    a5 connect_to_a_closed_listener_is_refused_after_a_second
    a6 options_that_accept_inherits
    a7 no_descriptor_is_free
    b1 port_in_use
    b1 port_in_time_wait_needs_both_to_reuse
    b1 port_in_time_wait_is_taken_where_both_reuse
    r1 closed_with_unread_data_then_read
    r2 closed_with_unread_data_then_write
    r3 closed_with_unread_data_then_so_error
    r4 data_then_reset_by_unread_data
    r5 data_and_end_then_write
    r6 end_then_write_then_read
    r7 data_then_reset_by_linger
    r8 shut_wr_twice
    r9 half_closed
    r10 reset_is_one_edge
    r11 write_behind_the_end_provokes_a_reset
    r12 closed_with_bytes_still_queued
    r12 what_was_queued_arrives_after_close
    r13 what_was_queued_is_lost_by_a_reset
    r14 linger_0_loses_what_is_queued
    m9 own_shut_rd
    m10 own_shut_rdwr
    w1 nothing_is_written_and_nothing_is_read
    w2 waitall_without_waiting_gives_what_is_there
    w3 trunc_discards
    w4 peek_and_low_water
    w5 read_stops_at_the_urgent_mark
    w6 urgent_data_alone
    w8 sizes_are_doubled_and_have_a_minimum
    w9 interrupted_write_returns_what_it_wrote
    w10 poll_says_writable_again_before_all_is_drained
    i1 waits_for_readiness_are_never_restarted
    i2 sleeps_and_timed_futexes_are_never_restarted
    i3 read_is_restarted_where_asked
    i4 accept_is_restarted_where_asked
    i5 eventfd_read_is_restarted_where_asked
    i6 untimed_futex_is_restarted_where_asked
    i7 read_with_a_timeout_is_never_restarted
    n1 standard_signals_coalesce_and_real_time_ones_queue
    n2 taking_one_by_waiting
    s1 signalfd_gives_a_standard_signal_once
    s2 signalfd_gives_real_time_signals_each
    s3 signalfd_in_a_set
    g1 each_arrival_sends_one_signal
    g2 own_shut_wr_sends_no_signal
    g3 fin_of_the_peer_sends_two_signals
    g4 reset_sends_one_signal
    g5 refused_connect_sends_one_signal
    g6 connect_that_completes_sends_signals
    g7 signals_of_a_listener
    g8 o_async_with_data_queued_sends_no_signal
    g9 plain_sigio_coalesces_and_names_no_descriptor
    g10 real_time_signals_outlive_the_descriptor
    t1 disarmed_timer
    t2 time_in_the_past_fires_at_once
    t3 setting_it_again_forgets_what_was_not_read
    t4 fired_timer_in_a_set
    t6 absolute_time_in_the_past_counts_what_was_missed
    v2 eventfd_counts
    v3 semaphore_gives_one_at_a_time
    f1 mismatch_wake_without_waiter_and_timeouts
    f2 sleepers_are_woken_first_come_first
    f3 requeue_counts_the_woken_and_the_moved
    u2 recv_pends_and_others_complete_first
    u3 operations_on_a_nonblocking_socket_pend_too
    u4 send_is_short_when_the_buffer_fills_and_waits_when_asked_to
    u5 recv_that_waits_for_all_gives_what_came_before_the_end
    u6 four_pending_recvs_complete_in_linux_order
    u6 two_pending_recvs_last_submitted_first
    u6c four_recvs_at_once
    u6c four_recvs_get_the_bytes_in_reverse
    u7 cancel_completes_first_and_its_target_after
    u7 late_cancel_finds_no_target
    u7 dropping_a_ring_ends_what_is_linked_hard_behind
    u8 pending_recv_outlives_the_last_close
    u9 local_shutdown_completes_a_pending_recv
    u10 hard_links_go_on
    u10 links_break_at_a_bad_descriptor
    u10 links_break_at_a_short_waitall
    u10 links_go_on_after_a_short_recv
    u10 what_is_linked_is_begun_by_the_next_work
    u11 linked_timeout_ends_a_recv
    u11 timeout_is_over_by_count
    u11 timeout_is_over_by_time
    u11 data_ends_the_linked_timeout
    u11 what_completes_in_one_go_counts_for_a_timeout_among_it
    u12 multishot_poll_reports_every_wakeup
    u12 wakeup_reports_its_bits
    u12 rdhup_need_not_be_asked_for
    u13 multishot_accept
    u15 multishot_recv_ends_when_the_group_runs_out
    u16 what_overflows_is_flushed_in_order
    u17 two_sends_that_wait_for_all_interleave
    k1 read_and_a_write_on_a_nonblocking_socket
    k2 read_of_a_signalfd_sees_the_signals_of_the_process
    k3 write_behind_a_pending_read_of_the_same_number_waits
    k4 cancel_takes_what_is_queued
    k5 two_queued_reads_fill_in_order
";

/// The names of all rows in the files beside this one whose name begins with `prefix`.
fn names(prefix: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract");
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder of this file") {
        let entry = entry.expect("an entry");
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a file");
        for line in text.lines() {
            let line = line.trim_start().trim_start_matches("fn ");
            let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if line.starts_with(&format!("{name}: \"")) || line.starts_with(&format!("{name}<")) {
                names.insert(name);
            }
        }
    }
    names
}

#[test]
fn every_numbered_row_has_its_test() {
    let names = names("");
    assert!(names.len() > 200, "{names:?}");
    let listed = ROWS.split_whitespace().skip(1).step_by(2);
    let missing: Vec<&str> = listed.filter(|&row| !names.contains(row)).collect();
    assert_eq!(missing, [""; 0]);
}

/// What `docs/CONFORMANCE.md` says was found is there, each as a row.
#[test]
fn every_difference_of_the_record_has_its_row() {
    let docs =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("docs/CONFORMANCE.md");
    let docs = std::fs::read_to_string(docs).expect("the record");
    let (_, found) = docs.split_once("\n## What was found\n").expect("the record has this part");
    let listed = found.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    assert_eq!(listed, names("differences"));
    let generator = format!("generator {}", eagain_scenarios::conform::generate::GENERATOR);
    assert!(docs.contains(&generator), "no record of {generator}");
}
