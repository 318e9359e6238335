//! What random programs of the second generator found: rings, AIO, two threads, wrong arguments. Each was a difference
//! between the kernels once, and a mistake of the simulator.

crate::rows! {
    d_a_broken_pipe_of_aio_wakes_signalfds: "
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
    d_a_cancelled_one_ends_after_the_rest: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-recv b 0 = ok
        u-cancel 1 = ok
        u-recv c 0 = ok
        enter 0 = 2:0 3:EBADF 1:ECANCELED
    ";
    d_a_connect_does_not_believe_the_first_abort: "
        server l 0 = ok
        ring 64 0 = ok
        socket b = ok
        close l = ok
        u-connect b l = ok
        u-recv b 0 = ok
        enter 0 = 2:ECONNREFUSED
        enter 0 = 1:ECONNREFUSED
    ";
    d_a_file_is_let_go_when_the_work_is_done: "
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
    d_a_multishot_poll_keeps_its_place: "
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
    d_a_multishot_receive_looks_at_what_is_there_not_at_the_mark: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-provide 1 8 = ok
        lowat a 8 = ok
        u-group a 1 = ok
        send b 12 = 12
        enter 0 = 1:0 2:8#0+ 2:ENOBUFS
    ";
    d_a_poll_that_was_woken_by_nothing_goes_on: "
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
    d_a_ready_multishot_poll_tells_after_the_rest: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-poll b OUT 1 = ok
        u-send b 0 = ok
        enter 0 = 2:0 1:OUT+
    ";
    d_a_receive_that_waits_for_all_goes_on_with_the_next_work: "
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
    d_a_receive_that_was_woken_twice_looks_twice_at_an_end: "
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
    d_a_set_cannot_be_read_by_a_ring_and_says_so_when_it_is_ready: "
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
    d_a_signal_wakes_the_poll_of_a_set_for_nothing: "
        epoll e = ok
        ring 64 0 = ok
        signalfd g rt1 = ok
        u-poll e IN 0 = ok
        add e g 0 = ok
        enter 0 = none
        raise usr1 = ok
        enter 0 = 1:IN
    ";
    d_a_timeout_linked_behind_nothing_fails_its_chain: "
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
    d_a_timeout_that_is_over_counts_no_more: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        link 1 = ok
        u-send b 0 = ok
        u-timeout 1 0 = ok
        u-timeout 1 0 = ok
        enter 0 = 1:0 3:0 2:0
    ";
    d_a_timeout_whose_count_was_passed_is_over_by_time_only: "
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
    d_accepts_are_woken_one_at_a_time_and_last: "
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
    d_a_multishot_receive_that_was_ready_when_it_began_looks_twice_at_an_end: "
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
    d_a_signal_that_waits_holds_a_read_at_the_urgent_mark: "
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
    d_a_signal_that_waits_holds_a_receive_of_nothing_at_the_urgent_mark: "
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
    d_a_signal_that_waits_holds_a_multishot_receive_at_the_urgent_mark: "
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
    d_an_aio_read_of_a_signalfd_is_by_another_thread: "
        sigblock usr1 = ok
        signalfd g usr1 = ok
        raise usr1 = ok
        aio-read g 128 = EAGAIN
        read g 128 = 128
    ";
    d_an_aio_read_of_nothing_asks_nobody: "
        server l 2 = ok
        pair a b l = ok
        aio-read a 0 = 0
        aio-read a 1 = EAGAIN
    ";
    d_an_error_of_a_ring_write_comes_later: "
        ring 64 0 = ok
        socket q = ok
        u-write q 0 = ok
        u-recv r 0 = ok
        enter 0 = 2:EBADF 1:EPIPE
    ";
    d_links_that_break_end_after_the_rest: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        link 1 = ok
        u-read m 0 = ok
        u-send d 0 = ok
        u-nop = ok
        enter 0 = 1:EBADF 3:0 2:ECANCELED
    ";
    d_no_socket_before_no_buffers: "
        ring 64 0 = ok
        epoll f = ok
        u-group f 0 = ok
        socket b = ok
        u-group b 0 = ok
        enter 0 = 1:ENOTSOCK 2:ENOBUFS
    ";
    d_one_connect_retries_are_no_ones_to_cancel: "
        server l 0 = ok
        ring 64 0 = ok
        socket b = ok
        u-accept l c 0 = ok
        u-connect b l = ok
        u-cancel 2 = ok
        enter 0 = 3:ENOENT 1:ok 2:0
    ";
    d_reading_all_of_two_pieces_acknowledges_the_end: "
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
    d_the_last_end_wakes_the_poll_of_a_set_twice: "
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
    d_timeouts_end_before_broken_links: "
        ring 64 0 = ok
        u-timeout 1 0 = ok
        link 1 = ok
        u-recv q 0 = ok
        u-nop = ok
        enter 0 = 2:EBADF 1:0 3:ECANCELED
    ";
    d_two_ends_wake_the_poll_of_a_set_twice: "
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
    d_urgent_data_alone_wakes_no_poll: "
        server l 0 = ok
        ring 64 0 = ok
        socket r = ok
        u-poll l PRI 0 = ok
        enter 0 = none
        connect r l = EINPROGRESS
        enter 0 = none
    ";
    d_what_has_completed_is_told_before_what_goes_on: "
        server l 2 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-send c 0 = ok
        u-provide 1 8 = ok
        u-group b 1 = ok
        write a 1 = 1
        enter 0 = 2:0 1:EBADF 3:1#0+
    ";
    d_whoever_accepts_hears_before_whoever_connects: "
        server l 0 = ok
        ring 64 0 = ok
        socket d = ok
        u-accept l s 0 = ok
        u-connect d l = ok
        enter 0 = 1:ok 2:0
    ";
    d_an_eventfd_takes_each_part_by_itself: "
        eventfd v 0 0 = ok
        writev v 8 = EINVAL
        read v 8 = EAGAIN
    ";
    d_writing_no_parts_asks_nobody: "
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
}
