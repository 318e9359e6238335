//! Signals, row by row of what was seen on Linux.

#[macro_use]
mod common;

use common::{listener, pair, run, synchronous};
use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::{Sim, SimKernel};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

const USR1: Signal = Signal::SIGUSR1;
const RT: Signal = Signal::SIGRTMIN;

/// Counts how often `signal` is handled.
fn counting(k: SimKernel, signal: Signal, restart: bool) -> Arc<AtomicU32> {
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    k.sigaction(
        signal,
        SigAction::handler(restart, move |_| {
            counted.fetch_add(1, SeqCst);
        }),
    )
    .unwrap();
    count
}

/// Another thread does something after a while.
fn later(k: SimKernel, act: impl FnOnce(SimKernel, ThreadId) + Send + 'static) {
    let me = k.gettid();
    let body = move || {
        k.nanosleep(Duration::from_millis(1)).unwrap();
        act(k, me);
    };
    k.spawn("later", Box::new(body)).unwrap();
}

fn signal_later(k: SimKernel) {
    later(k, |k, main| k.tgkill(main, USR1).unwrap());
}

row!(waits_for_readiness_end_with_eintr_whatever_sa_restart_says, |k| {
    for restart in [false, true] {
        let count = counting(k, USR1, restart);
        let epoll = k.epoll_create().unwrap();
        signal_later(k);
        assert_eq!(k.epoll_wait(epoll, &mut [EpollEvent::default()], None, None), Err(Errno::EINTR));
        signal_later(k);
        assert_eq!(k.poll(&mut [], None, None), Err(Errno::EINTR));
        signal_later(k);
        assert_eq!(k.select(0, None, None, None, None, None), Err(Errno::EINTR));
        signal_later(k);
        assert_eq!(k.nanosleep(Duration::from_secs(1)), Err(Errno::EINTR));
        signal_later(k);
        let timeout = FutexTimeout::Relative(Duration::from_secs(1));
        assert_eq!(k.futex_wait(&AtomicU32::new(0), 0, timeout), Err(Errno::EINTR));
        assert_eq!(count.load(SeqCst), 5);
    }
});

row!(blocking_calls_end_with_eintr_or_go_on, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let (l, address) = listener(k);
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    counting(k, USR1, false);
    signal_later(k);
    assert_eq!(k.recv(b, &mut [0; 1], RecvFlags::NONE), Err(Errno::EINTR));
    signal_later(k);
    assert_eq!(k.accept4(l, SocketFlags::NONE), Err(Errno::EINTR));
    signal_later(k);
    assert_eq!(k.read(event, &mut [0; 8]), Err(Errno::EINTR));
    signal_later(k);
    assert_eq!(k.futex_wait(&AtomicU32::new(0), 0, FutexTimeout::Never), Err(Errno::EINTR));
    let count = counting(k, USR1, true);
    later(k, move |k, main| {
        k.tgkill(main, USR1).unwrap();
        k.send(a, b"x", SendFlags::NONE).unwrap();
    });
    assert_eq!(k.recv(b, &mut [0; 1], RecvFlags::NONE), Ok(1));
    later(k, move |k, main| {
        k.tgkill(main, USR1).unwrap();
        let c = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        k.connect(c, address).unwrap();
    });
    assert!(k.accept4(l, SocketFlags::NONE).is_ok());
    later(k, move |k, main| {
        k.tgkill(main, USR1).unwrap();
        k.write(event, &1_u64.to_ne_bytes()).unwrap();
    });
    assert_eq!(k.read(event, &mut [0; 8]), Ok(8));
    assert_eq!(count.load(SeqCst), 3);
});

row!(a_read_with_so_rcvtimeo_is_not_restarted, |k| {
    let (_a, b) = pair(k, SocketFlags::NONE);
    k.setsockopt(b, SocketOption::RecvTimeout(Some(Duration::from_millis(50)))).unwrap();
    counting(k, USR1, true);
    signal_later(k);
    assert_eq!(k.recv(b, &mut [0; 1], RecvFlags::NONE), Err(Errno::EINTR));
    assert_eq!(k.recv(b, &mut [0; 1], RecvFlags::NONE), Err(Errno::EAGAIN));
});

