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
