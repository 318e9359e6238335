//! Section 7: which waiting calls a signal ends, and which go on (`signal(7)`, "Interruption of system calls").

use crate::asleep::{Caller, Handler, Sleepers};
use eagain_net::{
    ClockId, Domain, EpollEvent, Errno, Events, Fd, FdSet, FutexTimeout, PollFd, RecvFlags, Result,
    SendFlags, Signal, SocketAddr, SocketFlags, SocketOption, any_port,
};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

const SIGNAL: Signal = Signal::SIGUSR1;
const LONG: Option<Duration> = Some(Duration::from_secs(20));

/// What a call comes to that a signal finds waiting; `finish` then gives it what it waits for.
fn interrupt<K: Sleepers>(
    k: K,
    restart: bool,
    call: impl FnOnce(K) -> Result<usize> + Send + 'static,
    finish: impl FnOnce(K),
) -> Result<usize> {
    let handler = Handler::new(k, SIGNAL, restart);
    let caller = Caller::start(k, call);
    handler.raise(k, caller.thread, SIGNAL);
    finish(k);
    caller.end(k)
}

pub(crate) fn listener<K: Sleepers>(k: K, backlog: i32) -> (Fd, SocketAddr) {
    let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.bind(fd, any_port()).unwrap();
    k.listen(fd, backlog).unwrap();
    (fd, k.getsockname(fd).unwrap())
}

pub(crate) fn pair<K: Sleepers>(k: K) -> (Fd, Fd) {
    let (listener, address) = listener(k, 1);
    let client = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.connect(client, address).unwrap();
    let (server, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
    k.close(listener).unwrap();
    (client, server)
}

pub(crate) fn close_all<K: Sleepers>(k: K, fds: &[Fd]) {
    for &fd in fds {
        let _ = k.setsockopt(fd, SocketOption::Linger(Some(0)));
        k.close(fd).unwrap();
    }
}

fn waits_for_readiness_are_never_restarted<K: Sleepers>(k: K) {
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    let epoll = k.epoll_create().unwrap();
    for restart in [false, true] {
        let waited = interrupt(
            k,
            restart,
            move |k| k.epoll_wait(epoll, &mut [EpollEvent::default()], LONG, None),
            |_| {},
        );
        assert_eq!(waited, Err(Errno::EINTR), "epoll_wait");
        let polled =
            interrupt(k, restart, move |k| k.poll(&mut [PollFd::new(event, Events::IN)], LONG, None), |_| {});
        assert_eq!(polled, Err(Errno::EINTR), "poll");
        let select = move |k: K| {
            let mut read = FdSet::default();
            assert!(read.insert(event));
            k.select(event.0 + 1, Some(&mut read), None, None, LONG, None)
        };
        assert_eq!(interrupt(k, restart, select, |_| {}), Err(Errno::EINTR), "select");
    }
    close_all(k, &[event, epoll]);
}

fn sleeps_and_timed_futexes_are_never_restarted<K: Sleepers>(k: K) {
    for restart in [false, true] {
        let slept = interrupt(k, restart, |k| k.nanosleep(Duration::from_secs(20)).map(|()| 0), |_| {});
        assert_eq!(slept, Err(Errno::EINTR), "nanosleep");
        let word = Arc::new(AtomicU32::new(0));
        let timeout = FutexTimeout::Relative(Duration::from_secs(20));
        let waited = interrupt(k, restart, move |k| k.futex_wait(&word, 0, timeout).map(|()| 0), |_| {});
        assert_eq!(waited, Err(Errno::EINTR), "futex, relative");
        let word = Arc::new(AtomicU32::new(0));
        let at = k.clock_gettime(ClockId::Monotonic) + Duration::from_secs(20);
        let timeout = FutexTimeout::Absolute(ClockId::Monotonic, at);
        let waited = interrupt(k, restart, move |k| k.futex_wait(&word, 0, timeout).map(|()| 0), |_| {});
        assert_eq!(waited, Err(Errno::EINTR), "futex, absolute");
    }
}

fn read_is_restarted_where_asked<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let read = move |k: K| k.recv(server, &mut [0; 9], RecvFlags::NONE);
    assert_eq!(interrupt(k, false, read, |_| {}), Err(Errno::EINTR));
    let send = |k: K| assert_eq!(k.send(client, b"abc", SendFlags::NONE), Ok(3));
    assert_eq!(interrupt(k, true, read, send), Ok(3));
    close_all(k, &[client, server]);
}

