//! Programs that two threads hand over to each other: whose signals, masks and rings it is.

crate::rows! {
    signal_for_the_other_thread: "
        sigblock usr1 = ok
        raise usr1 = ok
        pending = SIGUSR1
        hand = ok
        pending = none
        handled = none
        raise usr1 = ok
        handled = SIGUSR1
        tgkill usr1 = ok
        hand = ok
        pending = SIGUSR1
        sigunblock usr1 = ok
        handled = SIGUSR1
    ";
    signal_for_the_owner_of_a_socket: "
        server l 2 = ok
        pair c s l = ok
        setsig s rt = ok
        setown s 1 = ok
        async s 1 = ok
        sigblock rt = ok
        hand = ok
        send c 1 = 1
        handled = none
        pending = none
        hand = ok
        pending = SIGRTMIN+6
        sigwait rt = SIGRTMIN+6/PollIn/IN
    ";
    ring_belongs_to_the_thread_that_made_it: "
        ring 8 0 = ok
        hand = ok
        u-nop = ok
        enter 0 = EEXIST
        hand = ok
        enter 0 = 1:0
    ";
    signals_of_the_other_thread_are_not_in_a_signalfd: "
        sigblock usr1 = ok
        signalfd g usr1 = ok
        hand = ok
        sigblock usr1 = ok
        hand = ok
        tgkill usr1 = ok
        read g 128 = EAGAIN
        hand = ok
        read g 128 = 128
    ";
}
