//! Section 2: poll masks per state of a connection, and select's reading of them.

crate::rows! {
    fresh_and_bound: "
        socket a
        poll a IN|OUT|RDHUP|PRI = OUT|HUP
        bind a = ok
        poll a IN|OUT|RDHUP|PRI = OUT|HUP
    ";
    listener: "
        server l 2
        poll l IN|OUT|RDHUP|PRI = none
        socket c
        connect c l
        poll l IN|OUT|RDHUP|PRI = IN
        shutdown l wr = ok
        poll l IN|OUT|RDHUP|PRI = IN
        shutdown l rd = ok
        poll l IN|OUT|RDHUP|PRI = OUT|HUP
        accept l s = EINVAL
    ";
    syn_sent: "
        server l 0
        socket a
        connect a l = EINPROGRESS
        socket b
        connect b l = EINPROGRESS
        poll a IN|OUT|RDHUP|PRI = OUT
        poll b IN|OUT|RDHUP|PRI = none
    ";
    connected_data_fin: "
        server l 2
        pair c s l
        poll s IN|OUT|RDHUP|PRI = OUT
        send c 3
        poll s IN|OUT|RDHUP|PRI = IN|OUT
        shutdown c wr
        poll s IN|OUT|RDHUP|PRI = IN|OUT|RDHUP
        recv s 9 = 3
        poll s IN|OUT|RDHUP|PRI = IN|OUT|RDHUP
        poll c IN|OUT|RDHUP|PRI = OUT
        poll s 0 = none
        shutdown s wr
        poll s IN|OUT|RDHUP|PRI = IN|OUT|HUP|RDHUP
        poll c IN|OUT|RDHUP|PRI = IN|OUT|HUP|RDHUP
    ";
    own_shut_rd: "
        server l 2
        pair c s l
        shutdown s rd
        poll s IN|OUT|RDHUP|PRI = IN|OUT|RDHUP
        poll c IN|OUT|RDHUP|PRI = OUT
    ";
    own_shut_rdwr: "
        server l 2
        pair c s l
        shutdown s rdwr
        poll s IN|OUT|RDHUP|PRI = IN|OUT|HUP|RDHUP
        poll c IN|OUT|RDHUP|PRI = IN|OUT|RDHUP
    ";
    reset_until_the_error_is_taken: "
        server l 2
        pair c s l
        linger c 0
        close c
        poll s IN|OUT|RDHUP|PRI = IN|OUT|ERR|HUP|RDHUP
        error s = ECONNRESET
        poll s IN|OUT|RDHUP|PRI = IN|OUT|HUP|RDHUP
        error s = 0
    ";
    refused_not_waiting: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        poll c IN|OUT|RDHUP|PRI = IN|OUT|ERR|HUP|RDHUP
        error c = ECONNREFUSED
        poll c IN|OUT|RDHUP|PRI = IN|OUT|HUP|RDHUP
    ";
    refused_waiting: "
        server l 2
        close l
        socket c block
        connect c l = ECONNREFUSED
        poll c IN|OUT|RDHUP|PRI = OUT|HUP
    ";
    urgent_data: "
        server l 2
        pair c s l
        send c 1 oob = 1
        poll s IN|OUT|RDHUP|PRI = PRI|OUT
        select s = s:-wx
        recv s 9 = EAGAIN
        recv s 1 oob = EINVAL
        poll s IN|OUT|RDHUP|PRI = OUT
    ";
    no_descriptor: "
        eventfd a 1 0
        pollstale z IN = none
        close a
        pollstale a IN = NVAL
    ";
    select_reads_the_mask: "
        server l 2
        pair c s l
        select s = s:-w-
        send c 1
        select s = s:rw-
        linger c 0
        close c
        select s = s:rw-
        selectall = s:rw-
    ";
}
