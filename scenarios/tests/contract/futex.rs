//! Section 8, `futex(2)`.

use crate::asleep::{Caller, Sleepers};
use eagain_net::{ClockId, Errno, FutexTimeout, Instant};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn mismatch_wake_without_waiter_and_timeouts<K: Sleepers>(k: K) {
    let word = AtomicU32::new(5);
    assert_eq!(k.futex_wait(&word, 4, FutexTimeout::Never), Err(Errno::EAGAIN));
    assert_eq!(k.futex_wake(&word, 9), Ok(0));
    let soon = FutexTimeout::Relative(Duration::from_millis(1));
    assert_eq!(k.futex_wait(&word, 5, soon), Err(Errno::ETIMEDOUT), "a wake is not remembered");
    for clock in [ClockId::Monotonic, ClockId::Realtime] {
        let past = FutexTimeout::Absolute(clock, Instant(1));
        assert_eq!(k.futex_wait(&word, 5, past), Err(Errno::ETIMEDOUT));
    }
    let past = FutexTimeout::Absolute(ClockId::Monotonic, Instant(1));
    assert_eq!(k.futex_wait(&word, 4, past), Err(Errno::EAGAIN), "the word is looked at first");
}

/// Four sleepers; the order in which they come back, after each of `wakes` was let take effect.
fn sleepers<K: Sleepers>(k: K, word: &Arc<AtomicU32>, order: &Arc<Mutex<Vec<usize>>>) -> Vec<Caller> {
    let start = |at: usize| {
        let (word, order) = (word.clone(), order.clone());
        Caller::start(k, move |k| {
            let result = k.futex_wait(&word, 0, FutexTimeout::Never).map(|()| at);
            order.lock().unwrap().push(at);
            result
        })
    };
    (0..4).map(start).collect()
}

fn sleepers_are_woken_first_come_first<K: Sleepers>(k: K) {
    let (word, order) = (Arc::new(AtomicU32::new(0)), Arc::default());
    let callers = sleepers(k, &word, &order);
    for (at, caller) in callers.into_iter().enumerate() {
        assert_eq!(k.futex_wake(&word, 1), Ok(1));
        assert_eq!(caller.end(k), Ok(at));
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    assert_eq!(word.load(SeqCst), 0);
}

fn requeue_counts_the_woken_and_the_moved<K: Sleepers>(k: K) {
    let (word, target, order) = (Arc::new(AtomicU32::new(0)), AtomicU32::new(0), Arc::default());
    let callers = sleepers(k, &word, &order);
    assert_eq!(k.futex_cmp_requeue(&word, 1, 1, 2, &target), Err(Errno::EAGAIN));
    assert_eq!(k.futex_cmp_requeue(&word, 0, 1, 2, &target), Ok(3));
    assert_eq!(k.futex_wake(&target, 9), Ok(2));
    assert_eq!(k.futex_wake(&word, 9), Ok(1));
    for (at, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.end(k), Ok(at));
    }
}

crate::bodies! {
    mismatch_wake_without_waiter_and_timeouts
    sleepers_are_woken_first_come_first
    requeue_counts_the_woken_and_the_moved
}
