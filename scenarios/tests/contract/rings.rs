//! io_uring, with deferred work: what completes, when, and in which order. Where a host allows no rings, its side has
//! nothing to be compared.

crate::rows! {
    recv_pends_and_others_complete_first: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 8 = ok
        u-nop = ok
        enter 0 = 2:0
        send c 3 = 3
        enter 0 = 1:3
    ";
    operations_on_a_nonblocking_socket_pend_too: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 8 = ok
        u-recv s 8 dontwait = ok
        u-read s 8 = ok
        enter 0 = 2:EAGAIN
        send c 1 = 1
        enter 0 = 3:1
        socket d = ok
        u-connect d l = ok
        enter 0 = 4:0
        socket r = ok
        close l = ok
        u-connect r l = ok
        enter 0 = 5:ECONNREFUSED
    ";
    recv_that_waits_for_all_gives_what_came_before_the_end: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 10 waitall = ok
        enter 0 = none
        send c 3 = 3
        enter 0 = none
        shutdown c wr = ok
        enter 0 = 1:3
    ";
    four_pending_recvs_complete_in_linux_order: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 1 = ok
        u-recv s 1 = ok
        u-recv s 1 = ok
        u-recv s 1 = ok
        enter 0 = none
        send c 1 = 1
        enter 0 = 4:1
        send c 1 = 1
        enter 0 = 1:1
        send c 1 = 1
        enter 0 = 3:1
        send c 1 = 1
        enter 0 = 2:1
    ";
    two_pending_recvs_last_submitted_first: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 1 = ok
        u-recv s 1 = ok
        enter 0 = none
        send c 1 = 1
        enter 0 = 2:1
        send c 1 = 1
        enter 0 = 1:1
    ";
    four_recvs_at_once: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 1 = ok
        u-recv s 1 = ok
        u-recv s 1 = ok
        u-recv s 1 = ok
        enter 0 = none
        send c 4 = 4
        enter 4 = 4:1 3:1 2:1 1:1
    ";
    cancel_completes_first_and_its_target_after: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 8 = ok
        enter 0 = none
        u-cancel 1 = ok
        u-nop = ok
        enter 0 = 2:0 3:0 1:ECANCELED
        u-cancel 1 = ok
        u-cancel 77 = ok
        enter 0 = 4:ENOENT 5:ENOENT
    ";
    late_cancel_finds_no_target: "
        server l 0 = ok
        pair a b l = ok
        ring 64 0 = ok
        u-accept m c 0 = ok
        link 1 = ok
        u-recv a 1 = ok
        u-cancel 1 = ok
        enter 0 = 1:EBADF
        write b 1 = 1
        u-accept l d 0 = ok
        enter 0 = 2:1 3:ENOENT
    ";
    pending_recv_outlives_the_last_close: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 8 = ok
        enter 0 = none
        close s = ok
        recv c 1 = EAGAIN
        send c 4 = 4
        enter 0 = 1:4
        recv c 1 = 0
    ";
    local_shutdown_completes_a_pending_recv: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-recv s 8 = ok
        enter 0 = none
        shutdown s rd = ok
        enter 0 = 1:0
    ";
    hard_links_go_on: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        link 2 = ok
        u-recv z 8 = ok
        u-nop = ok
        enter 0 = 1:EBADF 2:0
    ";
    links_break_at_a_bad_descriptor: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        link 1 = ok
        u-recv z 8 = ok
        link 1 = ok
        u-nop = ok
        u-recv s 8 = ok
        enter 0 = 1:EBADF 2:ECANCELED 3:ECANCELED
    ";
    links_break_at_a_short_waitall: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        send c 3 = 3
        shutdown c wr = ok
        link 1 = ok
        u-recv s 8 waitall = ok
        u-nop = ok
        enter 0 = 1:3 2:ECANCELED
    ";
    links_go_on_after_a_short_recv: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        send c 3 = 3
        link 1 = ok
        u-recv s 8 = ok
        u-nop = ok
        enter 0 = 1:3 2:0
    ";
    what_is_linked_is_begun_by_the_next_work: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        link 1 = ok
        u-recv s 8 = ok
        u-send s 4 = ok
        enter 0 = none
        send c 4 = 4
        enter 0 = 1:4
        enter 0 = 2:4
    ";
    linked_timeout_ends_a_recv: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        link 1 = ok
        u-recv s 8 = ok
        u-link-timeout 20 = ok
        enter 2 = 2:ETIME 1:ECANCELED
    ";
    timeout_is_over_by_count: "
        ring 8 0 = ok
        u-timeout 1 0 = ok
        u-nop = ok
        enter 0 = 2:0 1:0
    ";
    timeout_is_over_by_time: "
        ring 8 0 = ok
        u-timeout 0 5 = ok
        enter 1 = 1:ETIME
    ";
    data_ends_the_linked_timeout: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        link 1 = ok
        u-recv s 8 = ok
        u-link-timeout 0 = ok
        enter 0 = none
        send c 4 = 4
        enter 0 = 1:4
        enter 0 = 2:ECANCELED
    ";
    what_completes_in_one_go_counts_for_a_timeout_among_it: "
        ring 8 0 = ok
        u-nop = ok
        u-timeout 2 0 = ok
        u-nop = ok
        enter 0 = 1:0 3:0 2:0
    ";
    multishot_poll_reports_every_wakeup: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        send c 1 = 1
        u-poll s IN|RDHUP 1 = ok
        enter 0 = 1:IN+
        send c 1 = 1
        enter 0 = 1:IN+
        shutdown c wr = ok
        enter 0 = 1:IN|RDHUP+
        u-cancel 1 = ok
        enter 0 = 2:0 1:ECANCELED
    ";
    wakeup_reports_its_bits: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-poll s IN|OUT 1 = ok
        enter 0 = 1:OUT+
        send c 1 = 1
        enter 0 = 1:IN+
        send c 1 = 1
        send c 1 = 1
        enter 0 = 1:IN|OUT+
    ";
    rdhup_need_not_be_asked_for: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-poll s 0 0 = ok
        enter 0 = none
        shutdown c wr = ok
        enter 0 = 1:RDHUP
    ";
    multishot_ends_where_its_completion_does_not_fit: "
        server l 5 = ok
        ring 1 2 = ok
        u-accept l s 1 = ok
        enter 0 = none
        socket c = ok
        socket d = ok
        socket f = ok
        connect c l = EINPROGRESS
        connect d l = EINPROGRESS
        connect f l = EINPROGRESS
        enter 0 = 1:ok+ 1:ok+
        enter 0 = 1:ok
        socket g = ok
        connect g l = EINPROGRESS
        enter 0 = none
        poll l IN = IN
    ";
    multishot_poll_ends_where_its_completion_does_not_fit: "
        server l 5 = ok
        pair c s l = ok
        ring 1 1 = ok
        u-poll s IN 1 = ok
        enter 0 = none
        send c 1 = 1
        u-nop = ok
        enter 0 = 2:0
        enter 0 = 1:IN
        send c 1 = 1
        enter 0 = none
    ";
    multishot_accept: "
        server l 5 = ok
        ring 64 0 = ok
        u-accept l s 1 = ok
        enter 0 = none
        socket c = ok
        socket d = ok
        connect c l = EINPROGRESS
        connect d l = EINPROGRESS
        enter 0 = 1:ok+ 1:ok+
        u-cancel 1 = ok
        enter 0 = 2:0 1:ECANCELED
    ";
    multishot_recv_ends_when_the_group_runs_out: "
        server l 2 = ok
        pair c s l = ok
        ring 64 0 = ok
        u-provide 2 8 = ok
        u-group s 1 = ok
        enter 0 = 1:0
        send c 20 = 20
        enter 0 = 2:8#0+ 2:8#1+ 2:ENOBUFS
        u-provide 1 8 = ok
        shutdown c wr = ok
        u-group s 1 = ok
        enter 0 = 3:0 4:4#2+ 4:ENOBUFS
        enter 0 = none
    ";
    what_overflows_is_flushed_in_order: "
        ring 16 16 = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        enter 0 = 1:0 2:0 3:0 4:0 5:0 6:0 7:0 8:0 9:0 10:0 11:0 12:0 13:0 14:0 15:0 16:0
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        u-nop = ok
        enter 0 = 17:0 18:0 19:0 20:0 21:0 22:0 23:0 24:0
    ";
}

