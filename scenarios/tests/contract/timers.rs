//! Section 8, timers that need time to pass, and section 4's SYN that is sent again: waited for, with bounds.

use crate::asleep::Sleepers;
use eagain_net::{
    ClockId, Domain, EpollEvent, EpollOp, Errno, Events, Fd, PollFd, SocketFlags, TimerSpec, any_port,
};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(5);
const NOW: Option<Duration> = Some(Duration::ZERO);
const LONG: Option<Duration> = Some(Duration::from_secs(20));

fn ticks<K: Sleepers>(k: K, timer: Fd) -> u64 {
    let mut count = [0; 8];
    assert_eq!(k.read(timer, &mut count), Ok(8));
    u64::from_ne_bytes(count)
}

fn periodic_timer_that_nobody_reads_is_one_edge<K: Sleepers>(k: K) {
    let timer = k.timerfd_create(ClockId::Monotonic, SocketFlags::NONBLOCK).unwrap();
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, timer, Events::IN | Events::ET, 0).unwrap();
    k.timerfd_settime(timer, TimerSpec { value: TICK, interval: TICK }, false).unwrap();
    let mut events = [EpollEvent::default()];
    assert_eq!(k.epoll_wait(epoll, &mut events, LONG, None), Ok(1));
    assert_eq!(k.epoll_wait(epoll, &mut events, Some(TICK * 4), None), Ok(0));
    let count = ticks(k, timer);
    assert!((4..100).contains(&count), "{count} ticks in 4 and a little");
    assert_eq!(k.epoll_wait(epoll, &mut events, LONG, None), Ok(1), "an edge again, since it was read");
    k.close(timer).unwrap();
    k.close(epoll).unwrap();
}

fn absolute_time_in_the_past_counts_what_was_missed<K: Sleepers>(k: K) {
    let timer = k.timerfd_create(ClockId::Monotonic, SocketFlags::NONBLOCK).unwrap();
    let now = k.clock_gettime(ClockId::Monotonic);
    let first = Duration::from_nanos(now.0).saturating_sub(TICK * 10);
    let spec = TimerSpec { value: first, interval: TICK };
    k.timerfd_settime(timer, spec, true).unwrap();
    assert_eq!(k.poll(&mut [PollFd::new(timer, Events::IN)], LONG, None), Ok(1));
    let count = ticks(k, timer);
    assert!((11..200).contains(&count), "{count} ticks, the first 10 ticks ago");
    k.close(timer).unwrap();
}

fn no_timer_is_early<K: Sleepers>(k: K) {
    let timer = k.timerfd_create(ClockId::Monotonic, SocketFlags::NONBLOCK).unwrap();
    let start = k.clock_gettime(ClockId::Monotonic);
    k.timerfd_settime(timer, TimerSpec { value: TICK, interval: Duration::ZERO }, false).unwrap();
    assert_eq!(k.read(timer, &mut [0; 8]), Err(Errno::EAGAIN));
    assert_eq!(k.poll(&mut [PollFd::new(timer, Events::IN)], LONG, None), Ok(1));
    assert!(k.clock_gettime(ClockId::Monotonic).saturating_since(start) >= TICK);
    assert_eq!(ticks(k, timer), 1);
    k.close(timer).unwrap();
}

fn syn_that_was_dropped_is_sent_again_after_a_second<K: Sleepers>(k: K) {
    let listener = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    k.bind(listener, any_port()).unwrap();
    k.listen(listener, 0).unwrap();
    let address = k.getsockname(listener).unwrap();
    let [first, second] = [(); 2].map(|()| k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap());
    let start = k.clock_gettime(ClockId::Monotonic);
    for fd in [first, second] {
        assert_eq!(k.connect(fd, address), Err(Errno::EINPROGRESS));
    }
    let (accepted, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
    let mut asked = [PollFd::new(second, Events::OUT)];
    assert_eq!(k.poll(&mut asked, NOW, None), Ok(0));
    assert_eq!(k.poll(&mut asked, LONG, None), Ok(1));
    let waited = k.clock_gettime(ClockId::Monotonic).saturating_since(start);
    assert!((900..2500).contains(&waited.as_millis()), "{waited:?}");
    for fd in [accepted, first, second, listener] {
        k.close(fd).unwrap();
    }
}

/// Closing the listener is not reported to who is calling; the next SYN is refused.
fn connect_to_a_closed_listener_is_refused_after_a_second<K: Sleepers>(k: K) {
    let listener = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    k.bind(listener, any_port()).unwrap();
    k.listen(listener, 0).unwrap();
    let address = k.getsockname(listener).unwrap();
    let [first, second] = [(); 2].map(|()| k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap());
    for fd in [first, second] {
        assert_eq!(k.connect(fd, address), Err(Errno::EINPROGRESS));
    }
    k.close(listener).unwrap();
    let mut asked = [PollFd::new(second, Events::OUT)];
    assert_eq!(k.poll(&mut asked, NOW, None), Ok(0));
    assert_eq!(k.poll(&mut asked, LONG, None), Ok(1));
    assert!(asked[0].revents.contains(Events::ERR | Events::HUP));
    assert_eq!(k.connect(second, address), Err(Errno::ECONNREFUSED));
    k.close(first).unwrap();
    k.close(second).unwrap();
}

crate::bodies! {
    periodic_timer_that_nobody_reads_is_one_edge
    absolute_time_in_the_past_counts_what_was_missed
    no_timer_is_early
    syn_that_was_dropped_is_sent_again_after_a_second
    connect_to_a_closed_listener_is_refused_after_a_second
}
