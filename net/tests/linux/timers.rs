//! timerfd, clocks and sleeping.

use eagain_net::{ClockId, Errno, Events, Instant, Linux, PollFd, Readiness, TimerFd, TimerSpec, now, sleep};
use std::time::Duration;

#[test]
fn a_timer_fires_and_counts() {
    let timer = TimerFd::new(Linux).unwrap();
    assert_eq!(timer.read(), Err(Errno::EAGAIN));
    timer.set(Duration::from_nanos(1)).unwrap();
    let mut fds = [PollFd::new(timer.fd(), Events::IN)];
    assert_eq!(Linux.poll(&mut fds, None, None), Ok(1));
    assert_eq!(timer.read(), Ok(1));
    let spec = TimerSpec { value: Duration::from_secs(1000), interval: Duration::from_secs(7) };
    timer.set_spec(spec, false).unwrap();
    let left = timer.get().unwrap();
    assert!(left.value <= spec.value && left.value > Duration::from_secs(900));
    assert_eq!(left.interval, spec.interval);
    timer.set(Duration::ZERO).unwrap();
    assert_eq!(timer.get().unwrap().value, Duration::ZERO);
}

#[test]
fn a_moment_that_has_passed_fires_at_once() {
    let timer = TimerFd::with(Linux, ClockId::Realtime, eagain_net::SocketFlags::NONE).unwrap();
    timer.set_deadline(Instant(0)).unwrap();
    assert_eq!(timer.read(), Ok(1));
}

#[test]
fn a_sleep_lasts_as_long_as_asked() {
    let before = now(Linux);
    sleep(Linux, Duration::from_millis(1));
    assert!(now(Linux) - before >= Duration::from_millis(1));
}
