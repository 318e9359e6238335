//! Section 7: pending signals, and calls that bring a mask of their own.

use crate::asleep::{Handler, Sleepers};
use eagain_net::{
    EpollEvent, EpollOp, Errno, Events, Fd, FdSet, MaskHow, PollFd, Result, SigAction, SigSet, Signal,
    SocketFlags,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SIGNAL: Signal = Signal::SIGUSR2;
const NOW: Option<Duration> = Some(Duration::ZERO);
const LONG: Option<Duration> = Some(Duration::from_secs(20));

crate::rows! {
    standard_signals_coalesce_and_real_time_ones_queue: "
        sigblock usr1
        sigblock rt
        raise usr1
        raise usr1
        raise rt
        raise rt
        pending = SIGUSR1 SIGRTMIN+6
        sigunblock usr1
        handled = SIGUSR1
        sigunblock rt
        handled = SIGRTMIN+6 SIGRTMIN+6
        pending = none
    ";
    taking_one_by_waiting: "
        sigblock usr1
        sigwait usr1 = EAGAIN
        raise usr1
        sigwait usr1 = SIGUSR1/Tkill
        sigwait usr1 = EAGAIN
        handled = none
    ";
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Wait {
    Epoll,
    Poll,
    Select,
}

/// Waits with no signal blocked; the number of what is ready.
fn wait<K: Sleepers>(k: K, how: Wait, fd: Fd, timeout: Option<Duration>) -> Result<usize> {
    let open = Some(SigSet::EMPTY);
    match how {
        Wait::Epoll => {
            let epoll = k.epoll_create()?;
            k.epoll_ctl(epoll, EpollOp::Add, fd, Events::IN, 0)?;
            let result = k.epoll_wait(epoll, &mut [EpollEvent::default()], timeout, open);
            k.close(epoll)?;
            result
        }
        Wait::Poll => k.poll(&mut [PollFd::new(fd, Events::IN)], timeout, open),
        Wait::Select => {
            let mut read = FdSet::default();
            assert!(read.insert(fd));
            k.select(fd.0 + 1, Some(&mut read), None, None, timeout, open)
        }
    }
}

/// A signal is pending and blocked; the wait lets it in. The result, whether the handler ran, whether it is pending.
fn with_pending<K: Sleepers>(
    k: K,
    how: Wait,
    ready: u32,
    timeout: Option<Duration>,
) -> (Result<usize>, bool, bool) {
    let handler = Handler::new(k, SIGNAL, false);
    let set = SigSet::of(&[SIGNAL]);
    let before = k.sigprocmask(MaskHow::Block, set).unwrap();
    k.tgkill(k.gettid(), SIGNAL).unwrap();
    let event = k.eventfd(ready, SocketFlags::NONBLOCK).unwrap();
    let result = wait(k, how, event, timeout);
    let (ran, pending) = (handler.count() > 0, k.sigpending().unwrap().contains(SIGNAL));
    let _ = k.sigtimedwait(set, NOW);
    k.sigprocmask(MaskHow::SetMask, before).unwrap();
    k.close(event).unwrap();
    (result, ran, pending)
}

fn wait_with_nothing_ready_takes_the_signal<K: Sleepers>(k: K) {
    for how in [Wait::Epoll, Wait::Poll, Wait::Select] {
        assert_eq!(with_pending(k, how, 0, LONG), (Err(Errno::EINTR), true, false), "{how:?}");
    }
}

fn wait_with_something_ready_leaves_the_signal_pending<K: Sleepers>(k: K) {
    for how in [Wait::Epoll, Wait::Poll, Wait::Select] {
        assert_eq!(with_pending(k, how, 1, LONG), (Ok(1), false, true), "{how:?}");
        assert_eq!(with_pending(k, how, 1, NOW), (Ok(1), false, true), "{how:?}");
    }
}

fn wait_with_nothing_ready_and_no_time<K: Sleepers>(k: K) {
    assert_eq!(with_pending(k, Wait::Epoll, 0, NOW), (Ok(0), false, true));
    assert_eq!(with_pending(k, Wait::Poll, 0, NOW), (Err(Errno::EINTR), true, false));
    assert_eq!(with_pending(k, Wait::Select, 0, NOW), (Err(Errno::EINTR), true, false));
}

/// Handlers stack: the last frame set up runs first, and that is the highest number.
fn two_signals_unblocked_together<K: Sleepers>(k: K) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let signals = [Signal::SIGIO, Signal(45)];
    for signal in signals {
        let order = order.clone();
        // The lock is free: the handlers run inside `sigprocmask` below.
        k.sigaction(signal, SigAction::handler(true, move |info| order.lock().unwrap().push(info.signal)))
            .unwrap();
    }
    let set = SigSet::of(&signals);
    let before = k.sigprocmask(MaskHow::Block, set).unwrap();
    for signal in signals {
        k.tgkill(k.gettid(), signal).unwrap();
    }
    k.sigprocmask(MaskHow::SetMask, before).unwrap();
    assert_eq!(*order.lock().unwrap(), [Signal(45), Signal::SIGIO]);
}

mod masks {
    use super::*;
    crate::bodies! {
        wait_with_nothing_ready_takes_the_signal
        wait_with_something_ready_leaves_the_signal_pending
        wait_with_nothing_ready_and_no_time
        two_signals_unblocked_together
    }
}
