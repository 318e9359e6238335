//! Timers and signals that are descriptors, and waits for signals: `timerfd_create(2)`, `signalfd(2)`, `sigtimedwait(2)`.

use super::KERNEL;
use super::descriptor::made;
use super::signal::raw_info;
use super::time::{clock, read_spec, timeout, timespec_of};
use crate::context::Context;
use crate::escape::escape;
use eagain_net::{ClockId, Errno, Fd, Result, SigSet, Signals, SocketFlags, TimerSpec, Timers};
use libc::{itimerspec, siginfo_t, timespec};
use std::ffi::{c_int, c_long};

unsafe fn write(spec: TimerSpec, to: *mut itimerspec) {
    if !to.is_null() {
        *to = itimerspec { it_interval: timespec_of(spec.interval), it_value: timespec_of(spec.value) };
    }
}

unsafe fn set(fd: c_int, flags: c_int, new: *const itimerspec, old: *mut itimerspec) -> Result<i64> {
    if new.is_null() {
        return Err(Errno::EFAULT);
    }
    if flags & !(libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL);
    }
    let spec = read_spec(new)?;
    if flags & libc::TFD_TIMER_CANCEL_ON_SET != 0 {
        escape("timerfd_settime", " with TFD_TIMER_CANCEL_ON_SET");
        return Err(Errno::EINVAL);
    }
    let before = KERNEL.timerfd_settime(Fd(fd), spec, flags & libc::TFD_TIMER_ABSTIME != 0)?;
    write(before, old);
    Ok(0)
}

/// The clocks that `timerfd_create(2)` takes.
fn timer_clock(id: c_int) -> Result<ClockId> {
    match id {
        libc::CLOCK_REALTIME
        | libc::CLOCK_MONOTONIC
        | libc::CLOCK_BOOTTIME
        | libc::CLOCK_REALTIME_ALARM
        | libc::CLOCK_BOOTTIME_ALARM => clock(id),
        _ => Err(Errno::EINVAL),
    }
}

unsafe fn signal_set(set: c_long) -> Result<SigSet> {
    let set = set as *const u64;
    if set.is_null() { Err(Errno::EFAULT) } else { Ok(SigSet(set.read_unaligned())) }
}

/// The calls of this kind; `None`: it is none of them. As the harness.
pub unsafe fn by_number(context: &Context, call: c_long, arguments: [c_long; 6]) -> Option<Result<i64>> {
    let [a, b, c, d, ..] = arguments;
    let fd = |flags: c_long| move |fd: Fd| made(context, fd, flags as c_int & libc::O_CLOEXEC != 0).0.into();
    Some(match call {
        libc::SYS_timerfd_create => timer_clock(a as c_int)
            .and_then(|clock| KERNEL.timerfd_create(clock, SocketFlags(b as c_int)))
            .map(fd(b)),
        libc::SYS_timerfd_settime => set(a as c_int, b as c_int, c as _, d as _),
        libc::SYS_timerfd_gettime if b == 0 => Err(Errno::EFAULT),
        libc::SYS_timerfd_gettime => KERNEL.timerfd_gettime(Fd(a as c_int)).map(|spec| {
            write(spec, b as *mut itimerspec);
            0
        }),
        libc::SYS_signalfd | libc::SYS_signalfd4 if a as c_int != -1 => {
            escape("signalfd", " of a descriptor that there is");
            Err(Errno::EINVAL)
        }
        libc::SYS_signalfd => {
            signal_set(b).and_then(|set| KERNEL.signalfd(set, SocketFlags::NONE)).map(fd(0))
        }
        libc::SYS_signalfd4 => {
            signal_set(b).and_then(|set| KERNEL.signalfd(set, SocketFlags(d as c_int))).map(fd(d))
        }
        libc::SYS_rt_sigtimedwait => signal_set(a).and_then(|set| {
            let info = KERNEL.sigtimedwait(set, timeout(c as *const timespec)?)?;
            let to = b as *mut siginfo_t;
            if !to.is_null() {
                *to = raw_info(&info);
            }
            Ok(info.signal.0.into())
        }),
        libc::SYS_rt_sigpending if a == 0 => Err(Errno::EFAULT),
        libc::SYS_rt_sigpending => KERNEL.sigpending().map(|set| {
            (a as *mut u64).write_unaligned(set.0);
            0
        }),
        _ => return None,
    })
}
