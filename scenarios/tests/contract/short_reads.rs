//! What the models that report changes rely on when they take a short read for the last one (`eagain_net::model::Poller`):
//! an edge-triggered set that also asks for RDHUP and PRI either has reported what lies behind the data, or will report it.

crate::rows! {
    short_read_has_emptied_the_queue_and_what_comes_next_is_an_edge: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 5
        wait e 8 = s:IN
        recv s 9 = 5
        wait e 8 = none
        send c 1
        wait e 8 = s:IN
        recv s 9 = 1
    ";
    data_between_report_and_read_is_read_with_the_rest: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 5
        wait e 8 = s:IN
        send c 2
        recv s 9 = 7
        wait e 8 = none
        recv s 9 = EAGAIN
    ";
    end_before_the_report_is_in_it: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 5
        shutdown c wr
        wait e 8 = s:IN|RDHUP
        recv s 9 = 5
        wait e 8 = none
        recv s 9 = 0
    ";
    end_between_report_and_read_is_an_edge: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 5
        wait e 8 = s:IN
        shutdown c wr
        recv s 9 = 5
        wait e 8 = s:IN|RDHUP
        recv s 9 = 0
    ";
    reset_before_the_report_is_in_it: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 5
        linger c 0
        close c
        wait e 8 = s:IN|ERR|HUP|RDHUP
        recv s 9 = 5
        wait e 8 = none
        recv s 9 = ECONNRESET
    ";
    reset_between_report_and_read_is_an_edge: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 5
        wait e 8 = s:IN
        linger c 0
        close c
        recv s 9 = 5
        wait e 8 = s:IN|ERR|HUP|RDHUP
        recv s 9 = ECONNRESET
    ";
    urgent_mark_before_the_report_is_in_it: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 2
        send c 1 oob
        send c 2
        wait e 8 = s:IN|PRI
        recv s 9 = 2
        wait e 8 = none
        recv s 9 = 2
        recv s 9 = EAGAIN
    ";
    urgent_mark_between_report_and_read_is_an_edge: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 2
        wait e 8 = s:IN
        send c 1 oob
        send c 2
        recv s 9 = 2
        wait e 8 = s:IN|PRI
        recv s 9 = 2
        wait e 8 = none
    ";
    urgent_mark_with_nothing_behind_it_is_an_edge: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 2
        wait e 8 = s:IN
        send c 1 oob
        recv s 9 = 2
        wait e 8 = s:PRI
        send c 3
        wait e 8 = s:IN|PRI
        recv s 9 = 3
        wait e 8 = none
    ";
    urgent_mark_is_not_reported_to_who_did_not_ask_for_pri: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|ET
        send c 2
        send c 1 oob
        send c 2
        wait e 8 = s:IN
        recv s 9 = 2
        wait e 8 = none
        recv s 9 = 2
    ";
    urgent_mark_whose_byte_was_taken_is_not_reported: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|PRI|ET
        send c 2
        send c 1 oob
        send c 2
        recv s 1 oob = 1
        wait e 8 = s:IN
        recv s 9 = 2
        wait e 8 = none
        recv s 9 = 2
    ";
    sigio_reports_an_urgent_mark_as_data: "
        server l 2
        pair c s l
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        send c 2
        sigwait rt = SIGRTMIN+6/PollIn/IN
        poll s IN|RDHUP|PRI = IN
        send c 1 oob
        recv s 9 = 2
        sigwait rt
        sigwait rt
        poll s IN|RDHUP|PRI = PRI
    ";
}
