//! Spawning, joining and the futex calls.

use eagain_net::{ClockId, Errno, FutexTimeout, Instant, Linux, Signal, Signals, Threads, now, thread};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

#[test]
fn a_thread_gives_back_its_value_or_nothing_when_it_panicked() {
    assert_eq!(thread::spawn(Linux, "seven", || 7).unwrap().join(), Some(7));
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let panicked = thread::spawn(Linux, "panics\0with a NUL in its name", || panic!("as it should")).unwrap();
    let value: Option<()> = panicked.join();
    std::panic::set_hook(quiet);
    assert_eq!(value, None);
}

#[test]
fn a_thread_is_joined_once() {
    let id = Linux.spawn("once", Box::new(|| {})).unwrap();
    assert_eq!(Linux.join(id), Ok(()));
    assert_eq!(Linux.join(id), Err(Errno::ESRCH));
    assert_eq!(Linux.detach(id), Err(Errno::ESRCH));
    assert_eq!(Linux.join(Linux.gettid()), Err(Errno::EDEADLK));
    assert_eq!(Linux.tgkill(Linux.gettid(), Signal(0)), Ok(()));
}

#[test]
fn futex_waits_end_as_their_manual_says() {
    let word = AtomicU32::new(1);
    let soon = FutexTimeout::Relative(Duration::from_micros(10));
    assert_eq!(Linux.futex_wait(&word, 0, FutexTimeout::Never), Err(Errno::EAGAIN));
    assert_eq!(Linux.futex_wait(&word, 1, soon), Err(Errno::ETIMEDOUT));
    let past = FutexTimeout::Absolute(ClockId::Monotonic, Instant(1));
    assert_eq!(Linux.futex_wait(&word, 1, past), Err(Errno::ETIMEDOUT));
    let moment = FutexTimeout::Absolute(ClockId::Realtime, Instant(1));
    assert_eq!(Linux.futex_wait(&word, 1, moment), Err(Errno::ETIMEDOUT));
    let soon = FutexTimeout::Absolute(ClockId::Monotonic, now(Linux) + Duration::from_micros(10));
    assert_eq!(Linux.futex_wait(&word, 1, soon), Err(Errno::ETIMEDOUT));
    assert_eq!(Linux.futex_wake(&word, u32::MAX), Ok(0));
    assert_eq!(Linux.futex_cmp_requeue(&word, 9, 1, 1, &word), Err(Errno::EAGAIN));
}

#[test]
fn sleepers_are_moved_and_woken() {
    let words = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    let sleepers: Vec<_> = (0..3)
        .map(|_| {
            let words = words.clone();
            thread::spawn(Linux, "sleeper", move || {
                Linux.futex_wait(&words.0, 0, FutexTimeout::Never).is_ok() as u32
            })
            .unwrap()
        })
        .collect();
    // All three asleep: only then does the requeue count them.
    let mut met = 0;
    while met < 3 {
        met += Linux.futex_cmp_requeue(&words.0, 0, 0, 3, &words.1).unwrap();
        Linux.sched_yield();
    }
    let mut woken = 0;
    while woken < 3 {
        woken += Linux.futex_wake(&words.1, 3).unwrap();
    }
    words.0.store(1, SeqCst);
    assert_eq!(sleepers.into_iter().map(|sleeper| sleeper.join().unwrap()).sum::<u32>(), 3);
}
