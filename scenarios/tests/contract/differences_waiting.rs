//! What random programs that wait on pipes, Unix and UDP sockets, rings and signals found. Each was a difference between the
//! kernels once, and a mistake of the simulator.

use crate::asleep::{Caller, Sleepers};
use crate::blocking::pair;
use crate::unix::close_all;
use eagain_net::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::time::Duration;

const BLOCK: SocketFlags = SocketFlags::NONE;
const SOON: Option<Duration> = Some(Duration::from_secs(5));

/// It is always ready and has nothing for who does not wait; a worker that waits learns that it is shut.
fn ring_receives_the_end_of_a_shut_udp_socket<K: Sleepers>(k: K) {
    if k.io_uring_probe() != Advice::Available {
        return;
    }
    let params = RingParams { entries: 8, cq_entries: 0, defer_taskrun: true };
    let mut ring = k.io_uring_setup(params).unwrap();
    let fd = k.socket(Domain::Inet6, SocketFlags::DGRAM).unwrap();
    for shut_before in [false, true] {
        let operation = Operation::Recv { fd, buffer: vec![0; 8], flags: RecvFlags::NONE };
        assert!(ring.push(Submission { user_data: 1, operation, flags: SubmissionFlags::NONE }).is_ok());
        let mut done = Vec::new();
        if !shut_before {
            ring.enter(0, None, None).unwrap();
            assert_eq!(ring.reap(&mut done), 0);
            assert_eq!(k.shutdown(fd, ShutdownHow::Read), Err(Errno::ENOTCONN));
        }
        ring.enter(1, SOON, None).unwrap();
        ring.reap(&mut done);
        assert_eq!(done.iter().map(|one| (one.user_data, one.result)).collect::<Vec<_>>(), [(1, 0)]);
    }
    drop(ring);
    close_all(k, &[fd]);
}

fn unix_socket_that_does_not_listen_accepts_nothing<K: Sleepers>(k: K) {
    for (kind, errno) in [(BLOCK, Errno::EINVAL), (SocketFlags::DGRAM, Errno::EOPNOTSUPP)] {
        let (a, b) = k.socketpair(kind).unwrap();
        assert_eq!(k.accept4(a, BLOCK).map(|_| ()), Err(errno));
        close_all(k, &[a, b]);
    }
}

fn fill(k: impl Sleepers, fd: Fd) {
    while k.send(fd, &[1; 4096], SendFlags::DONTWAIT).is_ok() {}
}

fn has_error(k: impl Sleepers, fd: Fd) -> bool {
    let mut asked = [PollFd::new(fd, Events::OUT)];
    k.poll(&mut asked, Some(Duration::ZERO), None).unwrap();
    asked[0].revents.contains(Events::ERR)
}

/// The peer goes with bytes that it has not read: who waits for room gets that error before EPIPE.
fn writer_that_waits_takes_the_error_of_a_unix_socket<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(BLOCK).unwrap();
    fill(k, a);
    let writer = Caller::start(k, move |k| k.write(a, b"x"));
    k.close(b).unwrap();
    assert_eq!(writer.end(k), Err(Errno::ECONNRESET));
    assert!(!has_error(k, a));
    assert_eq!(k.send(a, b"x", SendFlags::NOSIGNAL), Err(Errno::EPIPE));
    close_all(k, &[a]);
}

fn aio_write_that_waits_takes_the_error_of_a_unix_socket<K: Sleepers>(k: K) {
    for waits_at_once in [false, true] {
        let (a, b) = k.socketpair(BLOCK).unwrap();
        if waits_at_once {
            fill(k, a);
        }
        let id = k.aio_write(a, vec![1; 400_000], 0, 0, SigEvent::None).map_err(|(errno, _)| errno).unwrap();
        // Until a thread of the library waits.
        k.nanosleep(Duration::from_millis(20)).unwrap();
        k.close(b).unwrap();
        while k.aio_error(id) == Ok(AioState::InProgress) {
            let _ = k.aio_suspend(&[id], None);
        }
        match k.aio_return(id).unwrap().0 {
            Ok(n) => assert!(!waits_at_once && n < 400_000),
            error => assert!(waits_at_once && error == Err(Errno::ECONNRESET), "{error:?}"),
        }
        assert!(!has_error(k, a));
        close_all(k, &[a]);
    }
}

/// A thread of the library makes a call that waits.
fn aio_read_waits_for_the_low_water_mark<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(BLOCK).unwrap();
    k.setsockopt(b, SocketOption::RecvLowAt(5)).unwrap();
    for ends in [false, true] {
        let id = k.aio_read(b, vec![0; 8], 0, SigEvent::None).map_err(|(errno, _)| errno).unwrap();
        assert_eq!(k.send(a, b"abc", SendFlags::NONE), Ok(3));
        k.nanosleep(Duration::from_millis(20)).unwrap();
        assert_eq!(k.aio_error(id), Ok(AioState::InProgress));
        match ends {
            false => assert_eq!(k.send(a, b"de", SendFlags::NONE), Ok(2)),
            true => k.shutdown(a, ShutdownHow::Write).unwrap(),
        }
        while k.aio_error(id) == Ok(AioState::InProgress) {
            let _ = k.aio_suspend(&[id], None);
        }
        let (result, buffer) = k.aio_return(id).unwrap();
        let expected: &[u8] = if ends { b"abc" } else { b"abcde" };
        assert_eq!((result, &buffer[..expected.len()]), (Ok(expected.len()), expected));
    }
    close_all(k, &[a, b]);
}

