//! Section 6: writes and reads, and the flags of `recv(2)`.

crate::rows! {
    nothing_is_written_and_nothing_is_read: "
        server l 2
        pair c s l
        send c 0 = 0
        write c 0 = 0
        read s 0 = 0
        recv s 0 = EAGAIN
        send c 3 = 3
        recv s 0 = 0
        read s 0 = 0
        recv s 9 = 3
        shutdown c wr
        recv s 0 = 0
        linger c 0
        close c
        recv s 0 = 0
        read s 0 = 0
    ";
    waitall_without_waiting_gives_what_is_there: "
        server l 2
        pair c s l
        send c 3
        recv s 10 waitall = 3
        recv s 10 waitall = EAGAIN
    ";
    trunc_discards: "
        server l 2
        pair c s l
        send c 9
        recv s 4 trunc = 4
        recv s 9 peek = 5
        recv s 9 = 5
    ";
    peek_and_low_water: "
        server l 2
        pair c s l
        lowat s 10 = ok
        epoll e
        add e s IN|ET
        send c 3
        poll s IN = none
        wait e 8 = none
        recv s 9 peek = 3
        send c 7
        poll s IN = IN
        wait e 8 = s:IN
        recv s 3 = 3
        poll s IN = none
        recv s 20 = 7
    ";
    read_stops_at_the_urgent_mark: "
        server l 2
        pair c s l
        send c 2
        send c 1 oob = 1
        send c 2
        recv s 9 = 2
        recv s 9 = 2
        recv s 9 = EAGAIN
    ";
    urgent_data_alone: "
        server l 2
        pair c s l
        send c 1 oob
        poll s IN|OUT|RDHUP|PRI = PRI|OUT
        recv s 9 = EAGAIN
        poll s IN|OUT|RDHUP|PRI = OUT
    ";
    urgent_data_taken: "
        server l 2
        pair c s l
        send c 3 oob = 3
        recv s 1 oob|peek = 1
        recv s 9 = 2
        recv s 1 oob = 1
        recv s 1 oob = EINVAL
    ";
    waiting_for_all_stops_at_the_urgent_mark_too: "
        server l 2
        pair c s l
        send c 5 oob = 5
        send c 1 = 1
        recv s 5 waitall = 4
        poll s PRI = PRI
        recv s 5 waitall = 1
        send c 1 oob = 1
        recv s 0 = 0
        recv s 5 = EAGAIN
    ";
    sizes_are_doubled_and_have_a_minimum: "
        socket c
        sndbuf c 1 = 4608
        rcvbuf c 1 = 2304
        sndbuf c 10000 = 20000
        rcvbuf c 10000 = 20000
    ";
}
