//! Clocks, sleeping, timerfd, and the two forms of a duration.

use super::super::handler::interruptible;
use super::{check_fd, check_unit};
use crate::{Errno, Fd, Result, TimerSpec};
use libc::timespec;
use std::time::Duration;

/// A duration as the kernel takes it; one longer than it can say becomes the longest.
pub(crate) fn to_timespec(duration: Duration) -> timespec {
    timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

fn to_duration(time: timespec) -> Duration {
    Duration::new(time.tv_sec.max(0) as u64, u32::try_from(time.tv_nsec).unwrap_or(0))
}

pub(crate) fn clock_gettime(clock: i32) -> timespec {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec, which lives through the call. It fails for a thread alone that
    // is not there, and leaves zero then.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time
}

pub(crate) fn nanosleep(duration: Duration) -> Result<()> {
    let time = to_timespec(duration);
    // SAFETY: the kernel reads one timespec, which lives through the call; the remainder is not asked for.
    match interruptible(|| unsafe {
        libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &raw const time, std::ptr::null_mut())
    }) {
        0 => Ok(()),
        // The one call here that returns its errno (clock_nanosleep(2)).
        errno => Err(Errno(errno)),
    }
}

pub(crate) fn timerfd_create(clock: i32, flags: i32) -> Result<Fd> {
    // SAFETY: no memory is touched.
    check_fd(unsafe { libc::timerfd_create(clock, flags) })
}

pub(crate) fn to_spec(raw: libc::itimerspec) -> TimerSpec {
    TimerSpec { value: to_duration(raw.it_value), interval: to_duration(raw.it_interval) }
}

pub(crate) fn from_spec(spec: TimerSpec) -> libc::itimerspec {
    libc::itimerspec { it_interval: to_timespec(spec.interval), it_value: to_timespec(spec.value) }
}

pub(crate) const UNSET: libc::itimerspec = libc::itimerspec {
    it_interval: timespec { tv_sec: 0, tv_nsec: 0 },
    it_value: timespec { tv_sec: 0, tv_nsec: 0 },
};

pub(crate) fn timerfd_settime(fd: Fd, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
    let new = from_spec(spec);
    let mut old = UNSET;
    let flags = if absolute { libc::TFD_TIMER_ABSTIME } else { 0 };
    // SAFETY: the kernel reads one itimerspec and writes another; both live through the call.
    check_unit(unsafe { libc::timerfd_settime(fd.0, flags, &raw const new, &raw mut old) })?;
    Ok(to_spec(old))
}

pub(crate) fn timerfd_gettime(fd: Fd) -> Result<TimerSpec> {
    let mut now = UNSET;
    // SAFETY: the kernel writes one itimerspec, which lives through the call.
    check_unit(unsafe { libc::timerfd_gettime(fd.0, &raw mut now) })?;
    Ok(to_spec(now))
}
