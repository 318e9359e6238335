//! A SYN that meets a SYN (RFC 9293 3.5, simultaneous open): a socket that calls itself, and two that call each other. A call that a
//! full backlog has not answered is one that is still under way when the other comes.

crate::rows! {
    socket_that_calls_itself_is_connected_to_itself: "
        epoll e
        socket c
        bind c
        add e c IN|OUT|RDHUP|ET = ok
        wait e 4 = c:OUT|HUP
        connect c c = EINPROGRESS
        wait e 4 = c:OUT
        connect c c = ok
        connect c c = EISCONN
        name c = c
        peer c = c
        listen c 1 = EINVAL
        send c 5 = 5
        wait e 4 = c:IN|OUT
        recv c 3 = 3
        wait e 4 = none
        recv c 9 = 2
        recv c 9 = EAGAIN
        wait e 4 = none
        send c 1 oob = 1
        poll c IN|PRI|OUT|RDHUP = PRI|OUT
        recv c 1 oob = 1
        poll c IN|PRI|OUT|RDHUP = OUT
    ";
    socket_that_calls_itself_waits_for_itself: "
        socket c block
        bind c
        connect c c = ok
        connect c c = EISCONN
        send c 5 = 5
        recv c 9 = 5
    ";
    socket_connected_to_itself_ends_both_ways_at_once: "
        epoll e
        socket c
        bind c
        connect c c = EINPROGRESS
        connect c c = ok
        add e c IN|OUT|RDHUP|ET = ok
        wait e 4 = c:OUT
        send c 5 = 5
        shutdown c wr = ok
        wait e 4 = c:IN|OUT|HUP|RDHUP
        recv c 3 = 3
        recv c 9 = 2
        recv c 9 = 0
        error c = 0
        peer c = ENOTCONN
        send c 1 = EPIPE
        shutdown c wr = ENOTCONN
    ";
    disconnect_while_bytes_have_not_left_is_econnreset: "
        server l 2
        rcvbuf l 4096
        pair a b l
        shutdown b wr = ok
        send a 100000
        shutdown a wr = ok
        disconnect a = ok
        error a = ECONNRESET
        pair a b l
        shutdown b wr = ok
        send a 1 = 1
        shutdown a wr = ok
        disconnect a = ok
        error a = 0
    ";
    socket_connected_to_itself_and_shut_for_reading_still_reads: "
        socket c
        bind c
        connect c c = EINPROGRESS
        connect c c = ok
        shutdown c rd = ok
        poll c IN|OUT|RDHUP = IN|OUT|RDHUP
        send c 3 = 3
        recv c 9 = 3
        recv c 9 = 0
        shutdown c wr = ok
        poll c IN|OUT|RDHUP = IN|OUT|HUP|RDHUP
    ";
    port_of_a_socket_connected_to_itself_waits_after_it: "
        socket c
        bind c
        connect c c = EINPROGRESS
        connect c c = ok
        close c
        socket d
        bindto d c = EADDRINUSE
    ";
    port_of_a_socket_that_reset_itself_is_free: "
        socket c
        bind c
        connect c c = EINPROGRESS
        connect c c = ok
        linger c 0
        close c
        socket d
        bindto d c = ok
        socket a
        bind a
        connect a a = EINPROGRESS
        connect a a = ok
        send a 3 = 3
        close a
        socket b
        bindto b a = ok
    ";
    sockets_that_call_each_other_are_connected: "
        epoll e
        socket l
        reuse l 1
        bind l
        listen l 0
        socket q
        connect q l = EINPROGRESS
        socket a
        bind a
        add e a IN|OUT|RDHUP|ET = ok
        wait e 4 = a:OUT|HUP
        connect a l = EINPROGRESS
        wait e 4 = none
        poll a IN|OUT|RDHUP = none
        close l
        close q
        socket b
        reuse b 1
        bindto b l = ok
        add e b IN|OUT|RDHUP|ET = ok
        wait e 4 = b:OUT|HUP
        connect b a = EINPROGRESS
        wait e 4 = b:OUT a:OUT
        connect a l = ok
        connect b a = ok
        name a = a
        peer a = b
        peer b = a
        send a 3 = 3
        recv b 9 = 3
        send b 4 = 4
        recv a 9 = 4
        shutdown a wr = ok
        recv b 9 = 0
        close b
        wait e 4 = a:IN|OUT|HUP|RDHUP
        recv a 9 = 0
    ";
    socket_that_is_called_back_and_shut_resets: "
        socket l
        reuse l 1
        bind l
        listen l 0
        socket q
        connect q l = EINPROGRESS
        socket a
        bind a
        connect a l = EINPROGRESS
        close l
        close q
        socket b
        reuse b 1
        bindto b l = ok
        connect b a = EINPROGRESS
        linger b 0
        close b
        error a = ECONNRESET
        poll a IN|OUT|RDHUP = IN|OUT|HUP|RDHUP
    ";
}
