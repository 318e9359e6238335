//! What random programs found: each was a difference between the kernels once, and a mistake of the simulator.

crate::rows! {
    send_to_socket_shut_both_ways_resets_connection: "
        server l 2
        pair c s l
        shutdown s rdwr
        send c 1 = 1
        recv s 0 = ECONNRESET
        send c 0 = EPIPE
    ";
    getsockname_keeps_port_after_failed_connect: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        connect c l = ECONNREFUSED
        name c = c
        bind c = ok
    ";
    autobound_port_is_released_when_connection_ends: "
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
    shutdown_after_failed_connect_is_enotconn_then_connect_einval: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        shutdown c rd = ENOTCONN
        connect c l = EINVAL
    ";
    setting_so_rcvlowat_is_an_edge: "
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
    poll_of_epoll_set_drops_entries_that_are_not_ready: "
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
    signal_raised_by_own_call_is_handled_before_it_returns: "
        server l 2
        pair c s l
        setown s 1
        async s 1
        handled = none
        send c 1
        handled = SIGIO
    ";
    shutdown_wakes_peer_before_own_socket: "
        server l 2
        epoll e
        pair c s l
        add e s 0
        add e c IN
        shutdown s rdwr
        wait e 8 = c:IN s:HUP
    ";
    listener_shutdown_wakes_queued_clients_before_listener: "
        server l 2
        epoll e
        socket c
        connect c l
        add e c 0
        add e l 0
        shutdown l rdwr
        wait e 8 = c:ERR|HUP l:HUP
    ";
    signalfd_entry_is_rechecked_by_every_signal: "
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
    fasync_is_kept_by_sockets_only: "
        eventfd v 0 0
        async v 1 = ok
        flags v = O_NONBLOCK
    ";
    peer_close_sends_two_sigio: "
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
    peer_fin_sends_two_sigio_after_own_shutdown: "
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
    ack_of_fin_is_delayed_until_data_is_sent: "
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
    accepted_socket_inherits_shutdown_of_listener: "
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
    eventfd_write_of_other_than_8_bytes_is_einval: "
        eventfd v 0 0
        write v 9 = EINVAL
        write v 7 = EINVAL
    ";
    shut_down_listener_keeps_its_port: "
        server l 2
        shutdown l rd = ok
        listen l 2 = ok
        socket c
        connect c l = EINPROGRESS
        poll c OUT = OUT
    ";
    bound_port_survives_failed_connect: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        bind c = ok
        connect c l = ECONNREFUSED
        bind c = EINVAL
    ";
    epoll_waiters_wake_before_sigio_owner: "
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
    new_connect_clears_error_of_previous_one: "
        server l 0
        socket a
        connect a l
        socket c
        connect c l = EINPROGRESS
        shutdown c rdwr = ok
        connect c l = EINPROGRESS
        poll c IN|OUT|RDHUP = none
    ";
    reading_after_more_than_one_mss_sends_ack: "
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
    reading_data_before_fin_does_not_ack_fin: "
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