/// What is there counts for more than what ends the wait, which nobody reports twice.
fn aio_read_below_the_low_water_mark_returns_what_came_before_a_reset<K: Sleepers>(k: K) {
    for linger in [None, Some(0)] {
        let (client, server) = pair(k);
        k.setsockopt(server, SocketOption::RecvLowAt(200)).unwrap();
        let id = k.aio_read(server, vec![0; 100], 0, SigEvent::None).map_err(|(errno, _)| errno).unwrap();
        // Until a thread of the library waits.
        k.nanosleep(Duration::from_millis(20)).unwrap();
        k.write(client, b"x").unwrap();
        k.close(server).unwrap();
        k.setsockopt(client, SocketOption::Linger(linger)).unwrap();
        k.close(client).unwrap();
        while k.aio_error(id) == Ok(AioState::InProgress) {
            let _ = k.aio_suspend(&[id], None);
        }
        assert_eq!(k.aio_return(id).map(|(result, _)| result), Ok(Ok(1)));
    }
}

/// `anon_pipe_write`: it wakes readers where there was nothing, before it waits for room, and when it is done.
fn pipe_writer_that_waits_wakes_readers_of_an_empty_pipe_only<K: Sleepers>(k: K) {
    for (before, wakes) in [(0, true), (1, false)] {
        let (reader, writer) = k.pipe2(BLOCK).unwrap();
        let set = k.epoll_create().unwrap();
        k.write(writer, &vec![1; before]).unwrap();
        k.epoll_ctl(set, EpollOp::Add, reader, Events::IN | Events::ET, 7).unwrap();
        let mut events = [EpollEvent::default(); 2];
        assert_eq!(k.epoll_wait(set, &mut events, Some(Duration::ZERO), None), Ok(before));
        let caller = Caller::start(k, move |k| k.write(writer, &[2; 70_000]));
        assert_eq!(k.epoll_wait(set, &mut events, Some(Duration::ZERO), None), Ok(usize::from(wakes)));
        let mut read = 0;
        while read < before + 70_000 {
            read += k.read(reader, &mut [0; 70_001]).unwrap();
        }
        assert_eq!(caller.end(k), Ok(70_000));
        assert_eq!(k.epoll_wait(set, &mut events, Some(Duration::ZERO), None), Ok(0), "it is empty");
        close_all(k, &[reader, writer, set]);
    }
}

/// The ring's work is its owner's: the first who polls it leaves it something to do (`io_activate_pollwq`, `TWA_SIGNAL`).
fn first_poll_of_a_ring_interrupts_a_wait_of_its_owner<K: Sleepers>(k: K) {
    if k.io_uring_probe() != Advice::Available {
        return;
    }
    for rounds in [1, 2] {
        let fd = Arc::new(AtomicI32::new(-1));
        let inside = fd.clone();
        let caller = Caller::start(k, move |k| {
            let ring = k.io_uring_setup(RingParams { entries: 8, cq_entries: 0, defer_taskrun: true })?;
            let set = k.epoll_create()?;
            inside.store(ring.fd().0, SeqCst);
            let mut result = Ok(0);
            for round in 0..rounds {
                let timeout = if round == 0 { SOON } else { Some(Duration::from_millis(50)) };
                result = k.epoll_wait(set, &mut [EpollEvent::default(); 2], timeout, None);
            }
            k.close(set)?;
            result
        });
        for _ in 0..2 {
            let mut asked = [PollFd::new(Fd(fd.load(SeqCst)), Events::IN)];
            // By the second time its owner may have closed it.
            let _ = k.poll(&mut asked, Some(Duration::ZERO), None);
        }
        let last = if rounds == 1 { Err(Errno::EINTR) } else { Ok(0) };
        assert_eq!(caller.end(k), last, "once only");
    }
}

crate::bodies! {
    pipe_writer_that_waits_wakes_readers_of_an_empty_pipe_only
    first_poll_of_a_ring_interrupts_a_wait_of_its_owner
    aio_read_waits_for_the_low_water_mark
    aio_read_below_the_low_water_mark_returns_what_came_before_a_reset
    ring_receives_the_end_of_a_shut_udp_socket
    unix_socket_that_does_not_listen_accepts_nothing
    writer_that_waits_takes_the_error_of_a_unix_socket
    aio_write_that_waits_takes_the_error_of_a_unix_socket
}

/// The one that takes a signal of the process wakes another one that waits for it, which finds nothing
/// (`retarget_shared_pending`). The threads of the test process itself would take such a signal: on Linux `conform --waiting`
/// does this, with all of them out of the way.
#[test]
fn second_waiter_for_a_signal_is_woken_for_nothing() {
    let result = crate::on_simulation(|k| {
        let set = SigSet::of(&[Signal::SIGUSR1]);
        k.sigprocmask(MaskHow::Block, set).unwrap();
        let waiters = [(); 3].map(|()| Caller::start(k, move |k| k.sigtimedwait(set, None).map(|_| 0)));
        k.kill(k.getpid(), Signal::SIGUSR1).unwrap();
        k.nanosleep(Duration::from_millis(1)).unwrap();
        let over = waiters.iter().filter(|waiter| waiter.is_over()).count();
        assert_eq!(over, 2, "one has it, one was woken for nothing, one waits on");
        for _ in 0..2 {
            k.kill(k.getpid(), Signal::SIGUSR1).unwrap();
            k.nanosleep(Duration::from_millis(1)).unwrap();
        }
        let came = waiters.map(|waiter| waiter.end(k));
        assert_eq!(came.iter().filter(|came| **came == Err(Errno::EINTR)).count(), 1, "{came:?}");
    });
    assert_eq!(result, Ok(()));
}
