//! Section 7, SIGIO: what a descriptor sends to its owner (`fcntl(2)`, `F_SETOWN`, `F_SETSIG`, `O_ASYNC`).

crate::rows! {
    each_arrival_sends_one_signal: "
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
    own_shut_wr_sends_no_signal: "
        server l 2
        pair c s l
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        shutdown s wr
        sigwait rt = EAGAIN
    ";
    fin_of_the_peer_sends_two_signals: "
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
    reset_sends_one_signal: "
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
    refused_connect_sends_one_signal: "
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
    connect_that_completes_sends_signals: "
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
    signals_of_a_listener: "
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
    o_async_with_data_queued_sends_no_signal: "
        server l 2
        pair c s l
        send c 5
        sigblock rt
        setown s 1
        setsig s rt
        async s 1
        sigwait rt = EAGAIN
    ";
    plain_sigio_coalesces_and_names_no_descriptor: "
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
    real_time_signals_outlive_the_descriptor: "
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
    signals_of_a_descriptor_without_owner: "
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
