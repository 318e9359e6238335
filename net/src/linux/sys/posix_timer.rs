//! Timers that send signals. By `syscall(2)` where libc keeps timers of its own beside the kernel's.

use super::super::handler::interruptible;
use super::time::{UNSET, from_spec, to_spec};
use super::{check, check_unit};
use crate::{Result, ThreadId, TimerEvent, TimerId, TimerSpec};
use std::time::Duration;

pub(crate) fn timer_create(clock: i32, event: TimerEvent) -> Result<TimerId> {
    // SAFETY: sigevent is made of integers and a pointer, of which zero is a value.
    let mut raw: libc::sigevent = unsafe { std::mem::zeroed() };
    let (notify, signal, value, thread) = match event {
        TimerEvent::Default | TimerEvent::None => (libc::SIGEV_NONE, 0, 0, 0),
        TimerEvent::Signal(signal, value) => (libc::SIGEV_SIGNAL, signal.0, value, 0),
        TimerEvent::Thread(ThreadId(thread), signal, value) => {
            (libc::SIGEV_THREAD_ID, signal.0, value, thread)
        }
    };
    (raw.sigev_notify, raw.sigev_signo, raw.sigev_notify_thread_id) = (notify, signal, thread);
    raw.sigev_value.sival_ptr = value as usize as *mut libc::c_void;
    let given = if event == TimerEvent::Default { std::ptr::null() } else { &raw const raw };
    let mut timer = 0i32;
    // SAFETY: the kernel reads one sigevent, or none, and writes an integer; both live through the call.
    let returned = unsafe { libc::syscall(libc::SYS_timer_create, clock, given, &raw mut timer) };
    check(returned as isize).map(|_| TimerId(timer))
}

pub(crate) fn timer_settime(timer: TimerId, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
    let (new, mut old) = (from_spec(spec), UNSET);
    let flags = if absolute { libc::TIMER_ABSTIME } else { 0 };
    // SAFETY: the kernel reads one itimerspec and writes another; both live through the call.
    let returned = interruptible(|| unsafe {
        libc::syscall(libc::SYS_timer_settime, timer.0, flags, &raw const new, &raw mut old)
    });
    check(returned as isize).map(|_| to_spec(old))
}

pub(crate) fn timer_gettime(timer: TimerId) -> Result<TimerSpec> {
    let mut now = UNSET;
    // SAFETY: the kernel writes one itimerspec, which lives through the call.
    let returned = interruptible(|| unsafe { libc::syscall(libc::SYS_timer_gettime, timer.0, &raw mut now) });
    check(returned as isize).map(|_| to_spec(now))
}

pub(crate) fn timer_getoverrun(timer: TimerId) -> Result<i32> {
    // SAFETY: no memory is touched.
    let returned = interruptible(|| unsafe { libc::syscall(libc::SYS_timer_getoverrun, timer.0) });
    check(returned as isize).map(|count| count as i32)
}

pub(crate) fn timer_delete(timer: TimerId) -> Result<()> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::syscall(libc::SYS_timer_delete, timer.0) } as isize).map(drop)
}

fn to_timeval(time: Duration) -> libc::timeval {
    libc::timeval {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_usec: time.subsec_micros().into(),
    }
}

fn from_timeval(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec.max(0) as u64, u32::try_from(time.tv_usec * 1_000).unwrap_or(0))
}

fn from_itimerval(raw: libc::itimerval) -> TimerSpec {
    TimerSpec { value: from_timeval(raw.it_value), interval: from_timeval(raw.it_interval) }
}

const OFF: libc::itimerval = libc::itimerval {
    it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
    it_value: libc::timeval { tv_sec: 0, tv_usec: 0 },
};

pub(crate) fn setitimer(spec: TimerSpec) -> Result<TimerSpec> {
    let new = libc::itimerval { it_interval: to_timeval(spec.interval), it_value: to_timeval(spec.value) };
    let mut old = OFF;
    // SAFETY: the kernel reads one itimerval and writes another; both live through the call.
    check_unit(interruptible(|| unsafe {
        libc::setitimer(libc::ITIMER_REAL, &raw const new, &raw mut old)
    }))?;
    Ok(from_itimerval(old))
}

pub(crate) fn getitimer() -> Result<TimerSpec> {
    let mut now = OFF;
    // SAFETY: the kernel writes one itimerval, which lives through the call.
    check_unit(interruptible(|| unsafe { libc::getitimer(libc::ITIMER_REAL, &raw mut now) }))?;
    Ok(from_itimerval(now))
}
