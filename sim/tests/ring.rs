//! io_uring, row by row of what was seen on Linux.

#[macro_use]
mod common;

use common::{listener, pair};
use eagain_net::*;
use eagain_sim::SimKernel;
use std::time::Duration;

type SimRing = Ring<SimKernel>;

fn ring(k: SimKernel) -> SimRing {
    Ring::new(k, RingParams { entries: 64, cq_entries: 0, defer_taskrun: true }).unwrap()
}

/// Submits, and gives back what is there: user data and result, and whether more follow.
fn turn(r: &mut SimRing) -> Vec<(u64, i32, bool)> {
    r.enter(0, Some(Duration::ZERO)).unwrap();
    reap(r).iter().map(|c| (c.user_data, c.result, c.flags.contains(CompletedFlags::MORE))).collect()
}

fn reap(r: &mut SimRing) -> Vec<Completed> {
    let mut all = Vec::new();
    r.reap(&mut all);
    all
}

fn plain(all: &[(u64, i32)]) -> Vec<(u64, i32, bool)> {
    all.iter().map(|&(user_data, result)| (user_data, result, false)).collect()
}

fn linked(r: &mut SimRing, user_data: u64, operation: Operation, flags: SubmissionFlags) {
    r.push(Submission { user_data, operation, flags }).unwrap();
}

fn recv(fd: Fd, len: usize, flags: RecvFlags) -> Operation {
    Operation::Recv { fd, buffer: vec![0; len], flags }
}

fn send_now(k: SimKernel, fd: Fd, bytes: &[u8]) {
    assert_eq!(k.send(fd, bytes, SendFlags::NONE), Ok(bytes.len()));
}

fn canceled() -> i32 {
    -Errno::ECANCELED.0
}

row!(recv_on_an_empty_socket_pends_and_others_complete_first, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    r.recv(1, b, vec![0; 8]).unwrap();
    linked(&mut r, 2, Operation::Nop, SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), plain(&[(2, 0)]));
    send_now(k, a, b"abc");
    assert_eq!(turn(&mut r), plain(&[(1, 3)]));
});

row!(without_deferred_work_a_completion_appears_after_any_call, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = Ring::new(k, RingParams { entries: 8, cq_entries: 0, defer_taskrun: false }).unwrap();
    r.recv(1, b, vec![0; 8]).unwrap();
    r.enter(0, Some(Duration::ZERO)).unwrap();
    send_now(k, a, b"abc");
    assert_eq!(reap(&mut r)[0].buffer.as_deref(), Some(&b"abc\0\0\0\0\0"[..]));
    let mut deferred = ring(k);
    deferred.recv(1, b, vec![0; 8]).unwrap();
    deferred.enter(0, Some(Duration::ZERO)).unwrap();
    send_now(k, a, b"abc");
    assert!(reap(&mut deferred).is_empty(), "only inside enter");
    assert_eq!(turn(&mut deferred), plain(&[(1, 3)]));
});

row!(operations_on_a_nonblocking_socket_pend_too, |k| {
    let (a, b) = pair(k, SocketFlags::NONBLOCK);
    let mut r = ring(k);
    r.recv(1, b, vec![0; 8]).unwrap();
    linked(&mut r, 2, recv(b, 8, RecvFlags::DONTWAIT), SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), plain(&[(2, -Errno::EAGAIN.0)]));
    send_now(k, a, b"x");
    assert_eq!(turn(&mut r), plain(&[(1, 1)]));
    let (_l, address) = listener(k);
    let c = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    r.connect(3, c, address).unwrap();
    r.enter(1, None).unwrap();
    assert_eq!(reap(&mut r)[0].result, 0);
    let refused = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    r.connect(4, refused, SocketAddr::from(([127, 0, 0, 1], 1))).unwrap();
    r.enter(1, None).unwrap();
    assert_eq!(reap(&mut r)[0].result, -Errno::ECONNREFUSED.0);
});

