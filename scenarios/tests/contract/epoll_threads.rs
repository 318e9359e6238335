//! Section 1, with several threads: who is woken, and by what not (`epoll(7)`, `poll(2)`).

use crate::asleep::{Caller, Sleepers};
use eagain_net::{EpollEvent, EpollOp, Events, Fd, PollFd, SocketFlags};
use std::time::Duration;

/// Long enough for a wake-up that should not come to have come.
const WHILE: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);

fn waiting<K: Sleepers>(k: K, epoll: Fd, timeout: Duration) -> Caller {
    Caller::start(k, move |k| k.epoll_wait(epoll, &mut [EpollEvent::default(); 4], Some(timeout), None))
}

/// How many of four waiters one arrival wakes: in four sets, or all in one.
fn woken<K: Sleepers>(k: K, sets: usize, events: Events) -> usize {
    let [event, last] = [(); 2].map(|()| k.eventfd(0, SocketFlags::NONBLOCK).unwrap());
    let sets: Vec<Fd> = (0..sets).map(|_| k.epoll_create().unwrap()).collect();
    for &set in &sets {
        k.epoll_ctl(set, EpollOp::Add, event, events, 0).unwrap();
    }
    let callers: Vec<Caller> = (0..4).map(|at| waiting(k, sets[at % sets.len()], LONG)).collect();
    k.write(event, &1u64.to_ne_bytes()).unwrap();
    let woken = Caller::count_over(k, &callers);
    k.write(last, &1u64.to_ne_bytes()).unwrap();
    for &set in &sets {
        k.epoll_ctl(set, EpollOp::Add, last, Events::IN, 1).unwrap();
    }
    callers.into_iter().for_each(|caller| assert_eq!(caller.end(k), Ok(1)));
    for fd in sets.into_iter().chain([event, last]) {
        k.close(fd).unwrap();
    }
    woken
}

fn one_arrival_is_reported_by_four_sets<K: Sleepers>(k: K) {
    assert_eq!(woken(k, 4, Events::IN | Events::ET), 4);
}

fn one_arrival_is_reported_by_one_of_four_exclusive_sets<K: Sleepers>(k: K) {
    assert_eq!(woken(k, 4, Events::IN | Events::ET | Events::EXCLUSIVE), 1);
}

fn one_edge_wakes_one_of_four_threads<K: Sleepers>(k: K) {
    assert_eq!(woken(k, 1, Events::IN | Events::ET), 1);
}

fn closing_what_is_watched_wakes_nobody<K: Sleepers>(k: K) {
    let (event, epoll) = (k.eventfd(0, SocketFlags::NONBLOCK).unwrap(), k.epoll_create().unwrap());
    k.epoll_ctl(epoll, EpollOp::Add, event, Events::IN, 0).unwrap();
    let caller = waiting(k, epoll, WHILE);
    k.close(event).unwrap();
    assert_eq!(caller.end_by_timeout(k, WHILE), Ok(0));
    k.close(epoll).unwrap();
}

fn poll_sees_at_its_end_that_a_descriptor_was_closed<K: Sleepers>(k: K) {
    let event = k.eventfd(0, SocketFlags::NONBLOCK).unwrap();
    let caller = Caller::start(k, move |k| {
        let mut fds = [PollFd::new(event, Events::IN)];
        let n = k.poll(&mut fds, Some(WHILE), None)?;
        assert_eq!(fds[0].revents.contains(Events::NVAL), n == 1);
        Ok(n)
    });
    k.close(event).unwrap();
    assert_eq!(caller.end_by_timeout(k, WHILE), Ok(1));
}

crate::bodies! {
    one_arrival_is_reported_by_four_sets
    one_arrival_is_reported_by_one_of_four_exclusive_sets
    one_edge_wakes_one_of_four_threads
    closing_what_is_watched_wakes_nobody
    poll_sees_at_its_end_that_a_descriptor_was_closed
}
