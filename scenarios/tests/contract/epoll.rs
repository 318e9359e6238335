//! Section 1: what an epoll set reports, and when (`epoll(7)`).

crate::rows! {
    data_queued_add_in_et: "
        server l 2
        pair c s l
        send c 5
        epoll e
        add e s IN|ET = ok
        wait e 8 = s:IN
        wait e 8 = none
    ";
    each_arrival_is_an_edge_though_undrained: "
        server l 2
        pair c s l
        epoll e
        add e s IN|ET
        send c 5
        wait e 8 = s:IN
        send c 1
        wait e 8 = s:IN
        wait e 8 = none
    ";
    partial_read_leaves_no_edge: "
        server l 2
        pair c s l
        send c 5
        epoll e
        add e s IN|ET
        wait e 8 = s:IN
        recv s 2 = 2
        wait e 8 = none
    ";
    report_is_the_full_mask: "
        server l 2
        pair c s l
        epoll e
        add e s IN|OUT|RDHUP|ET
        wait e 8 = s:OUT
        send c 5
        wait e 8 = s:IN|OUT
    ";
    own_reads_and_small_writes_are_no_edges: "
        server l 2
        pair c s l
        epoll e
        add e s IN|OUT|RDHUP|ET
        wait e 8 = s:OUT
        send c 5
        wait e 8 = s:IN|OUT
        recv s 9 = 5
        wait e 8 = none
        send s 3 = 3
        wait e 8 = none
        recv c 9 = 3
        wait e 8 = none
    ";
    mod_looks_again_and_arms_again: "
        server l 2
        pair c s l
        send c 5
        epoll e
        add e s IN|ET
        wait e 8 = s:IN
        mod e s IN|ET = ok
        wait e 8 = s:IN
        wait e 8 = none
    ";
    oneshot_fires_once_until_mod: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|ONESHOT
        send c 5
        wait e 8 = s:IN
        send c 5
        wait e 8 = none
        linger c 0
        close c
        wait e 8 = none
        add e s IN|RDHUP|ONESHOT = EEXIST
        mod e s IN|RDHUP|ONESHOT = ok
        wait e 8 = s:IN|ERR|HUP|RDHUP
        wait e 8 = none
    ";
    level_reports_rotate: "
        server l 5
        pair a b l
        pair c d l
        pair g h l
        pair i j l
        epoll e
        add e b IN
        add e d IN
        add e h IN
        add e j IN
        send g 1
        send a 1
        send i 1
        send c 1
        wait e 1 = h:IN
        wait e 1 = b:IN
        wait e 1 = j:IN
        wait e 1 = d:IN
        wait e 1 = h:IN
        wait e 1 = b:IN
    ";
    reports_come_in_the_order_of_arrival: "
        server l 5
        pair a b l
        pair c d l
        pair g h l
        pair i j l
        epoll e
        add e b IN
        add e d IN
        add e h IN
        add e j IN
        send g 1
        send a 1
        send i 1
        send c 1
        wait e 8 = h:IN b:IN j:IN d:IN
        wait e 8 = h:IN b:IN j:IN d:IN
        send c 1
        wait e 8 = h:IN b:IN j:IN d:IN
    ";
    edges_coalesce_in_first_arrival_order: "
        server l 5
        pair a b l
        pair c d l
        pair g h l
        epoll e
        add e b IN|ET
        add e d IN|ET
        add e h IN|ET
        send c 1
        send a 1
        send g 1
        send c 1
        wait e 1 = d:IN
        wait e 1 = b:IN
        wait e 1 = h:IN
        wait e 1 = none
    ";
    mod_of_a_ready_one_appends: "
        server l 5
        pair a b l
        pair c d l
        epoll e
        add e b IN|ET
        add e d IN|ET
        send a 1
        wait e 8 = b:IN
        send c 1
        mod e b IN|ET
        wait e 8 = d:IN b:IN
    ";
    adding_ready_ones_keeps_their_order: "
        server l 5
        pair a b l
        pair c d l
        pair g h l
        send a 1
        send c 1
        send g 1
        epoll e
        add e h IN
        add e d IN
        add e b IN
        wait e 8 = h:IN d:IN b:IN
    ";
    never_full_no_out_edge: "
        server l 2
        pair c s l
        epoll e
        add e c OUT|ET
        wait e 8 = c:OUT
        send c 3000 = 3000
        recv s 4000 = 3000
        wait e 8 = none
    ";
    close_with_a_dup_left_still_reports: "
        server l 2
        pair c s l
        epoll e
        add e s IN
        dup s t
        close s
        send c 1
        wait e 8 = s:IN
        delstale e s = EBADF
        del e t = ENOENT
    ";
    reused_number_is_another_entry: "
        server l 2
        pair c s l
        epoll e
        add e s IN
        dup s t
        close s
        eventfd s 1 0
        add e s IN = ok
        send c 1
        wait e 8 = s:IN s:IN
    ";
    last_dup_takes_the_entry_along: "
        server l 2
        pair c s l
        epoll e
        add e s IN
        dup s t
        close s
        send c 1
        wait e 8 = s:IN
        close t
        wait e 8 = none
    ";
    one_file_by_two_numbers_reports_twice: "
        server l 2
        pair c s l
        dup s t
        epoll e
        add e s IN = ok
        add e t IN = ok
        send c 1
        wait e 8 = t:IN s:IN
    ";
    add_twice_mod_unknown_del_unknown: "
        server l 2
        pair c s l
        epoll e
        add e s IN = ok
        add e s IN = EEXIST
        mod e c IN = ENOENT
        del e c = ENOENT
        del e s = ok
        del e s = ENOENT
        add e z IN = EBADF
        add z s IN = EBADF
    ";
    closed_before_the_wait: "
        server l 2
        pair c s l
        epoll e
        add e s IN
        send c 1
        close s
        wait e 8 = none
        delstale e s = EBADF
    ";
    exclusive_goes_with_few_flags: "
        server l 2
        pair c s l
        epoll e
        add e s IN|EXCLUSIVE|ONESHOT = EINVAL
        add e s IN|EXCLUSIVE|RDHUP = EINVAL
        add e s IN|EXCLUSIVE|ET = ok
        mod e s IN = EINVAL
        mod e s IN|EXCLUSIVE = EINVAL
        del e s = ok
        add e s IN = ok
        mod e s IN|EXCLUSIVE = EINVAL
        epoll f
        add e f IN|EXCLUSIVE = EINVAL
    ";
    descriptors_that_no_set_takes: "
        epoll e
        eventfd s 0 0
        add e e IN = EINVAL
        add s e IN = EINVAL
        wait e 0 = EINVAL
        wait s 8 = EINVAL
        wait z 8 = EBADF
        wait z 0 = EBADF
        wait s 0 = EINVAL
    ";
    set_in_a_set: "
        server l 2
        pair c s l
        epoll e
        epoll f
        add e s IN = ok
        add f e IN = ok
        wait f 8 = none
        send c 1
        wait f 8 = e:IN
        poll e IN = IN
        add e f IN = ELOOP
        recv s 1
        wait f 8 = none
        poll e IN = none
    ";
    empty_mask_reports_the_end: "
        server l 2
        pair c s l
        epoll e
        add e s 0
        send c 1
        wait e 8 = none
        shutdown c wr
        wait e 8 = none
        shutdown s wr
        wait e 8 = s:HUP
    ";
    many_arrivals_one_event: "
        server l 2
        pair c s l
        epoll e
        add e s IN|RDHUP|ET
        send c 1
        send c 1
        send c 1
        send c 1
        send c 1
        wait e 8 = s:IN
        wait e 8 = none
        send c 1
        shutdown c wr
        wait e 8 = s:IN|RDHUP
        wait e 8 = none
    ";
    shut_wr_of_the_peer_is_one_edge: "
        server l 2
        pair c s l
        epoll e
        add e s IN|OUT|RDHUP|ET
        wait e 8 = s:OUT
        shutdown c wr
        wait e 8 = s:IN|OUT|RDHUP
        wait e 8 = none
        shutdown s wr = ok
        wait e 8 = s:IN|OUT|HUP|RDHUP
        wait e 8 = none
    ";
    own_shut_wr_is_an_edge: "
        server l 2
        pair c s l
        epoll e
        add e s IN|OUT|RDHUP|ET
        wait e 8 = s:OUT
        shutdown s wr = ok
        wait e 8 = s:OUT
        shutdown s rd = ok
        wait e 8 = s:IN|OUT|HUP|RDHUP
        wait e 8 = none
    ";
    edge_triggered_listener: "
        server l 5
        epoll e
        add e l IN|ET
        socket c
        connect c l = EINPROGRESS
        socket d
        connect d l = EINPROGRESS
        wait e 8 = l:IN
        accept l s = c
        wait e 8 = none
        socket g
        connect g l = EINPROGRESS
        wait e 8 = l:IN
        wait e 8 = none
    ";
    fresh_socket_in_a_set: "
        server l 2
        socket c
        epoll e
        add e c IN|OUT|RDHUP|ET
        wait e 8 = c:OUT|HUP
        connect c l = EINPROGRESS
        wait e 8 = c:OUT
        wait e 8 = none
    ";
    eventfd_in_a_set: "
        epoll e
        eventfd v 0 0
        add e v IN|OUT|ET
        wait e 8 = v:OUT
        inc v 1 = 8
        wait e 8 = v:IN|OUT
        inc v 1 = 8
        wait e 8 = v:IN|OUT
        inc v 0 = 8
        wait e 8 = v:IN|OUT
        read v 8 = 8:2
        wait e 8 = v:OUT
        wait e 8 = none
    ";
}
