//! Timers that send signals: `timer_create(2)`, `setitimer(2)`. What libc calls a `timer_t` is the kernel's number.

use super::time::{clock, read_spec, timespec_of};
use super::{KERNEL, symbols, there};
use crate::context;
use crate::escape::escape;
use crate::raw;
use eagain_net::{Errno, PosixTimers, Result, Signal, ThreadId, TimerEvent, TimerId, TimerSpec};
use libc::{clockid_t, itimerspec, itimerval, sigevent, timer_t, timeval};
use std::ffi::{c_int, c_long, c_uint};
use std::time::Duration;

unsafe fn event(event: *const sigevent) -> Result<TimerEvent> {
    if event.is_null() {
        return Ok(TimerEvent::Default);
    }
    let event = &*event;
    let (signal, value) = (Signal(event.sigev_signo), event.sigev_value.sival_ptr as u64);
    match event.sigev_notify {
        libc::SIGEV_NONE => Ok(TimerEvent::None),
        libc::SIGEV_SIGNAL => Ok(TimerEvent::Signal(signal, value)),
        libc::SIGEV_THREAD_ID => {
            Ok(TimerEvent::Thread(ThreadId(event.sigev_notify_thread_id), signal, value))
        }
        libc::SIGEV_THREAD => {
            escape("timer_create", " with SIGEV_THREAD, a function that libc runs on a thread of its own");
            Err(Errno::EINVAL)
        }
        _ => Err(Errno::EINVAL),
    }
}

unsafe fn create(id: clockid_t, given: *const sigevent) -> Result<TimerId> {
    let clock = match id {
        // These can be read alone.
        libc::CLOCK_MONOTONIC_RAW | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_MONOTONIC_COARSE => {
            return Err(Errno::EOPNOTSUPP);
        }
        id => clock(id)?,
    };
    KERNEL.timer_create(clock, event(given)?)
}

unsafe fn settime(timer: TimerId, flags: c_int, new: *const itimerspec, old: *mut itimerspec) -> Result<()> {
    // Not EFAULT (`timer_settime` of the kernel), and flags that are not known have no effect.
    if new.is_null() {
        return Err(Errno::EINVAL);
    }
    let before = KERNEL.timer_settime(timer, read_spec(new)?, flags & libc::TIMER_ABSTIME != 0)?;
    if !old.is_null() {
        write_spec(before, old);
    }
    Ok(())
}

unsafe fn write_spec(spec: TimerSpec, to: *mut itimerspec) {
    *to = itimerspec { it_interval: timespec_of(spec.interval), it_value: timespec_of(spec.value) };
}

unsafe fn gettime(timer: TimerId, to: *mut itimerspec) -> Result<()> {
    let spec = KERNEL.timer_gettime(timer)?;
    write_spec(spec, there(to)?);
    Ok(())
}

fn number(timer: timer_t) -> TimerId {
    TimerId(timer as usize as i32)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn timer_create(id: clockid_t, given: *mut sigevent, to: *mut timer_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(timer_create as
            fn(id => clockid_t, given => *mut sigevent, to => *mut timer_t) -> c_int);
    };
    super::returned(context.as_harness(|| {
        *to = create(id, given)?.0 as usize as timer_t;
        Ok(())
    })) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn timer_settime(
    timer: timer_t,
    flags: c_int,
    new: *const itimerspec,
    old: *mut itimerspec,
) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(timer_settime as
            fn(timer => timer_t, flags => c_int, new => *const itimerspec, old => *mut itimerspec) -> c_int);
    };
    super::returned(context.as_harness(|| settime(number(timer), flags, new, old))) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn timer_gettime(timer: timer_t, to: *mut itimerspec) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(timer_gettime as fn(timer => timer_t, to => *mut itimerspec) -> c_int);
    };
    super::returned(context.as_harness(|| gettime(number(timer), to))) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn timer_getoverrun(timer: timer_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(timer_getoverrun as fn(timer => timer_t) -> c_int);
    };
    super::returned(context.as_harness(|| KERNEL.timer_getoverrun(number(timer)))) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn timer_delete(timer: timer_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(timer_delete as fn(timer => timer_t) -> c_int);
    };
    super::returned(context.as_harness(|| KERNEL.timer_delete(number(timer)))) as c_int
}

