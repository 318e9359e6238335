//! Section 4: the queue of a listener, and what an accepted socket has from it.

crate::rows! {
    backlog_of_0_takes_1: "
        server l 0
        socket a
        socket b
        connect a l
        connect b l
        pollall OUT = a:OUT b:none l:none
    ";
    backlog_of_1_takes_2: "
        server l 1
        socket a
        socket b
        socket c
        connect a l
        connect b l
        connect c l
        pollall OUT = a:OUT b:OUT c:none l:none
        connect c l = EALREADY
    ";
    backlog_of_3_takes_4: "
        server l 3
        socket a
        socket b
        socket c
        socket d
        socket g
        connect a l
        connect b l
        connect c l
        connect d l
        connect g l
        pollall OUT = a:OUT b:OUT c:OUT d:OUT g:none l:none
    ";
    accepting_makes_room_for_the_next_one_only: "
        server l 0
        socket a
        socket b
        socket c
        connect a l
        connect b l
        accept l s = a
        connect c l = EINPROGRESS
        pollall OUT = a:OUT b:none c:OUT l:none s:OUT
        accept l s = c
        accept l s = EAGAIN
    ";
    reset_before_accept: "
        server l 2
        socket c
        connect c l
        send c 5
        linger c 0
        close c
        poll l IN = IN
        accept l s = c
        peer s = ENOTCONN
        recv s 9 = 5
        recv s 9 = ECONNRESET
        recv s 9 = 0
    ";
    reset_before_accept_peer_first: "
        server l 2
        socket c
        connect c l
        linger c 0
        close c
        poll l IN = IN
        accept l s = c
        poll s IN|OUT|RDHUP = IN|OUT|ERR|HUP|RDHUP
        error s = ECONNRESET
    ";
    data_and_end_before_accept: "
        server l 2
        socket c
        connect c l
        send c 5
        close c
        accept l s = c
        recv s 9 = 5
        recv s 9 = 0
        peer s = c
    ";
    listener_is_closed: "
        server l 0
        socket c
        connect c l
        socket d
        connect d l
        close l
        poll c IN|OUT|RDHUP = IN|OUT|ERR|HUP|RDHUP
        recv c 9 = ECONNRESET
        poll d IN|OUT|RDHUP = none
        error d = 0
    ";
    options_that_accept_inherits: "
        server l 2
        nodelay l 1
        linger l 0
        keepalive l 1
        async l 1
        sndbuf l 20000 = 40000
        pair c s l
        accept l s = EAGAIN
        socket d
        connect d l
        accept l t block = d
        flags t = 0
        options t = ReuseAddr(false) RecvLowAt(1) Linger(Some(0)) NoDelay(true) KeepAlive(true) RecvTimeout(None) SendTimeout(None)
    ";
    port_in_use: "
        server l 2
        socket a
        bindto a l = EADDRINUSE
        reuse a 1
        bindto a l = EADDRINUSE
        close l
        bindto a l = ok
        bind a = EINVAL
    ";
    port_in_time_wait_needs_both_to_reuse: "
        server l 2
        pair c s l
        close s
        close c
        close l
        socket a
        bindto a l = EADDRINUSE
        reuse a 1
        bindto a l = EADDRINUSE
    ";
    port_in_time_wait_is_taken_where_both_reuse: "
        socket l
        reuse l 1
        bind l
        listen l 2
        pair c s l
        close s
        close c
        close l
        socket a
        bindto a l = EADDRINUSE
        reuse a 1
        bindto a l = ok
        listen a 2 = ok
    ";
    listening_without_a_port: "
        socket l
        listen l 2 = ok
        socket c
        connect c l = EINPROGRESS
        accept l s = c
        listen l 5 = ok
        listen s 5 = EINVAL
        connect l l = EISCONN
        recv l 9 = ENOTCONN
        send l 9 = EPIPE
        peer l = ENOTCONN
    ";
}

/// A full table: the connection stays where it is, and a level-triggered listener goes on reporting it.
fn no_descriptor_is_free<K: eagain_net::Kernel>(k: K) {
    use eagain_net::{Domain, Errno, Events, SocketFlags, any_port};
    let listener = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    k.bind(listener, any_port()).unwrap();
    k.listen(listener, 2).unwrap();
    let caller = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    assert_eq!(k.connect(caller, k.getsockname(listener).unwrap()), Err(Errno::EINPROGRESS));
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, eagain_net::EpollOp::Add, listener, Events::IN, 7).unwrap();
    let mut taken = Vec::new();
    let full = loop {
        match k.dup(listener) {
            Ok(fd) => taken.push(fd),
            Err(errno) => break errno,
        }
    };
    assert_eq!(full, Errno::EMFILE);
    assert_eq!(k.accept4(listener, SocketFlags::NONE).map(|_| ()), Err(Errno::EMFILE));
    let mut events = [eagain_net::EpollEvent::default(); 4];
    for _ in 0..2 {
        assert_eq!(k.epoll_wait(epoll, &mut events, Some(std::time::Duration::ZERO), None), Ok(1));
    }
    k.close(taken.pop().unwrap()).unwrap();
    let (accepted, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
    for fd in taken.into_iter().chain([accepted, epoll, caller, listener]) {
        k.close(fd).unwrap();
    }
}

mod full_table {
    use super::no_descriptor_is_free;
    crate::bodies! { no_descriptor_is_free }
}