row!(an_interrupted_write_returns_the_bytes_written, |k| {
    let (a, _b) = pair(k, SocketFlags::NONE);
    counting(k, USR1, true);
    signal_later(k);
    let n = k.send(a, &vec![0; 8 << 20], SendFlags::NONE).unwrap();
    assert!(n > 0 && n < 8 << 20);
});

row!(an_interrupted_recv_with_waitall_returns_the_bytes_received, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    counting(k, USR1, true);
    k.send(a, b"abc", SendFlags::NONE).unwrap();
    signal_later(k);
    assert_eq!(k.recv(b, &mut [0; 10], RecvFlags::WAITALL), Ok(3));
    later(k, move |k, _| assert_eq!(k.send(a, &[7; 4 << 20], SendFlags::NONE), Ok(4 << 20)));
    let mut all = vec![0; 4 << 20];
    assert_eq!(k.recv(b, &mut all, RecvFlags::WAITALL), Ok(4 << 20), "more than the buffers hold");
    assert!(all.iter().all(|byte| *byte == 7));
    k.setsockopt(b, SocketOption::RecvTimeout(Some(Duration::from_millis(5)))).unwrap();
    k.send(a, b"xy", SendFlags::NONE).unwrap();
    assert_eq!(k.recv(b, &mut [0; 10], RecvFlags::WAITALL), Ok(2), "the time is over");
});

/// A pending signal that a mask of the call lets through.
fn pending(k: SimKernel) -> (Arc<AtomicU32>, SigSet) {
    let count = counting(k, USR1, true);
    k.sigprocmask(MaskHow::Block, SigSet::of(&[USR1])).unwrap();
    k.kill(k.getpid(), USR1).unwrap();
    (count, SigSet::EMPTY)
}

row!(a_mask_that_lets_a_pending_signal_through_gives_eintr, |k| {
    let (count, mask) = pending(k);
    let epoll = k.epoll_create().unwrap();
    let mut events = [EpollEvent::default()];
    assert_eq!(k.epoll_wait(epoll, &mut events, None, Some(mask)), Err(Errno::EINTR));
    assert_eq!(count.load(SeqCst), 1);
    k.kill(k.getpid(), USR1).unwrap();
    assert_eq!(k.poll(&mut [], None, Some(mask)), Err(Errno::EINTR));
    k.kill(k.getpid(), USR1).unwrap();
    assert_eq!(k.select(0, None, None, None, None, Some(mask)), Err(Errno::EINTR));
    assert_eq!(count.load(SeqCst), 3);
    assert_eq!(k.sigprocmask(MaskHow::Block, SigSet::EMPTY), Ok(SigSet::of(&[USR1])), "the mask of before");
});

row!(where_a_descriptor_is_ready_the_handler_does_not_run, |k| {
    let (count, mask) = pending(k);
    let event = k.eventfd(1, SocketFlags::NONE).unwrap();
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, event, Events::IN, 1).unwrap();
    let mut events = [EpollEvent::default()];
    assert_eq!(k.epoll_wait(epoll, &mut events, None, Some(mask)), Ok(1));
    assert_eq!(k.poll(&mut [PollFd::new(event, Events::IN)], None, Some(mask)), Ok(1));
    let mut read = FdSet::default();
    assert!(read.insert(event));
    assert_eq!(k.select(event.0 + 1, Some(&mut read), None, None, None, Some(mask)), Ok(1));
    assert_eq!(count.load(SeqCst), 0);
    assert_eq!(k.sigpending(), Ok(SigSet::of(&[USR1])), "it stays pending");
});

