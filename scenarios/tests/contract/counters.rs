//! Section 8: timerfd, eventfd and signalfd; what needs time to pass is in `timers`.

crate::rows! {
    disarmed_timer: "
        timerfd t
        read t 8 = EAGAIN
        read t 7 = EINVAL
        write t 8 = EINVAL
        poll t IN|OUT = none
        gettime t = off/0
    ";
    time_in_the_past_fires_at_once: "
        timerfd t
        settime t past 0 = off/0
        poll t IN|OUT = IN
        read t 7 = EINVAL
        read t 8 = 8:1
        read t 8 = EAGAIN
        gettime t = off/0
    ";
    setting_it_again_forgets_what_was_not_read: "
        timerfd t
        settime t past 0 = off/0
        settime t hour 2 = off/0
        read t 8 = EAGAIN
        gettime t = armed/2
        settime t off 3 = armed/2
        gettime t = off/3
    ";
    fired_timer_in_a_set: "
        timerfd t
        epoll e
        add e t IN|ET = ok
        settime t past 0
        wait e 8 = t:IN
        wait e 8 = none
        settime t past 0
        wait e 8 = t:IN
        read t 8 = 8:1
        wait e 8 = none
    ";
    eventfd_counts: "
        eventfd v 0 0
        read v 8 = EAGAIN
        read v 7 = EINVAL
        poll v IN|OUT = OUT
        inc v 3 = 8
        inc v 4 = 8
        poll v IN|OUT = IN|OUT
        read v 8 = 8:7
        inc v 18446744073709551615 = EINVAL
        inc v 18446744073709551614 = 8
        poll v IN|OUT = IN
        inc v 1 = EAGAIN
        inc v 0 = 8
        read v 9 = 8:18446744073709551614
        write v 7 = EINVAL
    ";
    semaphore_gives_one_at_a_time: "
        eventfd v 2 1
        read v 8 = 8:1
        read v 8 = 8:1
        read v 8 = EAGAIN
    ";
    eventfd_is_no_socket: "
        eventfd v 0 0
        recv v 8 = ENOTSOCK
        send v 8 = ENOTSOCK
        listen v 1 = ENOTSOCK
        shutdown v rd = ENOTSOCK
        name v = ENOTSOCK
        gettime v = EINVAL
        settime v off 0 = EINVAL
        recv z 8 = EBADF
        gettime z = EBADF
        close z = EBADF
        dup z y = EBADF
        flags z = EBADF
    ";
    signalfd_gives_a_standard_signal_once: "
        sigblock usr1
        signalfd g usr1
        read g 128 = EAGAIN
        raise usr1
        raise usr1
        poll g IN|OUT = IN
        read g 127 = EINVAL
        read g 128 = 128
        read g 128 = EAGAIN
    ";
    signalfd_gives_real_time_signals_each: "
        sigblock rt
        signalfd g rt
        raise rt
        raise rt
        raise rt
        read g 256 = 256
        read g 256 = 128
        read g 256 = EAGAIN
    ";
    signalfd_in_a_set: "
        sigblock usr1
        signalfd g usr1
        epoll e
        add e g IN|ET
        wait e 8 = none
        raise usr1
        wait e 8 = g:IN
        wait e 8 = none
        raise usr1
        wait e 8 = none
        read g 128 = 128
        raise usr1
        wait e 8 = g:IN
    ";
}
