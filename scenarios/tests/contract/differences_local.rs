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
}