mod bytes {
    use eagain_net::{
        Advice, ClockId, Completed, CompletionRing, Domain, Fd, Operation, RecvFlags, RingParams, SendFlags,
        SocketFlags, Submission, SubmissionFlags, any_port,
    };
    use eagain_scenarios::conform::machine::Calls;
    use std::time::Duration;

    const SOON: Option<Duration> = Some(Duration::from_secs(1));

    /// A connection, and a ring where there are rings.
    fn start<K: Calls>(k: K) -> Option<(Fd, Fd, K::Ring)> {
        if k.io_uring_probe() != Advice::Available {
            return None;
        }
        let listener = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        k.bind(listener, any_port()).unwrap();
        k.listen(listener, 1).unwrap();
        let client = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        k.connect(client, k.getsockname(listener).unwrap()).unwrap();
        let (server, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
        k.close(listener).unwrap();
        let params = RingParams { entries: 8, cq_entries: 0, defer_taskrun: true };
        Some((client, server, k.io_uring_setup(params).unwrap()))
    }

    fn push<R: CompletionRing>(ring: &mut R, user_data: u64, operation: Operation) {
        let pushed = ring.push(Submission { user_data, operation, flags: SubmissionFlags::NONE });
        assert!(pushed.is_ok());
    }

    fn turn<R: CompletionRing>(ring: &mut R, least: u32) -> Vec<Completed> {
        ring.enter(least, if least > 0 { SOON } else { None }, None).unwrap();
        let mut done = Vec::new();
        ring.reap(&mut done);
        done
    }

    fn send(fd: Fd, byte: u8, len: usize, flags: SendFlags) -> Operation {
        Operation::Send { fd, buffer: vec![byte; len], from: 0, flags }
    }

    fn send_is_short_when_the_buffer_fills_and_waits_when_asked_to<K: Calls>(k: K) {
        let Some((client, server, mut ring)) = start(k) else { return };
        push(&mut ring, 1, send(client, 7, 8 << 20, SendFlags::NONE));
        let first = turn(&mut ring, 0);
        let short = usize::try_from(first[0].result).unwrap();
        assert!(short > 0 && short < 8 << 20, "{short}");
        push(&mut ring, 2, send(client, 8, 1 << 20, SendFlags::WAITALL));
        let mut done = turn(&mut ring, 0);
        assert!(done.is_empty(), "the buffer is full");
        let (mut got, mut buffer) = (0, vec![0; 65536]);
        while got < short + (1 << 20) {
            match k.recv(server, &mut buffer, RecvFlags::DONTWAIT) {
                Ok(n) => got += n,
                Err(_) => done.extend(turn(&mut ring, 0)),
            }
        }
        while done.is_empty() {
            done = turn(&mut ring, 1);
        }
        assert_eq!((done[0].user_data, done[0].result), (2, 1 << 20));
        assert_eq!(done.len(), 1);
    }

    fn four_recvs_get_the_bytes_in_reverse<K: Calls>(k: K) {
        let Some((client, server, mut ring)) = start(k) else { return };
        for number in 0..4 {
            push(&mut ring, number, Operation::Recv { fd: server, buffer: vec![0], flags: RecvFlags::NONE });
        }
        assert!(turn(&mut ring, 0).is_empty());
        k.send(client, b"ABCD", SendFlags::NONE).unwrap();
        let mut done = turn(&mut ring, 4);
        done.sort_by_key(|one| one.user_data);
        let bytes: Vec<u8> = done.iter().map(|one| one.buffer.as_ref().unwrap()[0]).collect();
        assert_eq!(bytes, b"DCBA");
    }

    fn two_sends_that_wait_for_all_interleave<K: Calls>(k: K) {
        let Some((client, server, mut ring)) = start(k) else { return };
        for number in [1, 2] {
            push(&mut ring, number, send(client, number as u8, 6 << 20, SendFlags::WAITALL));
        }
        let mut done = turn(&mut ring, 0).len();
        let (mut got, mut runs, mut last) = (0, 0, 0);
        let mut buffer = vec![0; 65536];
        while got < 12 << 20 {
            let Ok(n) = k.recv(server, &mut buffer, RecvFlags::DONTWAIT) else {
                done += turn(&mut ring, 0).len();
                continue;
            };
            got += n;
            for &byte in &buffer[..n] {
                runs += usize::from(byte != last);
                last = byte;
            }
        }
        assert!(runs > 2, "one after the other");
        while done < 2 {
            done += turn(&mut ring, 1).len();
        }
    }

    fn dropping_a_ring_ends_what_is_linked_hard_behind<K: Calls>(k: K) {
        let Some((_client, server, mut ring)) = start(k) else { return };
        for (number, flags) in [(1, SubmissionFlags::HARDLINK), (2, SubmissionFlags::NONE)] {
            let operation = Operation::Recv { fd: server, buffer: vec![0], flags: RecvFlags::NONE };
            assert!(ring.push(Submission { user_data: number, operation, flags }).is_ok());
        }
        assert!(turn(&mut ring, 0).is_empty());
        let before = k.clock_gettime(ClockId::Monotonic);
        drop(ring);
        let took = k.clock_gettime(ClockId::Monotonic) - before;
        assert!(took < Duration::from_millis(400), "{took:?}: it waits for what nobody ends");
    }

    crate::bodies! {
        dropping_a_ring_ends_what_is_linked_hard_behind
        send_is_short_when_the_buffer_fills_and_waits_when_asked_to
        four_recvs_get_the_bytes_in_reverse
        two_sends_that_wait_for_all_interleave
    }
}
