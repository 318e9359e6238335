//! A ring whose completions did not all fit into their queue: the kernel has the others, and polling the ring says so until an
//! `enter` has moved them up (`io_uring_poll`, `IO_CHECK_CQ_OVERFLOW_BIT`).

use crate::asleep::Sleepers;
use eagain_net::*;
use std::time::Duration;

const ENTRIES: u32 = 4;

/// A ring with twice as many completions as fit.
fn overflowed<K: Sleepers>(k: K) -> Option<K::Ring> {
    if k.io_uring_probe() != Advice::Available {
        return None;
    }
    let params = RingParams { entries: ENTRIES, cq_entries: ENTRIES, defer_taskrun: false };
    let mut ring = k.io_uring_setup(params).unwrap();
    submit(&mut ring);
    submit(&mut ring);
    Some(ring)
}

/// As many completions as fit.
fn submit(ring: &mut impl CompletionRing) {
    for user_data in 0..u64::from(ENTRIES) {
        let operation = Operation::Nop;
        assert!(ring.push(Submission { user_data, operation, flags: SubmissionFlags::NONE }).is_ok());
    }
    assert_eq!(ring.enter(0, None, None), Ok(ENTRIES));
}

fn reap(ring: &mut impl CompletionRing) -> usize {
    ring.reap(&mut Vec::new())
}

fn is_readable<K: Sleepers>(k: K, ring: &K::Ring) -> bool {
    let mut asked = [PollFd::new(ring.fd(), Events::IN)];
    k.poll(&mut asked, Some(Duration::ZERO), None) == Ok(1)
}

fn ring_is_readable_as_long_as_completions_wait_for_room<K: Sleepers>(k: K) {
    let Some(mut ring) = overflowed(k) else { return };
    assert!(is_readable(k, &ring));
    assert_eq!(reap(&mut ring), ENTRIES as usize);
    assert_eq!(reap(&mut ring), 0);
    assert!(is_readable(k, &ring));
    assert_eq!(ring.enter(0, None, None), Ok(0));
    assert_eq!(reap(&mut ring), ENTRIES as usize);
    assert!(!is_readable(k, &ring));
}

fn completions_that_wait_for_room_are_an_edge_once<K: Sleepers>(k: K) {
    let Some(mut ring) = overflowed(k) else { return };
    let epoll = Epoll::new(k).unwrap();
    epoll.add(ring.fd(), Events::IN | Events::ET, 1).unwrap();
    let mut events = [EpollEvent::default(); 1];
    assert_eq!(epoll.wait(&mut events, Some(Duration::ZERO)), Ok(1));
    assert_eq!(reap(&mut ring), ENTRIES as usize);
    assert_eq!(epoll.wait(&mut events, Some(Duration::ZERO)), Ok(0));
}

crate::bodies! {
    ring_is_readable_as_long_as_completions_wait_for_room
    completions_that_wait_for_room_are_an_edge_once
}