row!(with_timeout_0_epoll_returns_0_and_poll_eintr, |k| {
    let (count, mask) = pending(k);
    let epoll = k.epoll_create().unwrap();
    let mut events = [EpollEvent::default()];
    assert_eq!(k.epoll_wait(epoll, &mut events, Some(Duration::ZERO), Some(mask)), Ok(0));
    assert_eq!(count.load(SeqCst), 0);
    assert_eq!(k.poll(&mut [], Some(Duration::ZERO), Some(mask)), Err(Errno::EINTR));
    assert_eq!(count.load(SeqCst), 1);
});

row!(the_mask_of_before_is_back_after_a_handler_that_makes_calls, |k| {
    let event = k.eventfd(0, SocketFlags::NONBLOCK).unwrap();
    let write = move |_: &SigInfo| assert_eq!(k.write(event, &1_u64.to_ne_bytes()), Ok(8));
    k.sigaction(USR1, SigAction::handler(false, write)).unwrap();
    k.sigprocmask(MaskHow::Block, SigSet::of(&[USR1])).unwrap();
    k.kill(k.getpid(), USR1).unwrap();
    let epoll = k.epoll_create().unwrap();
    let mut events = [EpollEvent::default()];
    assert_eq!(k.epoll_wait(epoll, &mut events, None, Some(SigSet::EMPTY)), Err(Errno::EINTR));
    assert_eq!(k.sigprocmask(MaskHow::Block, SigSet::EMPTY), Ok(SigSet::of(&[USR1])));
    assert_eq!(k.read(event, &mut [0; 8]), Ok(8));
});

/// The order in which the handlers of SIGIO and a real-time signal run.
fn order(k: SimKernel, mask: SigSet) -> Vec<i32> {
    let ran = Arc::new(std::sync::Mutex::new(Vec::new()));
    for signal in [Signal::SIGIO, RT] {
        let ran = ran.clone();
        let mut action = SigAction::handler(true, move |info| ran.lock().unwrap().push(info.signal.0));
        action.mask = mask;
        k.sigaction(signal, action).unwrap();
    }
    let both = SigSet::of(&[Signal::SIGIO, RT]);
    k.sigprocmask(MaskHow::Block, both).unwrap();
    k.kill(k.getpid(), Signal::SIGIO).unwrap();
    k.sigqueue(k.getpid(), RT, 1).unwrap();
    k.sigprocmask(MaskHow::Unblock, both).unwrap();
    let ran = ran.lock().unwrap();
    ran.clone()
}

row!(of_two_signals_the_last_frame_runs_first_unless_the_mask_forbids, |k| {
    assert_eq!(order(k, SigSet::EMPTY), [RT.0, Signal::SIGIO.0]);
    assert_eq!(order(k, SigSet::of(&[RT])), [Signal::SIGIO.0, RT.0]);
});

/// What a descriptor reported by `signal` so far.
fn signals(k: SimKernel, signal: Signal) -> Vec<(SigCode, i32)> {
    let set = SigSet::of(&[signal, Signal::SIGIO]);
    std::iter::from_fn(|| k.sigtimedwait(set, Some(Duration::ZERO)).ok()).map(|i| (i.code, i.fd.0)).collect()
}

fn report_by(k: SimKernel, fd: Fd, signal: Option<Signal>) {
    k.sigprocmask(MaskHow::Block, SigSet::of(&[RT, Signal::SIGIO])).unwrap();
    k.fcntl_setown(fd, Owner::ThisProcess).unwrap();
    k.fcntl_setsig(fd, signal).unwrap();
    k.fcntl_setfl(fd, StatusFlags::ASYNC | StatusFlags::NONBLOCK).unwrap();
}