row!(send_is_short_when_the_buffer_fills_and_waits_when_asked_to, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    r.send(1, a, vec![7; 4 << 20], 0).unwrap();
    let first = turn(&mut r);
    let short = first[0].1 as usize;
    assert!(short > 0 && short < 4 << 20);
    r.send_all(2, a, vec![8; 1 << 20], 0).unwrap();
    assert_eq!(turn(&mut r), []);
    let (mut got, mut buffer) = (0, vec![0; 65536]);
    while got < short + (1 << 20) {
        match k.recv(b, &mut buffer, RecvFlags::DONTWAIT) {
            Ok(n) => got += n,
            Err(_) => drop(r.enter(0, Some(Duration::ZERO))),
        }
    }
    assert_eq!(turn(&mut r), plain(&[(2, 1 << 20)]));
});

row!(recv_that_waits_for_all_gives_what_came_before_the_end, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    linked(&mut r, 1, recv(b, 10, RecvFlags::WAITALL), SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), []);
    send_now(k, a, b"abc");
    assert_eq!(turn(&mut r), []);
    k.shutdown(a, ShutdownHow::Write).unwrap();
    assert_eq!(turn(&mut r), plain(&[(1, 3)]));
});

row!(pending_recvs_are_not_served_in_their_order, |k| {
    for (count, order) in [(2, vec![1, 0]), (4, vec![3, 0, 2, 1])] {
        let (a, b) = pair(k, SocketFlags::NONE);
        let mut r = ring(k);
        for i in 0..count {
            r.recv(i, b, vec![0; 1]).unwrap();
        }
        assert_eq!(turn(&mut r), []);
        for expected in order {
            send_now(k, a, b"x");
            assert_eq!(turn(&mut r), plain(&[(expected, 1)]));
        }
    }
});

row!(four_recvs_get_the_bytes_in_reverse, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    for i in 0..4 {
        r.recv(i, b, vec![0; 1]).unwrap();
    }
    assert_eq!(turn(&mut r), []);
    send_now(k, a, b"ABCD");
    r.enter(4, None).unwrap();
    let mut all = reap(&mut r);
    all.sort_by_key(|c| c.user_data);
    let bytes: Vec<u8> = all.iter().map(|c| c.buffer.as_ref().unwrap()[0]).collect();
    assert_eq!(bytes, b"DCBA");
});

row!(two_sends_that_wait_for_all_interleave, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    r.send_all(1, a, vec![1; 3 << 20], 0).unwrap();
    r.send_all(2, a, vec![2; 3 << 20], 0).unwrap();
    assert_eq!(turn(&mut r), []);
    let (mut runs, mut last, mut got) = (0, 0, 0);
    let mut buffer = vec![0; 65536];
    while got < 6 << 20 {
        let Ok(n) = k.recv(b, &mut buffer, RecvFlags::DONTWAIT) else {
            let _ = r.enter(0, Some(Duration::ZERO));
            continue;
        };
        got += n;
        for &byte in &buffer[..n] {
            runs += usize::from(byte != last);
            last = byte;
        }
    }
    assert!(runs > 2, "one after the other");
    assert_eq!(turn(&mut r).len(), 2);
});

