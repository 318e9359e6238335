//! Section 5: resets, ends, shutdowns, and errors that are reported once.

crate::rows! {
    closed_with_unread_data_then_read: "
        server l 2
        pair c s l
        sigblock pipe
        send s 5
        close c
        recv s 9 = ECONNRESET
        recv s 9 = 0
        write s 1 = EPIPE
        pending = SIGPIPE
        error s = 0
    ";
    closed_with_unread_data_then_write: "
        server l 2
        pair c s l
        sigblock pipe
        send s 5
        close c
        write s 1 = ECONNRESET
        pending = none
        write s 1 = EPIPE
        pending = SIGPIPE
        recv s 9 = 0
        shutdown s rdwr = ENOTCONN
    ";
    closed_with_unread_data_then_so_error: "
        server l 2
        pair c s l
        send s 5
        close c
        error s = ECONNRESET
        error s = 0
        recv s 9 = 0
        send s 1 = EPIPE
    ";
    data_then_reset_by_unread_data: "
        server l 2
        pair c s l
        send s 1
        send c 5
        close c
        recv s 9 = 5
        recv s 9 = ECONNRESET
        recv s 9 = 0
    ";
    data_and_end_then_write: "
        server l 2
        pair c s l
        sigblock pipe
        send c 5
        close c
        write s 3 = 3
        write s 3 = EPIPE
        pending = SIGPIPE
        recv s 9 = 5
        recv s 9 = 0
    ";
    end_then_write_then_read: "
        server l 2
        pair c s l
        close c
        send s 3 = 3
        recv s 9 = 0
        error s = EPIPE
        error s = 0
    ";
    data_then_reset_by_linger: "
        server l 2
        pair c s l
        send c 5
        linger c 0
        close c
        recv s 9 = 5
        recv s 9 = ECONNRESET
        recv s 9 = 0
    ";
    shut_wr_twice: "
        server l 2
        pair c s l
        shutdown c wr = ok
        shutdown c wr = ok
        shutdown s wr = ok
        shutdown c wr = ENOTCONN
        shutdown s wr = ENOTCONN
    ";
    half_closed: "
        server l 2
        pair c s l
        sigblock pipe
        shutdown c wr
        send s 5 = 5
        recv c 9 = 5
        send c 1 = EPIPE
        pending = none
        write c 1 = EPIPE
        pending = SIGPIPE
    ";
    reset_is_one_edge: "
        server l 2
        pair c s l
        epoll e
        add e s IN|OUT|RDHUP|ET
        wait e 8 = s:OUT
        linger c 0
        close c
        wait e 8 = s:IN|OUT|ERR|HUP|RDHUP
        error s = ECONNRESET
        wait e 8 = none
    ";
    write_behind_the_end_provokes_a_reset: "
        server l 2
        pair c s l
        epoll e
        add e s IN|OUT|RDHUP|ET
        wait e 8 = s:OUT
        close c
        wait e 8 = s:IN|OUT|RDHUP
        send s 1 = 1
        wait e 8 = s:IN|OUT|ERR|HUP|RDHUP
    ";
    closed_with_bytes_still_queued: "
        server l 2
        rcvbuf l 4096 = 8192
        pair c s l
        send c 30000 = 30000
        close c
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000
        recv s 1000000 = 0
    ";
    linger_0_loses_what_is_queued: "
        server l 2
        pair c s l
        send c 5
        linger c 0
        close c
        recv s 9 = 5
        recv s 9 = ECONNRESET
    ";
    own_shut_rd: "
        server l 2
        pair c s l
        shutdown s rd = ok
        recv s 9 = 0
        send c 5 = 5
        recv s 9 = 5
        recv s 9 = 0
        send s 2 = 2
        recv c 9 = 2
        poll c IN|OUT|RDHUP = OUT
    ";
    own_shut_rdwr: "
        server l 2
        pair c s l
        shutdown s rdwr = ok
        recv s 9 = 0
        send s 1 = EPIPE
        poll c IN|OUT|RDHUP = IN|OUT|RDHUP
        recv c 9 = 0
    ";
}