fn accept_is_restarted_where_asked<K: Sleepers>(k: K) {
    let (listener, address) = listener(k, 1);
    let accept =
        move |k: K| k.accept4(listener, SocketFlags::NONE).and_then(|(fd, _)| k.close(fd)).map(|()| 7);
    assert_eq!(interrupt(k, false, accept, |_| {}), Err(Errno::EINTR));
    let client = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    assert_eq!(interrupt(k, true, accept, |k| k.connect(client, address).unwrap()), Ok(7));
    close_all(k, &[client, listener]);
}

fn eventfd_read_is_restarted_where_asked<K: Sleepers>(k: K) {
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    let read = move |k: K| k.read(event, &mut [0; 8]);
    assert_eq!(interrupt(k, false, read, |_| {}), Err(Errno::EINTR));
    let write = |k: K| assert_eq!(k.write(event, &1u64.to_ne_bytes()), Ok(8));
    assert_eq!(interrupt(k, true, read, write), Ok(8));
    close_all(k, &[event]);
}

fn untimed_futex_is_restarted_where_asked<K: Sleepers>(k: K) {
    let word = Arc::new(AtomicU32::new(0));
    let wait = |word: &Arc<AtomicU32>| {
        let word = word.clone();
        move |k: K| k.futex_wait(&word, 0, FutexTimeout::Never).map(|()| 0)
    };
    assert_eq!(interrupt(k, false, wait(&word), |_| {}), Err(Errno::EINTR));
    let wake = |k: K| {
        while k.futex_wake(&word, 1).unwrap() == 0 {
            k.sched_yield();
        }
    };
    assert_eq!(interrupt(k, true, wait(&word), wake), Ok(0));
}

fn read_with_a_timeout_is_never_restarted<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    k.setsockopt(server, SocketOption::RecvTimeout(LONG)).unwrap();
    for restart in [false, true] {
        let read = move |k: K| k.recv(server, &mut [0; 9], RecvFlags::NONE);
        assert_eq!(interrupt(k, restart, read, |_| {}), Err(Errno::EINTR));
    }
    k.setsockopt(server, SocketOption::RecvTimeout(Some(Duration::from_millis(10)))).unwrap();
    assert_eq!(k.recv(server, &mut [0; 9], RecvFlags::NONE), Err(Errno::EAGAIN));
    close_all(k, &[client, server]);
}

/// The SYN is not answered before it is sent again, after a second.
fn connect_that_a_signal_finds_waiting<K: Sleepers>(k: K) {
    let (listener, address) = listener(k, 0);
    let first = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.connect(first, address).unwrap();
    let second = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    let connect = move |k: K| k.connect(second, address).map(|()| 0);
    assert_eq!(interrupt(k, false, connect, |_| {}), Err(Errno::EINTR));
    let accept = |k: K| {
        let (fd, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
        k.close(fd).unwrap();
    };
    assert_eq!(interrupt(k, true, connect, accept), Ok(0));
    close_all(k, &[first, second, listener]);
}

fn interrupted_write_returns_what_it_wrote<K: Sleepers>(k: K) {
    for restart in [false, true] {
        let (client, server) = pair(k);
        let write = move |k: K| k.send(client, &vec![7; 32 << 20], SendFlags::NONE);
        let written = interrupt(k, restart, write, |_| {}).unwrap();
        assert!((1..32 << 20).contains(&written), "{written}");
        close_all(k, &[client, server]);
    }
}

crate::bodies! {
    waits_for_readiness_are_never_restarted
    sleeps_and_timed_futexes_are_never_restarted
    read_is_restarted_where_asked
    accept_is_restarted_where_asked
    eventfd_read_is_restarted_where_asked
    untimed_futex_is_restarted_where_asked
    read_with_a_timeout_is_never_restarted
    connect_that_a_signal_finds_waiting
    interrupted_write_returns_what_it_wrote
}