row!(cancel_completes_first_and_its_target_after, |k| {
    let (_a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    r.recv(1, b, vec![0; 8]).unwrap();
    assert_eq!(turn(&mut r), []);
    r.cancel(2, 1).unwrap();
    r.enter(2, None).unwrap();
    let all = reap(&mut r);
    assert_eq!((all[0].user_data, all[0].result), (2, 0));
    assert_eq!((all[1].user_data, all[1].result), (1, canceled()));
    assert_eq!(all[1].buffer.as_ref().map(Vec::len), Some(8), "the buffer comes back");
    r.cancel(3, 77).unwrap();
    assert_eq!(turn(&mut r), plain(&[(3, -Errno::ENOENT.0)]));
});

row!(pending_recv_survives_the_last_close_and_no_fin_is_sent, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    r.recv(1, b, vec![0; 8]).unwrap();
    assert_eq!(turn(&mut r), []);
    k.close(b).unwrap();
    assert_eq!(k.recv(a, &mut [0; 1], RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
    send_now(k, a, b"late");
    assert_eq!(turn(&mut r), plain(&[(1, 4)]));
    assert_eq!(k.recv(a, &mut [0; 1], RecvFlags::NONE), Ok(0), "and now the FIN");
});

row!(local_shutdown_completes_a_pending_recv, |k| {
    let (_a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    r.recv(1, b, vec![0; 8]).unwrap();
    assert_eq!(turn(&mut r), []);
    k.shutdown(b, ShutdownHow::Read).unwrap();
    assert_eq!(turn(&mut r), plain(&[(1, 0)]));
});

row!(links_go_on_after_a_short_recv_and_break_at_a_short_waitall_or_an_error, |k| {
    const LINK: SubmissionFlags = SubmissionFlags::LINK;
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    send_now(k, a, b"abc");
    linked(&mut r, 1, recv(b, 8, RecvFlags::NONE), LINK);
    linked(&mut r, 2, Operation::Nop, SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), plain(&[(1, 3), (2, 0)]));
    linked(&mut r, 3, recv(Fd(99), 8, RecvFlags::NONE), LINK);
    linked(&mut r, 4, Operation::Nop, LINK);
    linked(&mut r, 5, recv(b, 8, RecvFlags::NONE), SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), plain(&[(3, -Errno::EBADF.0), (4, canceled()), (5, canceled())]));
    linked(&mut r, 6, recv(Fd(99), 8, RecvFlags::NONE), SubmissionFlags::HARDLINK);
    linked(&mut r, 7, Operation::Nop, SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), plain(&[(6, -Errno::EBADF.0), (7, 0)]));
    send_now(k, a, b"abc");
    k.shutdown(a, ShutdownHow::Write).unwrap();
    linked(&mut r, 8, recv(b, 8, RecvFlags::WAITALL), LINK);
    linked(&mut r, 9, Operation::Nop, SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), plain(&[(8, 3), (9, canceled())]));
});

row!(a_link_begins_when_what_it_waits_for_has_ended, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    linked(&mut r, 1, recv(b, 8, RecvFlags::NONE), SubmissionFlags::LINK);
    linked(
        &mut r,
        2,
        Operation::Send { fd: b, buffer: b"pong".to_vec(), from: 0, flags: SendFlags::NONE },
        SubmissionFlags::NONE,
    );
    assert_eq!(turn(&mut r), []);
    send_now(k, a, b"ping");
    // What is linked is begun when the first has been reported, by the next work that is done.
    assert_eq!(turn(&mut r), plain(&[(1, 4)]));
    assert_eq!(turn(&mut r), plain(&[(2, 4)]));
});

row!(linked_timeout_ends_a_recv_and_data_ends_the_timeout, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    let after = Duration::from_millis(20);
    linked(&mut r, 1, recv(b, 8, RecvFlags::NONE), SubmissionFlags::LINK);
    linked(&mut r, 2, Operation::LinkTimeout { after }, SubmissionFlags::NONE);
    r.enter(2, None).unwrap();
    let all = reap(&mut r);
    assert_eq!((all[0].user_data, all[0].result), (2, -Errno::ETIME.0));
    assert_eq!((all[1].user_data, all[1].result), (1, canceled()));
    linked(&mut r, 3, recv(b, 8, RecvFlags::NONE), SubmissionFlags::LINK);
    linked(&mut r, 4, Operation::LinkTimeout { after }, SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), []);
    send_now(k, a, b"data");
    assert_eq!(turn(&mut r), plain(&[(3, 4)]));
    assert_eq!(turn(&mut r), plain(&[(4, canceled())]));
    linked(&mut r, 5, Operation::LinkTimeout { after }, SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), plain(&[(5, -Errno::EINVAL.0)]));
});

