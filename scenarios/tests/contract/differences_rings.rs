//! What random programs of the second generator found: rings, AIO, two threads, wrong arguments. Each was a difference
//! between the kernels once, and a mistake of the simulator.

crate::rows! {
    sigpipe_of_aio_write_wakes_signalfd: "
        server l 0 = ok
        epoll e = ok
        pair a b l = ok
        ring 64 0 = ok
        signalfd g usr2 = ok
        u-poll e IN 0 = ok
        shutdown b wr = ok
        enter 0 = none
        add e g 0 = ok
        aio-write b 5 = EPIPE
        enter 0 = 1:IN
    ";
    cancelled_operation_completes_last: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-recv b 0 = ok
        u-cancel 1 = ok
        u-recv c 0 = ok
        enter 0 = 2:0 3:EBADF 1:ECANCELED
    ";
    ring_connect_retries_after_first_econnaborted: "
        server l 0 = ok
        ring 64 0 = ok
        socket b = ok
        close l = ok
        u-connect b l = ok
        u-recv b 0 = ok
        enter 0 = 2:ECONNREFUSED
        enter 0 = 1:ECONNREFUSED
    ";
    operation_in_flight_keeps_closed_file_until_work_runs: "
        server l 1 = ok
        pair b c l = ok
        ring 64 0 = ok
        u-recv b 1 = ok
        u-recv c 1 = ok
        enter 0 = none
        close b = ok
        u-cancel 1 = ok
        enter 0 = 3:0 1:ECANCELED
        enter 0 = 2:0
    ";
    multishot_poll_keeps_its_place_in_wait_queue: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-provide 1 8 = ok
        u-poll a IN|OUT 1 = ok
        u-group a 0 = ok
        enter 0 = 1:0 2:OUT+
        aio-write b 1 = 1
        enter 0 = 3:1#0 2:IN+
    ";
    multishot_recv_ignores_so_rcvlowat: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-provide 1 8 = ok
        lowat a 8 = ok
        u-group a 1 = ok
        send b 12 = 12
        enter 0 = 1:0 2:8#0+ 2:ENOBUFS
    ";
    poll_woken_without_events_stays_armed: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-recv a 5 = ok
        u-provide 1 8 = ok
        u-group a 1 = ok
        enter 0 = 2:0
        u-send b 1 = ok
        u-send b 1 = ok
        writev b 1 = 1
        enter 0 = 4:1 5:1 3:3#0+
    ";
    ready_multishot_poll_completes_after_inline_operations: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-poll b OUT 1 = ok
        u-send b 0 = ok
        enter 0 = 2:0 1:OUT+
    ";
    waitall_recv_continues_in_next_task_work: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-recv a 5 waitall = ok
        enter 0 = none
        write b 1 = 1
        shutdown b wr = ok
        enter 0 = none
        enter 0 = 1:1
    ";
    recv_woken_twice_retries_twice_at_eof: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-provide 1 8 = ok
        u-group a 1 = ok
        write a 1 = 1
        enter 0 = 1:0
        send b 1 = 1
        pair c b l = ok
        enter 0 = 2:1#0+ 2:ENOBUFS
    ";
    ring_read_of_epoll_set_is_einval_once_ready: "
        epoll e = ok
        eventfd v 1 0 = ok
        ring 64 0 = ok
        u-read e 0 = ok
        u-write e 0 = ok
        enter 0 = none
        add e v IN = ok
        enter 0 = 1:EINVAL
        enter 0 = none
    ";
    signal_wakes_poll_of_epoll_set_with_signalfd: "
        epoll e = ok
        ring 64 0 = ok
        signalfd g rt1 = ok
        u-poll e IN 0 = ok
        add e g 0 = ok
        enter 0 = none
        raise usr1 = ok
        enter 0 = 1:IN
    ";
    link_timeout_without_target_is_einval_and_cancels_chain: "
        ring 64 0 = ok
        link 1 = ok
        u-nop = ok
        link 1 = ok
        u-link-timeout 0 = ok
        link 2 = ok
        u-link-timeout 0 = ok
        u-nop = ok
        enter 0 = 1:ECANCELED 2:ECANCELED 3:EINVAL 4:ECANCELED
        link 2 = ok
        u-link-timeout 0 = ok
        u-link-timeout 0 = ok
        u-nop = ok
        enter 0 = 5:EINVAL 7:0 6:EINVAL
    ";
    expired_timeout_does_not_count_completions: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        link 1 = ok
        u-send b 0 = ok
        u-timeout 1 0 = ok
        u-timeout 1 0 = ok
        enter 0 = 1:0 3:0 2:0
    ";
    timeout_whose_count_was_skipped_expires_by_time: "
        server l 0 = ok
        pair a b l = ok
        ring 64 0 = ok
        send b 5 = 5
        u-timeout 1 0 = ok
        u-provide 3 1 = ok
        u-group a 1 = ok
        u-timeout 1 0 = ok
        enter 0 = 2:0 3:1#0+ 3:1#1+ 3:1#2+ 3:ENOBUFS 4:0
        u-nop = ok
        u-timeout 2 0 = ok
        u-timeout 1 0 = ok
        enter 0 = 5:0 7:0
        u-nop = ok
        enter 0 = 8:0 6:0
        u-timeout 3 1 = ok
        enter 1 = 9:ETIME
    ";
    accepts_wake_one_at_a_time_after_polls: "
        server l 1 = ok
        ring 64 0 = ok
        u-accept l b 0 = ok
        u-accept l d 0 = ok
        u-poll l IN 0 = ok
        enter 0 = none
        socket c = ok
        connect c l = EINPROGRESS
        enter 0 = 3:IN 1:ok
        socket a = ok
        connect a l = EINPROGRESS
        enter 0 = 2:ok
    ";
    sigio_of_aio_read_that_finds_nothing_pends: "
        pipe a c = ok
        sigblock io = ok
        setown c 1 = ok
        async c 1 = ok
        aio-read a 1 = EAGAIN
        sigwait io = SIGIO/Kernel
    ";
    cancelled_accept_takes_wake_ups_until_work_runs: "
        server l 4 = ok
        ring 64 0 = ok
        socket a = ok
        socket b = ok
        u-accept l c 0 = ok
        u-accept l d 0 = ok
        enter 0 = none
        u-cancel 1 = ok
        u-connect a l = ok
        u-connect b l = ok
        enter 0 = 3:0 1:ECANCELED 4:0 5:0
        enter 0 = none
        socket p = ok
        connect p l = EINPROGRESS
        enter 0 = 2:ok
    ";
    cut_datagram_of_recv_for_all_breaks_the_link: "
        ring 64 0 = ok
        upair c a 1 = ok
        sendmsg a 1 = 1
        link 1 = ok
        u-recv c 0 waitall = ok
        enter 0 = 1:0 2:ECANCELED
        sendmsg a 4 = 4
        link 1 = ok
        u-recv c 3 waitall = ok
        enter 0 = 3:3 4:ECANCELED
        sendmsg a 4 = 4
        link 1 = ok
        u-recv c 4 waitall = ok
        enter 0 = 5:4 6:0
        sendmsg a 4 = 4
        link 1 = ok
        u-recv c 5 waitall = ok
        enter 0 = 7:4 8:ECANCELED
    ";
    multishot_recv_ready_at_start_retries_twice_at_eof: "
        server l 0 = ok
        pair a b l = ok
        ring 64 0 = ok
        shutdown b rd = ok
        write a 1 = 1
        u-provide 3 1 = ok
        u-group b 1 = ok
        u-send a 1 = ok
        enter 0 = 1:0 2:1#0+ 3:1 2:1#1+ 2:0
    ";
    pending_signal_blocks_read_at_urgent_mark: "
        server l 0 = ok
        pair a b l = ok
        ring 64 0 = ok
        setown a 1 = ok
        async a 1 = ok
        send a 5 oob = 5
        readv a 5 = EAGAIN
        send a 1 = 1
        recv b 4 = 4
        u-send b 1 = ok
        u-read b 1 = ok
        u-cancel 2 = ok
        enter 0 = 1:1 3:ENOENT
        enter 0 = 2:1
    ";
    pending_signal_blocks_zero_length_recv_at_urgent_mark: "
        server l 0 = ok
        pair a b l = ok
        ring 64 0 = ok
        setown a 1 = ok
        async a 1 = ok
        send a 5 oob = 5
        send a 1 = 1
        recv b 4 = 4
        u-send b 1 = ok
        u-recv b 0 = ok
        enter 0 = 1:1
        enter 0 = 2:0
    ";
    pending_signal_blocks_multishot_recv_at_urgent_mark: "
        server l 0 = ok
        pair a b l = ok
        ring 64 0 = ok
        setown a 1 = ok
        async a 1 = ok
        send a 5 oob = 5
        send a 1 = 1
        recv b 4 = 4
        u-send b 1 = ok
        u-provide 3 1 = ok
        u-group b 1 = ok
        enter 0 = 2:0 1:1
        enter 0 = none
        send a 1 = 1
        enter 0 = 3:1#0+ 3:1#1+
    ";
    aio_read_of_signalfd_does_not_see_signals_of_own_thread: "
        sigblock usr1 = ok
        signalfd g usr1 = ok
        raise usr1 = ok
        aio-read g 128 = EAGAIN
        read g 128 = 128
    ";
    zero_length_aio_read_is_0_without_a_read: "
        server l 2 = ok
        pair a b l = ok
        aio-read a 0 = 0
        aio-read a 1 = EAGAIN
    ";
    failed_ring_write_completes_after_inline_errors: "
        ring 64 0 = ok
        socket q = ok
        u-write q 0 = ok
        u-recv r 0 = ok
        enter 0 = 2:EBADF 1:EPIPE
    ";
    operations_cancelled_by_broken_link_complete_last: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        link 1 = ok
        u-read m 0 = ok
        u-send d 0 = ok
        u-nop = ok
        enter 0 = 1:EBADF 3:0 2:ECANCELED
    ";
    buffer_group_recv_reports_enotsock_before_enobufs: "
        ring 64 0 = ok
        epoll f = ok
        u-group f 0 = ok
        socket b = ok
        u-group b 0 = ok
        enter 0 = 1:ENOTSOCK 2:ENOBUFS
    ";
    connect_being_retried_cannot_be_cancelled: "
        server l 0 = ok
        ring 64 0 = ok
        socket b = ok
        u-accept l c 0 = ok
        u-connect b l = ok
        u-cancel 2 = ok
        enter 0 = 3:ENOENT 1:ok 2:0
    ";
    reading_two_segments_to_the_end_acks_fin: "
        server l 0 = ok
        pair a b l = ok
        epoll e = ok
        add e a ET = ok
        send a 1 = 1
        send b 1 = 1
        write a 1 = 1
        write a 1 = 1
        shutdown a rdwr = ok
        wait e 8 = a:HUP
        read b 5 = 3
        wait e 8 = a:HUP
    ";
    close_after_fin_wakes_poll_of_epoll_set_twice: "
        server l 0 = ok
        epoll e = ok
        pair a b l = ok
        ring 64 0 = ok
        add e b ET = ok
        shutdown b wr = ok
        send a 1 = 1
        u-poll e IN 1 = ok
        enter 0 = none
        close a = ok
        wait e 1 = b:HUP
        enter 0 = none
    ";
    timeouts_complete_before_cancelled_links: "
        ring 64 0 = ok
        u-timeout 1 0 = ok
        link 1 = ok
        u-recv q 0 = ok
        u-nop = ok
        enter 0 = 2:EBADF 1:0 3:ECANCELED
    ";
    fin_wakes_poll_of_epoll_set_twice: "
        server l 0 = ok
        epoll e = ok
        pair a b l = ok
        ring 64 0 = ok
        add e a IN|ET = ok
        u-poll e IN 1 = ok
        enter 0 = none
        shutdown b wr = ok
        wait e 1 = a:IN
        enter 0 = none
    ";
    poll_for_pri_is_not_woken_by_connection: "
        server l 0 = ok
        ring 64 0 = ok
        socket r = ok
        u-poll l PRI 0 = ok
        enter 0 = none
        connect r l = EINPROGRESS
        enter 0 = none
    ";
    inline_completions_come_before_multishot_ones: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-send c 0 = ok
        u-provide 1 8 = ok
        u-group b 1 = ok
        write a 1 = 1
        enter 0 = 2:0 1:EBADF 3:1#0+
    ";
    accept_completes_before_connect: "
        server l 0 = ok
        ring 64 0 = ok
        socket d = ok
        u-accept l s 0 = ok
        u-connect d l = ok
        enter 0 = 1:ok 2:0
    ";
    eventfd_writev_checks_each_part: "
        eventfd v 0 0 = ok
        writev v 8 = EINVAL
        read v 8 = EAGAIN
    ";
    writev_without_parts_is_0_unless_file_refuses: "
        socket a = ok
        writev a 0 = 0
        sendmsg a 0 = EPIPE
        readv a 0 = 0
        eventfd v 1 0 = ok
        writev v 0 = 0
        readv v 0 = 0
        epoll e = ok
        writev e 0 = EINVAL
        readv e 0 = EINVAL
    ";
    accept_of_ring_has_the_limit_of_its_submission: "
        server l 0 = ok
        ring 64 0 = ok
        u-accept l c 0 = ok
        socket b = ok
        enter 0 = none
        room 0 = set
        connect b l = EINPROGRESS
        enter 0 = 1:ok
    ";
    multishot_accept_asks_for_no_descriptor_behind_the_last_connection: "
        server l 0 = ok
        ring 64 0 = ok
        epoll f = ok
        room 2 = set
        socket p = ok
        socket c = ok
        connect p l = EINPROGRESS
        u-accept l c 1 = ok
        close f = ok
        enter 0 = 1:ok+
    ";
}