row!(sigio_reports_arrivals_and_a_fin_twice, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    k.send(a, b"x", SendFlags::NONE).unwrap();
    k.sched_yield();
    report_by(k, b, Some(RT));
    assert_eq!(signals(k, RT), [], "what was there before is not reported");
    for _ in 0..2 {
        k.send(a, b"x", SendFlags::NONE).unwrap();
        assert_eq!(signals(k, RT), [(SigCode::PollIn, b.0)], "undrained");
    }
    k.recv(b, &mut [0; 9], RecvFlags::NONE).unwrap();
    k.send(b, b"small", SendFlags::NONE).unwrap();
    assert_eq!(signals(k, RT), []);
    k.shutdown(b, ShutdownHow::Write).unwrap();
    assert_eq!(signals(k, RT), [], "its own shutdown");
    let (c, d) = pair(k, SocketFlags::NONE);
    report_by(k, d, Some(RT));
    k.shutdown(c, ShutdownHow::Write).unwrap();
    assert_eq!(signals(k, RT), [(SigCode::PollIn, d.0); 2]);
});

row!(sigio_reports_connections_resets_and_room, |k| {
    let (l, address) = listener(k);
    report_by(k, l, Some(RT));
    let c = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    report_by(k, c, Some(RT));
    assert_eq!(k.connect(c, address), Err(Errno::EINPROGRESS));
    assert_eq!(signals(k, RT), [(SigCode::PollOut, c.0), (SigCode::PollIn, l.0)]);
    let (b, _) = k.accept4(l, SocketFlags::NONBLOCK).unwrap();
    while k.send(c, &[0; 65536], SendFlags::NONE).is_ok() {}
    let mut buffer = vec![0; 65536];
    while k.recv(b, &mut buffer, RecvFlags::NONE).is_ok() {}
    k.sched_yield();
    let room = signals(k, RT);
    assert_eq!(room, [(SigCode::PollOut, c.0)]);
    while k.recv(b, &mut buffer, RecvFlags::NONE).is_ok() {}
    signals(k, RT);
    k.setsockopt(b, SocketOption::Linger(Some(0))).unwrap();
    k.close(b).unwrap();
    assert_eq!(signals(k, RT), [(SigCode::PollErr, c.0)]);
});

row!(plain_sigio_coalesces_and_names_no_descriptor, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    report_by(k, b, None);
    for _ in 0..5 {
        k.send(a, b"x", SendFlags::NONE).unwrap();
    }
    let all = signals(k, RT);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].0, SigCode::Kernel);
});

row!(queued_signals_survive_the_close_of_their_descriptor, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    report_by(k, b, Some(RT));
    k.send(a, b"x", SendFlags::NONE).unwrap();
    k.sched_yield();
    k.close(b).unwrap();
    assert_eq!(signals(k, RT), [(SigCode::PollIn, b.0)], "stale");
});

#[test]
fn an_overflow_collapses_into_one_plain_sigio() {
    common::check(|sim| {
        sim.knobs().sigpending_limit = 3;
        sim.knobs().latency_ns = 0;
        sim.knobs().loopback_latency_ns = 0;
        sim.faults(&[]);
        let host = sim.host("host");
        sim.client(host, "main", |k| {
            let (a, b) = pair(k, SocketFlags::NONE);
            report_by(k, b, Some(RT));
            for _ in 0..6 {
                k.send(a, b"x", SendFlags::NONE).unwrap();
            }
            k.sched_yield();
            let all = signals(k, RT);
            assert_eq!(all.iter().filter(|(code, _)| *code == SigCode::Kernel).count(), 1);
            assert_eq!(all.iter().filter(|(code, _)| *code == SigCode::PollIn).count(), 3);
            assert_eq!(k.sigqueue(k.getpid(), RT, 1), Ok(()));
        });
    });
}

/// A handler that takes a lock.
fn unsafe_handler(sim: &mut Sim) {
    common::alone(sim, |k| {
        let queue = Arc::new(sync::Queue::<_, u32>::new(k, 8));
        let pushed = queue.clone();
        k.sigaction(
            USR1,
            SigAction::handler(true, move |_| {
                let _ = pushed.try_push(1);
            }),
        )
        .unwrap();
        k.kill(k.getpid(), USR1).unwrap();
        k.sched_yield();
    });
}