row!(timeout_is_over_by_time_or_by_count, |k| {
    let mut r = ring(k);
    let started = k.clock_gettime(ClockId::Monotonic);
    r.timeout(1, Duration::from_millis(5)).unwrap();
    r.enter(1, None).unwrap();
    assert_eq!(reap(&mut r)[0].result, -Errno::ETIME.0);
    assert!(k.clock_gettime(ClockId::Monotonic) - started >= Duration::from_millis(5));
    linked(&mut r, 2, Operation::Timeout { after: Duration::from_secs(9), count: 1 }, SubmissionFlags::NONE);
    linked(&mut r, 3, Operation::Nop, SubmissionFlags::NONE);
    assert_eq!(turn(&mut r), plain(&[(3, 0), (2, 0)]));
    linked(&mut r, 4, Operation::Timeout { after: Duration::from_secs(9), count: 0 }, SubmissionFlags::NONE);
    r.cancel(5, 4).unwrap();
    assert_eq!(turn(&mut r), plain(&[(5, 0), (4, canceled())]));
});

row!(multishot_poll_reports_every_wakeup, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    send_now(k, a, b"x");
    let events = Events::IN | Events::RDHUP;
    linked(&mut r, 1, Operation::PollAdd { fd: b, events, multishot: true }, SubmissionFlags::NONE);
    let readable = (1, Events::IN.0 as i32, true);
    assert_eq!(turn(&mut r), [readable]);
    send_now(k, a, b"x");
    assert_eq!(turn(&mut r), [readable], "undrained");
    k.shutdown(a, ShutdownHow::Write).unwrap();
    assert_eq!(turn(&mut r), [(1, events.0 as i32, true)]);
    r.cancel(2, 1).unwrap();
    assert_eq!(turn(&mut r), plain(&[(2, 0), (1, canceled())]));
    r.poll_add(3, b, Events::IN).unwrap();
    assert_eq!(turn(&mut r), plain(&[(3, events.0 as i32)]), "RDHUP need not be asked for");
});

row!(multishot_accept_goes_on_until_it_is_cancelled, |k| {
    let (l, address) = listener(k);
    let mut r = ring(k);
    r.accept_multishot(1, l, SocketFlags::NONE).unwrap();
    for _ in 0..2 {
        let c = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        k.connect(c, address).unwrap();
        let all = turn(&mut r);
        assert!(matches!(all[..], [(1, 3.., true)]), "{all:?}");
    }
    r.cancel(2, 1).unwrap();
    assert_eq!(turn(&mut r), plain(&[(2, 0), (1, canceled())]));
});

row!(multishot_recv_ends_when_the_group_runs_out, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    r.provide(9, 1, vec![vec![0; 8]; 2], 10).unwrap();
    r.recv_multishot(1, b, 1).unwrap();
    assert_eq!(turn(&mut r), plain(&[(9, 0)]));
    send_now(k, a, &[5; 20]);
    r.enter(3, None).unwrap();
    let all = reap(&mut r);
    let seen: Vec<_> = all.iter().map(|c| (c.result, c.flags, c.buffer_id)).collect();
    let more = CompletedFlags::MORE | CompletedFlags::BUFFER;
    assert_eq!(seen, [(8, more, 10), (8, more, 11), (-Errno::ENOBUFS.0, CompletedFlags::NONE, 0)]);
    assert_eq!(all[0].buffer.as_deref(), Some(&[5; 8][..]));
    r.provide(9, 1, vec![vec![0; 8]; 2], 20).unwrap();
    r.recv_multishot(2, b, 1).unwrap();
    k.shutdown(a, ShutdownHow::Write).unwrap();
    r.enter(2, None).unwrap();
    let seen: Vec<_> = reap(&mut r).iter().map(|c| (c.user_data, c.result, c.flags)).collect();
    assert_eq!(seen, [(9, 0, CompletedFlags::NONE), (2, 4, more), (2, 0, CompletedFlags::NONE)]);
});

