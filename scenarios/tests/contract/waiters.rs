//! Several who wait for one thing: who of them is woken, and for what again (fs/eventpoll.c: `ep_done_scan`;
//! kernel/signal.c: `complete_signal`).

use crate::asleep::{Caller, Handler, Sleepers};
use crate::blocking::{close_all, pair};
use eagain_net::{
    ClockId, EpollEvent, EpollOp, Errno, Events, Fd, MaskHow, PollFd, SendFlags, SigSet, Signal, SocketFlags,
    SocketOption, TimerSpec,
};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);
const WHILE: Option<Duration> = Some(Duration::from_millis(50));
const LONG: Option<Duration> = Some(Duration::from_secs(20));

fn waiting<K: Sleepers>(k: K, set: Fd, most: usize, timeout: Option<Duration>) -> Caller {
    Caller::start(k, move |k| k.epoll_wait(set, &mut vec![EpollEvent::default(); most], timeout, None))
}

/// An entry that is still so goes back on the list, and the next waiter is woken for it.
fn a_level_wakes_every_waiter_of_a_set<K: Sleepers>(k: K) {
    let (event, set) = (k.eventfd(0, SocketFlags::NONBLOCK).unwrap(), k.epoll_create().unwrap());
    k.epoll_ctl(set, EpollOp::Add, event, Events::IN, 0).unwrap();
    // Whoever is not woken never returns: a time-out would look at the list.
    let callers = [(); 4].map(|()| waiting(k, set, 4, None));
    k.write(event, &1_u64.to_ne_bytes()).unwrap();
    for caller in callers {
        assert_eq!(caller.end(k), Ok(1));
    }
    close_all_plain(k, &[set, event]);
}

fn close_all_plain<K: Sleepers>(k: K, fds: &[Fd]) {
    for &fd in fds {
        k.close(fd).unwrap();
    }
}

/// `EPOLLONESHOT` and `EPOLLET` are for one.
fn an_edge_is_for_one_waiter<K: Sleepers>(k: K) {
    for how in [Events::ET, Events::ONESHOT] {
        let (event, set) = (k.eventfd(0, SocketFlags::NONBLOCK).unwrap(), k.epoll_create().unwrap());
        k.epoll_ctl(set, EpollOp::Add, event, Events::IN | how, 0).unwrap();
        let callers = [(); 3].map(|()| waiting(k, set, 4, LONG));
        k.write(event, &1_u64.to_ne_bytes()).unwrap();
        assert_eq!(Caller::count_over(k, &callers), 1, "{how:?}");
        let last = k.eventfd(1, SocketFlags::NONBLOCK).unwrap();
        k.epoll_ctl(set, EpollOp::Add, last, Events::IN, 1).unwrap();
        callers.into_iter().for_each(|caller| assert_eq!(caller.end(k), Ok(1)));
        close_all_plain(k, &[set, event, last]);
    }
}

/// A wait that a handler has ended awaits nothing any more: the signal is for another thread.
fn a_signal_finds_another_thread_after_eintr<K: Sleepers>(k: K) {
    let (first, second) = (Signal::SIGUSR1, Signal::SIGUSR2);
    let (one, two) = (Handler::new(k, first, true), Handler::new(k, second, true));
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    let reader = Caller::start(k, move |k: K| k.read(event, &mut [0; 8]));
    let before = k.sigprocmask(MaskHow::Block, SigSet::of(&[first])).unwrap();
    // It inherits the mask, and is the only one that awaits the signal.
    let ended = k.eventfd(0, SocketFlags::NONE).unwrap();
    let waiter = Caller::start(k, move |k: K| {
        assert_eq!(k.sigtimedwait(SigSet::of(&[first]), None).map(|_| ()), Err(Errno::EINTR));
        k.read(ended, &mut [0; 8])
    });
    two.raise(k, waiter.thread, second);
    waiter.await_sleep(k);
    k.kill(k.getpid(), first).unwrap();
    while one.count() == 0 {
        k.nanosleep(Duration::from_micros(20)).unwrap();
    }
    for event in [event, ended] {
        k.write(event, &1_u64.to_ne_bytes()).unwrap();
    }
    assert_eq!((reader.end(k), waiter.end(k)), (Ok(8), Ok(8)));
    k.sigprocmask(MaskHow::SetMask, before).unwrap();
    close_all_plain(k, &[event, ended]);
}

fn raising_so_sndbuf_wakes_the_writer<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    k.setsockopt(client, SocketOption::SendBuffer(4096)).unwrap();
    k.setsockopt(server, SocketOption::RecvBuffer(4096)).unwrap();
    let total = 2 << 20;
    let caller = Caller::start(k, move |k| k.send(client, &vec![7; total], SendFlags::NONE));
    k.setsockopt(client, SocketOption::SendBuffer(4 << 20)).unwrap();
    assert_eq!(caller.end(k), Ok(total));
    close_all(k, &[client, server]);
}

fn setting_so_sndbuf_is_an_edge<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let set = k.epoll_create().unwrap();
    k.epoll_ctl(set, EpollOp::Add, client, Events::OUT | Events::ET, 0).unwrap();
    let edges = || k.epoll_wait(set, &mut [EpollEvent::default()], NOW, None);
    assert_eq!((edges(), edges()), (Ok(1), Ok(0)));
    k.setsockopt(client, SocketOption::SendBuffer(4 << 20)).unwrap();
    assert_eq!((edges(), edges()), (Ok(1), Ok(0)));
    k.setsockopt(client, SocketOption::RecvBuffer(1 << 20)).unwrap();
    assert_eq!(edges(), Ok(0));
    close_all(k, &[client, server]);
    k.close(set).unwrap();
}

/// A timer that takes the place of one that was closed has nothing of it.
fn a_timer_does_not_fire_for_one_that_was_closed<K: Sleepers>(k: K) {
    let timer = || k.timerfd_create(ClockId::Monotonic, SocketFlags::NONBLOCK).unwrap();
    let set = |fd: Fd, after: Duration| {
        let spec = TimerSpec { value: after, interval: Duration::ZERO };
        k.timerfd_settime(fd, spec, false).unwrap();
    };
    let old = timer();
    set(old, Duration::from_millis(20));
    k.close(old).unwrap();
    let new = timer();
    assert_eq!(new, old, "the number is used again");
    set(new, Duration::from_secs(20));
    let mut fds = [PollFd::new(new, Events::IN)];
    assert_eq!(k.poll(&mut fds, WHILE, None), Ok(0));
    assert_eq!(k.read(new, &mut [0; 8]), Err(Errno::EAGAIN));
    k.close(new).unwrap();
}

crate::bodies! {
    a_level_wakes_every_waiter_of_a_set
    an_edge_is_for_one_waiter
    a_signal_finds_another_thread_after_eintr
    raising_so_sndbuf_wakes_the_writer
    setting_so_sndbuf_is_an_edge
    a_timer_does_not_fire_for_one_that_was_closed
}
