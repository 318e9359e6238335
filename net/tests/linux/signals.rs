//! Masks, handlers, waiting, signalfd and SIGIO. Each test has signals of its own, since dispositions belong to the
//! process that all tests share; and each blocks them in its own thread only.

use crate::pair;
use eagain_net::{
    Clock, Errno, Events, Linux, MaskHow, Owner, SigAction, SigCode, SigSet, Signal, SignalFd, Signals,
    Threads,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn realtime(at: i32) -> Signal {
    Signal(Signal::SIGRTMIN.0 + at)
}

fn blocked(signals: &[Signal]) -> SigSet {
    let set = SigSet::of(signals);
    Linux.sigprocmask(MaskHow::Block, set).unwrap();
    set
}

#[test]
fn a_handler_runs_with_its_context_and_is_given_back() {
    let signal = realtime(10);
    let seen = Arc::new(AtomicU64::new(0));
    let inside = seen.clone();
    let old = Linux
        .sigaction(
            signal,
            SigAction::handler(true, move |info| {
                inside.store(info.signal.0 as u64, SeqCst);
            }),
        )
        .unwrap();
    assert_eq!(format!("{:?}", old.disposition), "SIG_DFL");
    Linux.tgkill(Linux.gettid(), signal).unwrap();
    assert_eq!(seen.load(SeqCst), signal.0 as u64);
    let old = Linux.sigaction(signal, SigAction::ignore()).unwrap();
    assert_eq!(format!("{:?} {:?}", old.disposition, old.flags), "handler SA_RESTART");
    Linux.tgkill(Linux.gettid(), signal).unwrap();
    let refused = Linux.sigaction(Signal::SIGKILL, SigAction::ignore());
    assert_eq!(refused.unwrap_err(), Errno::EINVAL);
    assert_eq!(Linux.sigaction(Signal(65), SigAction::ignore()).unwrap_err(), Errno::EINVAL);
}

#[test]
fn queued_signals_keep_their_values_and_their_order() {
    let set = blocked(&[realtime(11), realtime(12)]);
    let pid = Linux.getpid();
    // To this thread alone; values only travel with sigqueue, which goes to the process: all test threads but
    // this one leave these two at their default, so it is this one that must have blocked them: tgkill.
    Linux.tgkill(Linux.gettid(), realtime(12)).unwrap();
    Linux.tgkill(Linux.gettid(), realtime(11)).unwrap();
    assert!(Linux.sigpending().unwrap().contains(realtime(11)));
    let first = Linux.sigtimedwait(set, None).unwrap();
    assert_eq!((first.signal, first.code), (realtime(11), SigCode::Tkill));
    assert_eq!(Linux.sigtimedwait(set, None).unwrap().signal, realtime(12));
    assert_eq!(Linux.sigtimedwait(set, Some(Duration::ZERO)).unwrap_err(), Errno::EAGAIN);
    assert_eq!(Linux.kill(0, realtime(11)), Err(Errno::ESRCH));
    assert_eq!(Linux.sigqueue(pid, Signal(65), 0), Err(Errno::EINVAL));
}

#[test]
fn a_signalfd_reads_what_is_pending() {
    let signal = realtime(13);
    let fd = SignalFd::new(Linux, blocked(&[signal])).unwrap();
    assert_eq!(fd.read(), Err(Errno::EAGAIN));
    Linux.tgkill(Linux.gettid(), signal).unwrap();
    let info = fd.read().unwrap();
    assert_eq!((info.signal, info.code, info.fd.0), (signal, SigCode::Tkill, -1));
}

#[test]
fn a_signal_names_its_socket() {
    let signal = realtime(14);
    let set = blocked(&[signal, Signal::SIGIO]);
    let (client, server) = pair();
    Linux.fcntl_setown(server.fd(), Owner::ThisThread).unwrap();
    Linux.fcntl_setsig(server.fd(), Some(signal)).unwrap();
    let server = server.into_owned_fd();
    server.set_async(true).unwrap();
    client.write(b"x").unwrap();
    let info = Linux.sigtimedwait(set, None).unwrap();
    assert_eq!((info.signal, info.code), (signal, SigCode::PollIn));
    assert_eq!((info.fd, info.band), (server.fd(), Events::IN));
    // No signal named: plain SIGIO, which names no descriptor.
    Linux.fcntl_setsig(server.fd(), None).unwrap();
    client.write(b"x").unwrap();
    let info = Linux.sigtimedwait(set, None).unwrap();
    assert_eq!((info.signal, info.code, info.fd.0), (Signal::SIGIO, SigCode::Kernel, -1));
}

#[test]
fn the_mask_is_the_threads_own() {
    let before = Linux.sigprocmask(MaskHow::Block, SigSet::FULL).unwrap();
    let all = Linux.sigprocmask(MaskHow::SetMask, before).unwrap();
    assert!(all.contains(Signal::SIGUSR1) && !all.contains(Signal::SIGKILL));
    assert_eq!(Linux.sigprocmask(MaskHow::Block, SigSet::EMPTY), Ok(before));
}

/// A handler that locks and allocates would block or corrupt whoever it interrupted while doing the same.
#[test]
fn a_handler_may_allocate_and_lock_what_its_thread_locks() {
    const SIGNALS: usize = 1000;
    let signal = realtime(15);
    let (shared, handled) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
    let (inside, count) = (shared.clone(), handled.clone());
    let handler = SigAction::handler(true, move |info| {
        inside.lock().unwrap().push(Box::new(info.signal));
        count.fetch_add(1, SeqCst);
    });
    Linux.sigaction(signal, handler).unwrap();
    let victim = Linux.gettid();
    let sender = std::thread::spawn(move || {
        for sent in 1..=SIGNALS as u64 {
            Linux.tgkill(victim, signal).unwrap();
            // One at a time: each finds the thread somewhere else.
            while handled.load(SeqCst) < sent {
                Linux.sched_yield();
            }
        }
    });
    loop {
        let mut shared = shared.lock().unwrap();
        if shared.len() == SIGNALS {
            break;
        }
        shared.reserve(64);
        shared.shrink_to_fit();
        drop(shared);
        // So that the handler's thread gets the lock, too.
        (0..200).for_each(|_| std::hint::spin_loop());
    }
    sender.join().unwrap();
}

#[test]
fn a_handler_runs_on_the_thread_that_waits_and_beside_one_that_computes() {
    let signal = realtime(16);
    let ran_on = Arc::new(Mutex::new(Vec::new()));
    let inside = ran_on.clone();
    let handler = SigAction::handler(false, move |_| inside.lock().unwrap().push(Linux.gettid()));
    Linux.sigaction(signal, handler).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let done = Arc::new(AtomicBool::new(false));
    let finish = done.clone();
    let victim = std::thread::spawn(move || {
        sender.send(Linux.gettid()).unwrap();
        // Computes: no call is made. Then waits, for a signal alone.
        while !finish.load(SeqCst) {
            std::hint::spin_loop();
        }
        Linux.nanosleep(Duration::from_secs(3600))
    });
    let id = receiver.recv().unwrap();
    Linux.tgkill(id, signal).unwrap();
    while ran_on.lock().unwrap().is_empty() {
        Linux.sched_yield();
    }
    assert_ne!(*ran_on.lock().unwrap(), [id], "it was not in a call");
    done.store(true, SeqCst);
    // One that comes before the wait has begun does not end it. The next is sent once this one was handled, and each a little later than
    // the one before: where signals come as quickly as they are handled, the thread does nothing else, and never waits.
    for pause in 0.. {
        let handled = ran_on.lock().unwrap().len();
        if victim.is_finished() || Linux.tgkill(id, signal).is_err() {
            break;
        }
        while ran_on.lock().unwrap().len() == handled && !victim.is_finished() {
            Linux.sched_yield();
        }
        (0..pause).for_each(|_| Linux.sched_yield());
    }
    assert_eq!(victim.join().unwrap(), Err(Errno::EINTR));
    assert!(ran_on.lock().unwrap().contains(&id));
}