row!(what_overflows_is_flushed_in_order_by_enter, |k| {
    let mut r = Ring::new(k, RingParams { entries: 64, cq_entries: 64, defer_taskrun: true }).unwrap();
    for i in 0..200 {
        while r
            .push(Submission { user_data: i, operation: Operation::Nop, flags: SubmissionFlags::NONE })
            .is_err()
        {
            r.enter(0, Some(Duration::ZERO)).unwrap();
        }
    }
    let mut got = Vec::new();
    while got.len() < 200 {
        r.enter(0, Some(Duration::ZERO)).unwrap();
        let all = reap(&mut r);
        assert!(all.len() <= 64);
        got.extend(all.iter().map(|c| c.user_data));
    }
    assert_eq!(got, (0..200).collect::<Vec<_>>());
});

row!(a_full_submission_queue_gives_the_buffer_back, |k| {
    let (_a, b) = pair(k, SocketFlags::NONE);
    let mut r = Ring::new(k, RingParams { entries: 1, cq_entries: 0, defer_taskrun: true }).unwrap();
    r.recv(1, b, vec![1; 4]).unwrap();
    let (errno, back) = r.recv(2, b, vec![2; 5]).unwrap_err();
    assert_eq!(errno, Errno::EBUSY);
    assert!(matches!(back.operation, Operation::Recv { ref buffer, .. } if *buffer == [2; 5]));
});

row!(the_ring_is_readable_when_completions_wait, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, r.fd(), Events::IN | Events::ET, 5).unwrap();
    let mut events = [EpollEvent::default(); 4];
    r.recv(1, b, vec![0; 8]).unwrap();
    assert_eq!(turn(&mut r), []);
    assert_eq!(k.epoll_wait(epoll, &mut events, Some(Duration::ZERO), None), Ok(0));
    send_now(k, a, b"x");
    assert_eq!(k.epoll_wait(epoll, &mut events, Some(Duration::ZERO), None), Ok(1));
    assert_eq!(turn(&mut r), plain(&[(1, 1)]));
});

row!(enter_says_what_ended_it, |k| {
    let mut r = ring(k);
    assert_eq!(r.enter(1, Some(Duration::from_millis(1))), Err(Errno::ETIME));
    linked(&mut r, 1, Operation::Nop, SubmissionFlags::NONE);
    assert_eq!(r.enter(2, Some(Duration::from_millis(1))), Ok(1), "what was submitted counts for more");
    assert_eq!(r.enter(2, Some(Duration::from_millis(1))), Ok(0), "and so does what is there");
    k.sigaction(Signal::SIGUSR1, SigAction::handler(true, |_| {})).unwrap();
    reap(&mut r);
    let (me, kernel) = (k.gettid(), k);
    k.spawn(
        "killer",
        Box::new(move || {
            kernel.nanosleep(Duration::from_micros(500)).unwrap();
            kernel.tgkill(me, Signal::SIGUSR1).unwrap();
        }),
    )
    .unwrap();
    assert_eq!(r.enter(1, None), Err(Errno::EINTR));
    let kernel = k;
    let other = k
        .spawn(
            "other",
            Box::new(move || {
                let mut r = ring(kernel);
                assert_eq!(r.enter(0, None), Ok(0));
            }),
        )
        .unwrap();
    k.join(other).unwrap();
});

row!(dropping_a_ring_lets_go_of_the_files, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let mut r = ring(k);
    r.recv(1, b, vec![0; 8]).unwrap();
    assert_eq!(turn(&mut r), []);
    k.close(b).unwrap();
    drop(r);
    assert_eq!(k.recv(a, &mut [0; 1], RecvFlags::NONE), Ok(0));
});