#[test]
fn a_handler_that_takes_a_lock_is_reported() {
    let failure = run(unsafe_handler, Base::Zero).failure.unwrap();
    assert_eq!(failure.oracle, "signal-safety");
    assert_eq!(failure.site, "queue.try_push");
}

/// Threads that await the signal, and what each of them has taken.
fn awaiting(k: SimKernel, threads: u32) -> (Vec<ThreadId>, Arc<AtomicU32>) {
    let set = SigSet::of(&[RT]);
    k.sigprocmask(MaskHow::Block, set).unwrap();
    let taken = Arc::new(AtomicU32::new(0));
    let spawn = |_| {
        let taken = taken.clone();
        let body = move || match k.sigtimedwait(set, Some(Duration::from_millis(100))) {
            Ok(info) => drop(taken.fetch_add(info.value as u32, SeqCst)),
            Err(errno) => assert_eq!(errno, Errno::EAGAIN),
        };
        k.spawn("awaits", Box::new(body)).unwrap()
    };
    let threads = (0..threads).map(spawn).collect();
    k.nanosleep(Duration::from_millis(1)).unwrap();
    (threads, taken)
}

// As `wants_signal` has it: a thread that was woken for one is not asked to take the next.
row!(each_of_three_signals_wakes_a_thread_that_awaits_it, |k| {
    let (threads, taken) = awaiting(k, 4);
    for value in [1, 10, 100] {
        k.sigqueue(k.getpid(), RT, value).unwrap();
    }
    k.nanosleep(Duration::from_millis(10)).unwrap();
    assert_eq!(taken.load(SeqCst), 111, "before the time of the fourth is over");
    for thread in threads {
        k.join(thread).unwrap();
    }
    assert_eq!(taken.load(SeqCst), 111);
});

// `do_sigtimedwait`: it waits once, and returns with nothing where another thread has taken what woke it.
row!(who_awaits_a_signal_that_another_takes_returns, |k| {
    let set = SigSet::of(&[RT]);
    k.sigprocmask(MaskHow::Block, set).unwrap();
    let body = move || assert_eq!(k.sigtimedwait(set, None).map(|_| ()), Err(Errno::EINTR));
    let thread = k.spawn("awaits", Box::new(body)).unwrap();
    k.nanosleep(Duration::from_millis(1)).unwrap();
    k.sigqueue(k.getpid(), RT, 1).unwrap();
    // The thread has been woken, and has not run yet.
    assert!(k.sigtimedwait(set, Some(Duration::ZERO)).is_ok());
    k.join(thread).unwrap();
});

/// How often it has gone round, as a process of its own host that others stop.
fn turns(sim: &mut Sim) {
    synchronous(sim);
    let host = sim.host("host");
    let (turns, pid) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (inside, own) = (turns.clone(), pid.clone());
    let stopped = sim.server(host, "stopped", move |k| {
        own.store(k.getpid() as u32, SeqCst);
        loop {
            inside.fetch_add(1, SeqCst);
            k.nanosleep(Duration::from_millis(1)).unwrap();
        }
    });
    sim.may_panic(stopped);
    sim.client(host, "stops", move |k| {
        let sleep = |ms| k.nanosleep(Duration::from_millis(ms)).unwrap();
        sleep(10);
        let pid = pid.load(SeqCst) as i32;
        for signal in [Signal::SIGSTOP, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU] {
            k.kill(pid, signal).unwrap();
            sleep(1);
            let before = turns.load(SeqCst);
            sleep(50);
            assert_eq!(turns.load(SeqCst), before, "{signal:?}");
            assert_eq!(k.kill(pid, Signal(0)), Ok(()), "it is there");
            k.kill(pid, Signal::SIGCONT).unwrap();
            sleep(10);
            assert!(turns.load(SeqCst) > before + 5, "{signal:?}");
        }
        k.kill(pid, Signal::SIGSTOP).unwrap();
        sleep(5);
        k.kill(pid, Signal::SIGKILL).unwrap();
        assert_eq!(k.kill(pid, Signal(0)), Err(Errno::ESRCH), "who is stopped can be killed");
    });
    sim.run();
    assert_eq!(sim.exit_status(stopped), Some(-9));
}

