//! Clocks and sleep: `clock_gettime(2)`, `nanosleep(2)`.

use super::{KERNEL, symbols};
use crate::{context, raw};
use eagain_net::{Clock, ClockId, Errno, Instant};
use libc::{clockid_t, time_t, timespec, timeval};
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::time::Duration;

const NS: u64 = 1_000_000_000;

pub unsafe fn duration(time: *const timespec) -> Duration {
    Duration::new((*time).tv_sec.max(0) as u64, (*time).tv_nsec.clamp(0, NS as i64 - 1) as u32)
}

pub unsafe fn instant(time: *const timespec) -> Instant {
    Instant(u64::try_from(duration(time).as_nanos()).unwrap_or(u64::MAX))
}

pub fn clock(id: clockid_t) -> ClockId {
    match id {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => ClockId::Realtime,
        _ => ClockId::Monotonic,
    }
}

fn timespec(at: Instant) -> timespec {
    timespec { tv_sec: (at.0 / NS) as time_t, tv_nsec: (at.0 % NS) as i64 }
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn clock_gettime(id: clockid_t, to: *mut timespec) -> c_int {
    // libc's reads the clock without a system call.
    let Some(context) = context::current() else {
        let result = raw::real!(clock_gettime as fn(id => clockid_t, to => *mut timespec) -> c_int);
        if result == 0 && clock(id) == ClockId::Realtime {
            (*to).tv_sec += eagain_sim::native::clock_moved_by();
        }
        return result;
    };
    *to = timespec(context.as_harness(|| KERNEL.clock_gettime(clock(id))));
    0
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

    fn nanosleep(time: *const timespec, rest: *mut timespec) -> c_int = SYS_nanosleep(time, rest), |_| sleep_for(duration(time), rest);
}

/// The rest of a sleep that a signal ended is what the clock says.
unsafe fn sleep_for(time: Duration, rest: *mut timespec) -> Result<(), Errno> {
    if rest.is_null() {
        return KERNEL.nanosleep(time);
    }
    let until = KERNEL.clock_gettime(ClockId::Monotonic) + time;
    KERNEL.nanosleep(time).inspect_err(|_| {
        let left = until.saturating_since(KERNEL.clock_gettime(ClockId::Monotonic));
        *rest = timespec(Instant(left.as_nanos() as u64));
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
        if flags & libc::TIMER_ABSTIME == 0 {
            return sleep_for(duration(time), rest);
        }
        let now = KERNEL.clock_gettime(clock(id));
        KERNEL.nanosleep(instant(time).saturating_since(now))
    });
    result.map_or_else(|errno| errno.0, |()| 0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn time(to: *mut time_t) -> time_t {
    let mut now = timespec(Instant(0));
    clock_gettime(libc::CLOCK_REALTIME, &mut now);
    if !to.is_null() {
        *to = now.tv_sec;
    }
    now.tv_sec
}

#[unsafe(no_mangle)]
unsafe extern "C" fn usleep(us: c_uint) -> c_int {
    nanosleep(&timespec(Instant(u64::from(us) * 1000)), null_mut())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sleep(seconds: c_uint) -> c_uint {
    let mut rest = timespec(Instant(0));
    match nanosleep(&timespec(Instant(u64::from(seconds) * NS)), &mut rest) {
        0 => 0,
        _ => rest.tv_sec as c_uint,
    }
}
