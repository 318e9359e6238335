//! Section 7, SIGIO: what a descriptor sends to its owner (`fcntl(2)`, `F_SETOWN`, `F_SETSIG`, `O_ASYNC`).

crate::rows! {
    g1_one_for_each_arrival: "
        server l 2
        pair c s l
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        send c 1
        send c 1
        sigwait rt = SIGRTMIN+6/PollIn/IN
        sigwait rt = SIGRTMIN+6/PollIn/IN
        sigwait rt = EAGAIN
        recv s 1
        send s 1
        recv c 1
        sigwait rt = EAGAIN
    ";
    g2_ones_own_shut_wr_is_none: "
        server l 2
        pair c s l
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        shutdown s wr
        sigwait rt = EAGAIN
    ";
    g3_the_peers_fin_is_two: "
        server l 2
        pair c s l
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        shutdown c wr
        sigwait rt = SIGRTMIN+6/PollIn/IN
        sigwait rt = SIGRTMIN+6/PollIn/IN
        sigwait rt = EAGAIN
    ";
    g4_a_reset_is_one: "
        server l 2
        pair c s l
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        linger c 0
        close c
        sigwait rt = SIGRTMIN+6/PollErr/ERR
        sigwait rt = EAGAIN
    ";
    g5_a_refused_connect_is_one: "
        server l 2
        close l
        socket c
        sigblock rt
        setown c 1
        setsig c rt
        async c 1
        connect c l = EINPROGRESS
        sigwait rt = SIGRTMIN+6/PollErr/ERR
        sigwait rt = EAGAIN
    ";
    g6_a_connect_that_completes: "
        server l 2
        socket c
        sigblock rt
        setown c 1
        setsig c rt
        async c 1
        connect c l = EINPROGRESS
        sigwait rt = SIGRTMIN+6/PollOut/OUT
        sigwait rt = EAGAIN
    ";
    g7_a_listener: "
        server l 2
        sigblock rt
        setown l 1
        setsig l rt
        async l 1
        socket c
        connect c l
        sigwait rt = SIGRTMIN+6/PollIn/IN
        sigwait rt = EAGAIN
        socket d
        connect d l
        sigwait rt = SIGRTMIN+6/PollIn/IN
    ";
    g8_switching_it_on_with_data_there_is_none: "
        server l 2
        pair c s l
        send c 5
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        sigwait rt = EAGAIN
    ";
    g9_plain_sigio_coalesces_and_names_nothing: "
        server l 2
        pair c s l
        sigblock io
        setown s 1
        async s 1
        send c 1
        send c 1
        send c 1
        sigwait io = SIGIO/Kernel
        sigwait io = EAGAIN
    ";
    g10_real_time_ones_outlive_the_descriptor: "
        server l 2
        pair c s l
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        send c 1
        close s
        sigwait rt = SIGRTMIN+6/PollIn/IN
    ";
    g11_nobody_owns_it: "
        server l 2
        pair c s l
        sigblock rt
        setsig s rt
        async s 1
        send c 1
        sigwait rt = EAGAIN
        setown s 1
        send c 1
        sigwait rt = SIGRTMIN+6/PollIn/IN
        setown s 0
        send c 1
        sigwait rt = EAGAIN
        setown s 1
        async s 0
        send c 1
        sigwait rt = EAGAIN
    ";
}
