//! Clocks and sleep: `clock_gettime(2)`, `nanosleep(2)`.

use super::{KERNEL, symbols, there};
use crate::escape::escape;
use crate::{context, raw};
use eagain_net::{Clock, ClockId, Errno, Instant, Result, ThreadId, TimerSpec};
use eagain_sim::native;
use libc::{clockid_t, itimerspec, time_t, timespec, timeval};
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::time::Duration;

const NS: u64 = 1_000_000_000;

/// A time that a program gives, if it is one (`timespec64_valid`).
pub unsafe fn checked(time: *const timespec) -> Result<Duration> {
    if time.is_null() {
        return Err(Errno::EFAULT);
    }
    let timespec { tv_sec, tv_nsec } = time.read_unaligned();
    match (u64::try_from(tv_sec), u32::try_from(tv_nsec)) {
        (Ok(seconds), Ok(ns)) if u64::from(ns) < NS => Ok(Duration::new(seconds, ns)),
        _ => Err(Errno::EINVAL),
    }
}

/// The same where a null pointer means no end.
pub unsafe fn timeout(time: *const timespec) -> Result<Option<Duration>> {
    if time.is_null() { Ok(None) } else { checked(time).map(Some) }
}

pub unsafe fn instant(time: *const timespec) -> Result<Instant> {
    checked(time).map(|since| Instant(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

/// What a timer is set to, if both are times.
pub unsafe fn read_spec(spec: *const itimerspec) -> Result<TimerSpec> {
    let (value, interval) = (checked(&raw const (*spec).it_value)?, checked(&raw const (*spec).it_interval)?);
    Ok(TimerSpec { value, interval })
}

/// Which clock it is: one of the two of a host, or what a thread or all of the process have computed.
pub fn clock(id: clockid_t) -> Result<ClockId> {
    match id {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_REALTIME_ALARM | libc::CLOCK_TAI => {
            Ok(ClockId::Realtime)
        }
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME
        | libc::CLOCK_BOOTTIME_ALARM => Ok(ClockId::Monotonic),
        libc::CLOCK_PROCESS_CPUTIME_ID => Ok(ClockId::ProcessCpu),
        libc::CLOCK_THREAD_CPUTIME_ID => Ok(ClockId::ThreadCpu),
        // Of one thread or process, by what is left of the number (linux/posix-timers.h). 0 is the calling one.
        ..0 => {
            let (number, of_thread) = (!(id >> 3), id & 4 != 0);
            match (number, of_thread) {
                (0, true) => Ok(ClockId::ThreadCpu),
                (tid, true) if native::thread_name(tid).is_some() => Ok(ClockId::CpuOf(ThreadId(tid))),
                (pid, false) if pid == 0 || pid == native::identity().pid => Ok(ClockId::ProcessCpu),
                _ => Err(Errno::EINVAL),
            }
        }
        _ => Err(Errno::EINVAL),
    }
}

pub fn timespec_of(time: Duration) -> timespec {
    timespec { tv_sec: time.as_secs() as time_t, tv_nsec: time.subsec_nanos().into() }
}

fn timespec_at(at: Instant) -> timespec {
    timespec_of(Duration::from_nanos(at.0))
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn clock_gettime(id: clockid_t, to: *mut timespec) -> c_int {
    // libc's reads the clock without a system call.
    let Some(context) = context::current() else {
        let result = raw::real!(clock_gettime as fn(id => clockid_t, to => *mut timespec) -> c_int);
        // No thread is simulated: there is none to look for.
        if result == 0 && id >= 0 && clock(id) == Ok(ClockId::Realtime) {
            (*to).tv_sec += native::clock_moved_by();
        }
        return result;
    };
    super::returned(context.as_harness(|| {
        let clock = clock(id)?;
        let Instant(at) = KERNEL.clock_gettime(clock);
        // As of the last tick, as the times of files are.
        let is_coarse = matches!(id, libc::CLOCK_REALTIME_COARSE | libc::CLOCK_MONOTONIC_COARSE);
        *there(to)? = timespec_at(Instant(if is_coarse { at - at % native::TICK } else { at }));
        Ok(())
    })) as c_int
}

symbols! {
    fn gettimeofday(to: *mut timeval, zone: *mut c_void) -> c_int = SYS_gettimeofday(to, zone), |_| {
        let at = KERNEL.clock_gettime(ClockId::Realtime).0;
        if !zone.is_null() {
            *zone.cast::<[c_int; 2]>() = [0; 2];
        }
        if to.is_null() {
            return Ok(());
        }
        *to = timeval { tv_sec: (at / NS) as time_t, tv_usec: (at % NS / 1000) as i64 };
        Ok(())
    };

    fn nanosleep(time: *const timespec, rest: *mut timespec) -> c_int = SYS_nanosleep(time, rest), |_| sleep_for(checked(time)?, rest);
}

/// The rest of a sleep that a signal ended is what the clock says.
unsafe fn sleep_for(time: Duration, rest: *mut timespec) -> Result<()> {
    if rest.is_null() {
        return KERNEL.nanosleep(time);
    }
    let until = KERNEL.clock_gettime(ClockId::Monotonic) + time;
    KERNEL.nanosleep(time).inspect_err(|_| {
        *rest = timespec_of(until.saturating_since(KERNEL.clock_gettime(ClockId::Monotonic)));
    })
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn clock_nanosleep(
    id: clockid_t,
    flags: c_int,
    time: *const timespec,
    rest: *mut timespec,
) -> c_int {
    let Some(context) = context::current() else {
        let arguments = [i64::from(id), i64::from(flags), time as i64, rest as i64, 0, 0];
        return -raw::system_call(libc::SYS_clock_nanosleep, arguments) as c_int;
    };
    let result = context.as_harness(|| {
        let (clock, time) = (clock(id)?, checked(time)?);
        if clock.is_of_cpu() {
            escape("clock_nanosleep", " by what a thread or process computes");
            return Err(Errno::EINVAL);
        }
        if flags & libc::TIMER_ABSTIME == 0 {
            return sleep_for(time, rest);
        }
        let now = KERNEL.clock_gettime(clock);
        KERNEL.nanosleep(time.saturating_sub(Duration::from_nanos(now.0)))
    });
    result.map_or_else(|errno| errno.0, |()| 0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn time(to: *mut time_t) -> time_t {
    let mut now = timespec_of(Duration::ZERO);
    clock_gettime(libc::CLOCK_REALTIME, &mut now);
    if !to.is_null() {
        *to = now.tv_sec;
    }
    now.tv_sec
}

#[unsafe(no_mangle)]
unsafe extern "C" fn usleep(us: c_uint) -> c_int {
    nanosleep(&timespec_of(Duration::from_micros(us.into())), null_mut())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sleep(seconds: c_uint) -> c_uint {
    let mut rest = timespec_of(Duration::ZERO);
    match nanosleep(&timespec_of(Duration::from_secs(seconds.into())), &mut rest) {
        0 => 0,
        _ => rest.tv_sec as c_uint,
    }
}
