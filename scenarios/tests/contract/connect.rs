//! Section 3: connecting, and what a second attempt says (`connect(2)`).

crate::rows! {
    nonblocking_connect: "
        server l 2
        socket c
        connect c l = EINPROGRESS
        poll c OUT = OUT
        connect c l = ok
        connect c l = EISCONN
    ";
    nonblocking_connect_with_so_error_read_in_between: "
        server l 2
        socket c
        connect c l = EINPROGRESS
        error c = 0
        connect c l = ok
        connect c l = EISCONN
    ";
    refused_connect_with_so_error_read: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        error c = ECONNREFUSED
        error c = 0
        connect c l = ECONNABORTED
        connect c l = EINPROGRESS
    ";
    refused_connect_with_so_error_not_read: "
        server l 2
        close l
        socket c
        connect c l = EINPROGRESS
        connect c l = ECONNREFUSED
        connect c l = EINPROGRESS
    ";
    refused_connect_then_read_and_write: "
        server l 2
        close l
        sigblock pipe
        socket c
        connect c l = EINPROGRESS
        recv c 9 = ECONNREFUSED
        recv c 9 = 0
        write c 1 = EPIPE
        pending = SIGPIPE
    ";
    socket_that_was_never_connected: "
        sigblock pipe
        socket c
        recv c 9 = ENOTCONN
        write c 1 = EPIPE
        pending = SIGPIPE
        shutdown c wr = ENOTCONN
        peer c = ENOTCONN
        accept c s = EINVAL
        name c = unbound
    ";
    calls_while_the_syn_is_sent: "
        server l 0
        socket a
        connect a l
        socket c
        connect c l = EINPROGRESS
        connect c l = EALREADY
        recv c 9 = EAGAIN
        send c 9 = EAGAIN
        peer c = ENOTCONN
        error c = 0
        shutdown c wr = ok
        poll c IN|OUT|RDHUP|PRI = OUT|ERR|HUP
        error c = ECONNRESET
        poll c IN|OUT|RDHUP|PRI = OUT|HUP
    ";
    blocking_connect: "
        server l 2
        socket c block
        connect c l = ok
        connect c l = EISCONN
        accept l s = c
        peer c = l
        name s = l
        peer s = c
        close l
        socket d block
        connect d l = ECONNREFUSED
        connect d l = ECONNREFUSED
    ";
}
