//! What random programs found: each was a difference between the kernels once, and a mistake of the simulator.

crate::rows! {
    d_data_for_a_socket_that_shut_both_ways_resets_it: "
        server l 2
        pair c s l
        shutdown s rdwr
        send c 1 = 1
        recv s 0 = ECONNRESET
        send c 0 = EPIPE
    ";
    d_getsockname_remembers_the_port_of_a_failed_connect: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        connect c l = ECONNREFUSED
        name c = c
        bind c = ok
    ";
    d_a_port_of_the_kernels_choice_is_given_back_at_the_end: "
        server l 2
        pair c s l
        send s 1
        close c
        bind s = ok
        pair c s l
        send s 1
        close c
        bindto s l = EADDRINUSE
    ";
    d_shutdown_of_a_failed_connect_leaves_nothing: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        shutdown c rd = ENOTCONN
        connect c l = EINVAL
    ";
    d_setting_the_low_water_mark_is_an_edge: "
        server l 2
        epoll e
        pair c s l
        add e s IN|ET
        send c 5
        wait e 8 = s:IN
        lowat s 2 = ok
        wait e 8 = s:IN
        lowat s 9 = ok
        wait e 8 = none
        lowat s 5
        wait e 8 = s:IN
    ";
    d_polling_a_set_strikes_what_is_not_ready: "
        server l 2
        epoll e
        pair c s l
        socket d
        add e s OUT
        add e d 0
        mod e s RDHUP
        poll e IN = IN
        shutdown c wr
        wait e 1 = d:HUP
        wait e 1 = s:RDHUP
    ";
    d_a_signal_of_ones_own_call_comes_before_its_return: "
        server l 2
        pair c s l
        setown s 1
        async s 1
        handled = none
        send c 1
        handled = SIGIO
    ";
    d_the_peer_hears_of_a_shutdown_first: "
        server l 2
        epoll e
        pair c s l
        add e s 0
        add e c IN
        shutdown s rdwr
        wait e 8 = c:IN s:HUP
    ";
    d_callers_hear_of_a_listeners_shutdown_first: "
        server l 2
        epoll e
        socket c
        connect c l
        add e c 0
        add e l 0
        shutdown l rdwr
        wait e 8 = c:ERR|HUP l:HUP
    ";
    d_a_signalfd_hears_of_every_signal: "
        epoll e
        signalfd g usr2
        add e g IN
        socket c
        sigblock usr2
        raise usr1
        add e c 0
        raise usr2
        wait e 8 = g:IN c:HUP
    ";
    d_only_sockets_can_be_asynchronous: "
        eventfd v 0 0
        async v 1 = ok
        flags v = O_NONBLOCK
    ";
    d_the_peers_end_is_two_signals: "
        server l 2
        pair c s l
        setown s 1
        setsig s rt
        async s 1
        handled
        close c
        handled = SIGRTMIN+6 SIGRTMIN+6
        recv s 1 = 0
    ";
    d_the_peers_end_is_two_signals_after_ones_own_too: "
        server l 2
        pair c s l
        setown s 1
        setsig s rt
        async s 1
        sigblock rt
        shutdown s wr
        shutdown c wr
        sigwait rt = SIGRTMIN+6/PollHup/ERR|HUP
        sigwait rt = SIGRTMIN+6/PollIn/IN
        sigwait rt = EAGAIN
    ";
    d_the_acknowledgement_of_a_fin_waits_for_company: "
        server l 2
        epoll e
        pair c s l
        add e c OUT|ET
        wait e 8 = c:OUT
        shutdown c wr
        wait e 8 = c:OUT
        send s 1
        wait e 8 = c:OUT
        send s 1
        wait e 8 = none
    ";
    d_what_a_listener_had_shut_its_connections_have_shut: "
        socket l
        shutdown l rdwr = ENOTCONN
        bind l
        listen l 2 = ok
        socket c
        connect c l = EINPROGRESS
        poll c IN|OUT|RDHUP = IN|OUT|RDHUP
        shutdown c wr = ok
        shutdown c wr = ENOTCONN
        accept l s = c
        poll s IN|OUT|RDHUP = IN|OUT|HUP|RDHUP
    ";
    d_an_eventfd_takes_8_bytes_and_no_more: "
        eventfd v 0 0
        write v 9 = EINVAL
        write v 7 = EINVAL
    ";
    d_a_listener_that_was_shut_keeps_its_address: "
        server l 2
        shutdown l rd = ok
        listen l 2 = ok
        socket c
        connect c l = EINPROGRESS
        poll c OUT = OUT
    ";
    d_a_port_that_was_bound_outlives_a_failed_connect: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        bind c = ok
        connect c l = ECONNREFUSED
        bind c = EINVAL
    ";
    d_those_who_wait_hear_before_the_owner: "
        server l 2
        epoll e
        pair c s l
        signalfd g usr1
        add e s IN
        setown s 1
        add e g IN
        sigblock usr1
        async s 1
        send c 1
        raise usr1
        wait e 8 = s:IN g:IN
    ";
    d_a_new_attempt_forgets_the_error_of_the_last: "
        server l 0
        socket a
        connect a l
        socket c
        connect c l = EINPROGRESS
        shutdown c rdwr = ok
        connect c l = EINPROGRESS
        poll c IN|OUT|RDHUP = none
    ";
    d_more_than_a_full_segment_is_acknowledged_when_some_is_read: "
        server l 0
        pair a b l
        epoll e
        add e a ET
        send a 1
        send b 1
        send a 553
        shutdown a rdwr
        wait e 8 = a:HUP
        recv b 1 = 1
        wait e 8 = a:HUP
    ";
    d_an_end_that_was_not_read_with_the_bytes_before_it_is_not_acknowledged_with_them: "
        server l 0
        pair a b l
        epoll e
        add e a ET
        send a 1
        send b 1
        recv b 1
        send a 300
        send a 2
        shutdown a rdwr
        wait e 8 = a:HUP
        recv b 302 = 302
        wait e 8 = none
    ";
}