#[test]
fn a_process_that_is_stopped_runs_nothing_until_it_is_continued() {
    common::check(turns);
}

/// The first poll of a ring interrupts its owner (`io_activate_pollwq`), which waits in a set that is ready by the time it runs; a
/// process of its own is sent `signal` before.
fn interrupted_when_ready(sim: &mut Sim, signal: Signal) {
    synchronous(sim);
    let host = sim.host("host");
    let pid = Arc::new(AtomicU32::new(0));
    let own = pid.clone();
    sim.server(host, "other", move |k| {
        own.store(k.getpid() as u32, SeqCst);
        loop {
            k.nanosleep(Duration::from_millis(1)).unwrap();
        }
    });
    sim.client(host, "main", move |k| {
        k.nanosleep(Duration::from_millis(5)).unwrap();
        k.kill(pid.load(SeqCst) as i32, signal).unwrap();
        k.nanosleep(Duration::from_millis(5)).unwrap();
        let params = RingParams { entries: 8, cq_entries: 0, defer_taskrun: true };
        let ring = k.io_uring_setup(params).unwrap();
        let (polled, event) = (ring.fd(), k.eventfd(0, SocketFlags::NONE).unwrap());
        let set = k.epoll_create().unwrap();
        k.epoll_ctl(set, EpollOp::Add, event, Events::IN, 0).unwrap();
        later(k, move |k, _| {
            k.poll(&mut [PollFd::new(polled, Events::IN)], Some(Duration::ZERO), None).unwrap();
            k.write(event, &1_u64.to_ne_bytes()).unwrap();
        });
        assert_eq!(k.epoll_wait(set, &mut [EpollEvent::default()], None, None), Ok(1));
    });
}

#[test]
fn an_interrupted_wait_does_not_depend_on_other_processes() {
    common::check(|sim| interrupted_when_ready(sim, Signal(0)));
    common::check(|sim| interrupted_when_ready(sim, Signal::SIGSTOP));
}

// kernel/signal.c, `__send_signal_locked`: a full queue (`RLIMIT_SIGPENDING`, which counts a user on Linux) refuses signals of real
// time but those of `kill`, which pend once; standard ones need no place.
row!(full_signal_queue_refuses_what_carries_a_value, |k| {
    let set = SigSet::of(&[RT, USR1, Signal(40)]);
    k.sigprocmask(MaskHow::Block, set).unwrap();
    let queue = |value| k.sigqueue(k.getpid(), RT, value);
    let queued = (0..).take_while(|&value| queue(value).is_ok()).count();
    assert_eq!(queued, 1024);
    assert_eq!(queue(0), Err(Errno::EAGAIN));
    assert_eq!(k.tgkill(k.gettid(), RT), Err(Errno::EAGAIN));
    assert_eq!((k.kill(k.getpid(), USR1), k.sigqueue(k.getpid(), USR1, 7)), (Ok(()), Ok(())));
    assert_eq!([(); 3].map(|()| k.kill(k.getpid(), Signal(40))), [Ok(()); 3]);
    let take = |signal: Signal| k.sigtimedwait(SigSet::of(&[signal]), Some(Duration::ZERO));
    assert_eq!([take(Signal(40)).is_ok(), take(Signal(40)).is_ok(), take(USR1).is_ok()], [true, false, true]);
    assert_eq!(take(RT).map(|info| info.value), Ok(0), "the first comes first");
    assert_eq!((queue(5000), queue(5001)), (Ok(()), Err(Errno::EAGAIN)), "there was room for one");
    let taken: Vec<u64> = (0..1024).map(|_| take(RT).unwrap().value).collect();
    assert_eq!((taken[1023], take(RT).map(|_| ())), (5000, Err(Errno::EAGAIN)));
});