/// The calls of this kind by number, whose timers are integers; `None`: it is none of them. As the harness.
pub unsafe fn by_number(call: c_long, arguments: [c_long; 6]) -> Option<Result<i64>> {
    let [a, b, c, d, ..] = arguments;
    let timer = TimerId(a as i32);
    let result = match call {
        libc::SYS_timer_create => {
            return Some(create(a as clockid_t, b as _).and_then(|timer| {
                *there(c as *mut c_int)? = timer.0;
                Ok(0)
            }));
        }
        libc::SYS_timer_getoverrun => return Some(KERNEL.timer_getoverrun(timer).map(i64::from)),
        libc::SYS_timer_settime => settime(timer, b as c_int, c as _, d as _),
        libc::SYS_timer_gettime => gettime(timer, b as _),
        libc::SYS_timer_delete => KERNEL.timer_delete(timer),
        _ => return None,
    };
    Some(result.map(|()| 0))
}

// `ITIMER_REAL`; the two others count the time that is computed in user mode, of which nothing is known.

const MICROSECONDS: i64 = 1_000_000;

fn read_timeval(time: timeval) -> Result<Duration> {
    match u64::try_from(time.tv_sec) {
        Ok(seconds) if (0..MICROSECONDS).contains(&time.tv_usec) => {
            Ok(Duration::new(seconds, time.tv_usec as u32 * 1_000))
        }
        _ => Err(Errno::EINVAL),
    }
}

fn timeval_of(time: Duration) -> timeval {
    timeval { tv_sec: time.as_secs() as i64, tv_usec: time.subsec_micros().into() }
}

/// Whether it is there; one that is not simulated is an escape, unless it is switched off.
fn check_which(which: c_int, on: bool) -> Result<()> {
    match which {
        libc::ITIMER_REAL => Ok(()),
        libc::ITIMER_VIRTUAL | libc::ITIMER_PROF => {
            if on {
                escape("setitimer", " of the time that a process computes (ITIMER_VIRTUAL, ITIMER_PROF)");
            }
            Ok(())
        }
        _ => Err(Errno::EINVAL),
    }
}

unsafe fn write_interval(spec: TimerSpec, to: *mut itimerval) {
    *to = itimerval { it_interval: timeval_of(spec.interval), it_value: timeval_of(spec.value) };
}

symbols! {
    fn setitimer(which: c_int, new: *const itimerval, old: *mut itimerval) -> c_int =
        SYS_setitimer(which, new, old), |_| {
        // No new setting is one of zeros.
        let spec = match new.as_ref() {
            Some(new) => TimerSpec { value: read_timeval(new.it_value)?, interval: read_timeval(new.it_interval)? },
            None => TimerSpec::default(),
        };
        check_which(which, !spec.value.is_zero())?;
        let before = if which == libc::ITIMER_REAL { KERNEL.setitimer(spec)? } else { TimerSpec::default() };
        if !old.is_null() {
            write_interval(before, old);
        }
        Ok(())
    };

    fn getitimer(which: c_int, to: *mut itimerval) -> c_int = SYS_getitimer(which, to), |_| {
        check_which(which, false)?;
        let now = if which == libc::ITIMER_REAL { KERNEL.getitimer()? } else { TimerSpec::default() };
        write_interval(now, there(to)?);
        Ok(())
    };

    fn alarm(seconds: c_uint) -> c_uint = SYS_alarm(seconds), |_| {
        let value = Duration::from_secs(seconds.min(c_int::MAX as c_uint).into());
        let before = KERNEL.setitimer(TimerSpec { value, interval: Duration::ZERO })?.value;
        // Rounded, and never to 0 (`alarm_setitimer`).
        let seconds = before.as_secs();
        let up = before.subsec_nanos() >= 500_000_000 || seconds == 0 && !before.is_zero();
        Ok::<i64, Errno>((seconds + u64::from(up)) as i64)
    };
}
