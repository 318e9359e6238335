//! Mutex, condition variable and queue, under real threads.

use eagain_net::sync::{Condvar, Mutex, PopTimeoutError, PushError, Queue, TryPushError};
use eagain_net::{Linux, thread};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_mutex_lets_one_in_at_a_time() {
    let counter = Arc::new(Mutex::new(Linux, 0u64));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let counter = counter.clone();
            thread::spawn(Linux, "counter", move || (0..20_000).for_each(|_| *counter.lock() += 1)).unwrap()
        })
        .collect();
    threads.into_iter().for_each(|thread| assert_eq!(thread.join(), Some(())));
    assert_eq!(*counter.lock(), 80_000);
    let guard = counter.lock();
    assert!(counter.try_lock().is_none());
    drop(guard);
    assert!(counter.try_lock().is_some());
}

#[test]
fn a_mutex_is_not_poisoned_by_a_panic() {
    let mutex = Mutex::new(Linux, 1);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = mutex.lock();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(caught.is_err());
    assert_eq!(*mutex.lock(), 1);
}

#[test]
fn a_condition_wakes_its_waiter() {
    let shared = Arc::new((Mutex::new(Linux, false), Condvar::new(Linux)));
    let other = shared.clone();
    let waiter = thread::spawn(Linux, "waiter", move || {
        let mut set = other.0.lock();
        while !*set {
            set = other.1.wait(set);
        }
    })
    .unwrap();
    *shared.0.lock() = true;
    shared.1.notify_one();
    assert_eq!(waiter.join(), Some(()));
    let (_guard, late) = shared.1.wait_timeout(shared.0.lock(), Duration::from_micros(1));
    assert!(late);
}

#[test]
fn what_goes_into_a_queue_comes_out_once_whatever_its_size() {
    for capacity in [1, 2, 64] {
        let queue = Arc::new(Queue::new(Linux, capacity));
        let producers: Vec<_> = (0..3u64)
            .map(|at| {
                let queue = queue.clone();
                thread::spawn(Linux, "producer", move || {
                    (0..2_000).for_each(|n| queue.push(at * 2_000 + n).unwrap());
                })
                .unwrap()
            })
            .collect();
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                thread::spawn(Linux, "consumer", move || {
                    std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>()
                })
                .unwrap()
            })
            .collect();
        producers.into_iter().for_each(|producer| assert_eq!(producer.join(), Some(())));
        queue.close();
        let mut all: Vec<_> = consumers.into_iter().flat_map(|consumer| consumer.join().unwrap()).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..6_000));
    }
}

#[test]
fn a_full_and_a_closed_queue_give_the_item_back() {
    let queue = Queue::new(Linux, 2);
    assert_eq!((queue.try_push(1), queue.try_push(2)), (Ok(()), Ok(())));
    assert_eq!(queue.try_push(3), Err(TryPushError::Full(3)));
    assert_eq!(queue.len(), 2);
    queue.close();
    assert_eq!(queue.try_push(3), Err(TryPushError::Closed(3)));
    assert_eq!(queue.push(3), Err(PushError(3)));
    let mut out = Vec::new();
    assert_eq!(queue.try_pop_many(&mut out, 9), 2);
    assert_eq!((out, queue.pop(), queue.try_pop()), (vec![1, 2], None, None));
    assert_eq!(queue.pop_timeout(Duration::MAX), Err(PopTimeoutError::Closed));
}

#[test]
fn a_pop_gives_up_in_time() {
    let queue = Queue::<_, u8>::new(Linux, 1);
    assert_eq!(queue.pop_timeout(Duration::from_micros(1)), Err(PopTimeoutError::TimedOut));
}
