//! What programs on pipes, Unix sockets and UDP found (generator 3).

crate::rows! {
    ring_receives_into_buffers_of_a_group_from_every_socket: "
        ring 64 0
        upair a b 0
        udp u
        u-group a 0
        u-group u 0
        enter 0 = 1:ENOBUFS 2:ENOBUFS
        u-provide 2 8
        u-group a 0
        enter 0 = 3:0
        write b 3 = 3
        enter 1 = 4:3#0
    ";
    pipe_call_that_finds_nothing_signals_the_other_end: "
        pipe r w
        setown w 1
        async w 1
        read r 1 = EAGAIN
        handled = SIGIO
        write w 2 = 2
        read r 1 = 1
        handled = SIGIO
        setown r 1
        async w 0
        async r 1
        write w 70000 = 61808
        handled = SIGIO
        write w 1 = EAGAIN
        handled = SIGIO
    ";
    datagram_that_is_not_sent_reports_room_to_its_sender: "
        epoll e
        usocket c 1
        add e c OUT|ET = ok
        wait e 4 = c:OUT
        wait e 4 = none
        send c 1 = ENOTCONN
        wait e 4 = c:OUT
        usendto c d 1 = ECONNREFUSED
        wait e 4 = c:OUT
        upair a b 0
        close b
        add e a OUT|ET = ok
        wait e 4 = a:OUT|HUP
        send a 1 = EPIPE
        wait e 4 = none
    ";
    recvfrom_names_the_sender_as_it_is_bound_by_then: "
        upair a b 0
        write a 1 = 1
        ubind a
        urecvfrom b 9 = 1:af63e14c8601f50b a
        usocket c 1
        usocket d 1
        ubind d
        usendto c d 2 = 2
        ubind c
        urecvfrom d 9 = 2:afc73f4c86aacdc5 c
        write a 1 = 1
        urecvfrom b 5 waitall = 1:af63df4c8601f1a5 a
    ";
    ring_write_to_what_is_not_open_for_writing_completes_at_once: "
        ring 64 0
        pipe a c
        u-poll c OUT 0
        u-write a 1
        u-write c 1
        enter 0 = 1:OUT 2:EBADF 3:1
        u-write a 0
        u-recv s 0
        enter 0 = 4:EBADF 5:EBADF
    ";
    socket_shut_before_it_calls_itself_ends_at_once: "
        epoll e
        socket c
        bind c
        shutdown c wr = ENOTCONN
        add e c IN|OUT|RDHUP|ET = ok
        wait e 4 = c:OUT|HUP
        connect c c = EINPROGRESS
        wait e 4 = c:IN|OUT|HUP|RDHUP
        recv c 9 = 0
        name c = c
        peer c = ENOTCONN
        connect c c = ECONNABORTED
        error c = 0
    ";
    multishot_receive_of_a_unix_stream_ends_at_what_is_there: "
        ring 64 0
        upair a b 0
        u-provide 1 8
        write b 3 = 3
        u-group a 1
        enter 0 = 1:0 2:3#0+
        write b 2 = 2
        enter 1 = 2:ENOBUFS
    ";
    pipe_that_is_resized_reports_room: "
        epoll e
        pipe p q
        add e q OUT|ET = ok
        wait e 4 = q:OUT
        pipesize q = 65536
        wait e 4 = none
        setpipesize p 0 = 4096
        wait e 4 = q:OUT
        setpipesize q 4096 = 4096
        wait e 4 = q:OUT
    ";
    datagram_that_leaves_reports_room_to_its_sender: "
        epoll e
        udp a
        bind a
        udp b
        bind b
        connect a b = ok
        add e a OUT|ET = ok
        wait e 4 = a:OUT
        sendto a b 3 = 3
        wait e 4 = a:OUT
        recvfrom b 9
        wait e 4 = none
        close b
        ring 64 0
        u-poll a OUT 1
        enter 0 = 1:OUT+
        send a 1 = 1
        enter 0 = 1:OUT|ERR+
    ";
    unix_socket_of_datagrams_that_gets_another_peer_reports_room: "
        epoll e
        usocket d 1
        ubind d
        usocket g 1
        ubind g
        usocket c 1
        add e c OUT|ET = ok
        uconnect c d = ok
        wait e 8 = c:OUT
        disconnect c = ok
        wait e 8 = c:OUT
        disconnect c = ok
        wait e 8 = none
        uconnect c d = ok
        wait e 8 = none
        uconnect c d = ok
        wait e 8 = c:OUT
        uconnect c g = ok
        wait e 8 = c:OUT
    ";
    name_of_a_peer_of_datagrams_stays_when_that_is_closed: "
        upair a b 1
        ubind a
        disconnect a
        usocket c 1
        uconnect c a = ok
        close a
        upeer b = a
        upeer c = a
    ";
    descriptor_that_a_ring_receives_without_room_is_closed_after_enter: "
        ring 64 0
        upair q a 0
        pipe d c
        u-poll d 0 0
        pass q c 1 = 1
        close c
        u-recv a 0
        enter 0 = 2:0
        enter 0 = 1:HUP
    ";
    where_a_datagram_came_is_kept_for_who_asked_before: "
        udp b
        bind b
        sendto b b 1 = 1
        setopt b IP_PKTINFO 1 = ok
        sendto b b 1 = 1
        recvctl b 0 = 0:cbf29ce484222325 b to 0.0.0.0 mine
        recvctl b 0 = 0:cbf29ce484222325 b to mine mine
    ";
    peek_of_a_unix_stream_reaches_descriptors_behind_what_has_no_room: "
        upair s d 0
        write d 600 = 600
        eventfd v 0 0
        passes d v 1 = 1
        peekfds s b 0 = 500:df48179fbdc46f12 0 descriptors true
        take s b 1 = 500:df48179fbdc46f12 0 descriptors false
    ";
    accept_without_waiting_does_not_see_that_a_unix_listener_is_shut: "
        usocket l 0
        ubind l
        listen l 1 = ok
        shutdown l rdwr = ok
        uaccept l a = EAGAIN
    ";
    recvmsg_of_descriptors_takes_datagrams_of_udp: "
        udp p
        bind p
        sendto p p 2 = 2
        take p q 2 = 2:afe1e14c86d80f0b 0 descriptors false
    ";
    locks_of_sockets_and_pipes_are_of_their_inode: "
        pipe r w
        flock r ex = ok
        flock w sh = EAGAIN
        flock r sh = ok
        flock w sh = ok
        flock w ex = EAGAIN
        flock r sh = ok
        close r
        flock w ex = ok
        setlk w ex 0 = ok
        setofdlk w ex 9 = EAGAIN
        setofdlk w ex 10 = ok
        getofdlk w ex 0 = Exclusive Process 0 10
        udp u
        dup u v
        setlk u ex 0 = ok
        setofdlk v ex 5 = EAGAIN
        getlk v ex 5 = free
        close v
        setofdlk u ex 5 = ok
        getlk u ex 0 = Exclusive OpenFile 5 10
    ";
    queue_of_errors_is_empty_and_never_waited_for: "
        server l 2
        pair a b l
        send b 1 = 1
        recv a 1 errqueue = EAGAIN
        recv l 1 errqueue = EAGAIN
        recv a 1 oob|errqueue = EAGAIN
        socket c block
        recv c 1 errqueue = EAGAIN
        udp u
        recvfrom u 1 errqueue = EAGAIN
        upair p q 0
        write q 1 = 1
        recv p 1 errqueue = 1
    ";
    accept_for_ip_of_unix_listener_takes_what_is_there: "
        usocket a 0
        ubind a
        listen a 0
        accept a c = EAGAIN
        usocket b 0
        uconnect b a
        accept a c = EAFNOSUPPORT
        recv b 5 = 0
        accept a c = EAGAIN
    ";
}
