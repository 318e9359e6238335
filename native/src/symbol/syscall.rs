//! `syscall(2)`: what std and others call by number: futexes, and calls that their libc may lack.

use super::time::{duration, instant};
use super::{KERNEL, number, returned};
use crate::context::{self, Context};
use crate::escape::escape;
use crate::raw;
use eagain_net::{ClockId, Entropy, Errno, FutexTimeout, Result, Threads};
use libc::timespec;
use std::ffi::{c_int, c_long, c_void};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Variadic in C; a definition with all six arguments finds them in the same registers.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    call: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    let Some(context) = context::current() else {
        return raw::with_errno(raw::system_call(call, [a, b, c, d, e, f]));
    };
    returned(context.as_harness(|| by_number(context, call, [a, b, c, d, e, f])))
}

unsafe fn by_number(context: &Context, call: c_long, arguments: [c_long; 6]) -> Result<i64> {
    let [a, b, ..] = arguments;
    match call {
        libc::SYS_futex => futex(arguments),
        libc::SYS_getrandom => KERNEL.getrandom(super::buffer(a as *mut c_void, b as usize)).map(|()| b),
        libc::SYS_gettid => Ok(i64::from(context.tid.get())),
        libc::SYS_getpid => Ok(i64::from(context.pid)),
        // Rust asks whether there is a call with these, and does without.
        libc::SYS_membarrier | libc::SYS_rseq => Err(Errno::ENOSYS),
        _ => {
            escape("syscall", &number(call));
            Err(Errno::ENOSYS)
        }
    }
}

unsafe fn futex([word, op, value, timeout, second, third]: [c_long; 6]) -> Result<i64> {
    let word = &*(word as *const AtomicU32);
    let time = timeout as *const timespec;
    let clock =
        if op as c_int & libc::FUTEX_CLOCK_REALTIME != 0 { ClockId::Realtime } else { ClockId::Monotonic };
    match op as c_int & libc::FUTEX_CMD_MASK {
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET if time.is_null() => {
            KERNEL.futex_wait(word, value as u32, FutexTimeout::Never).map(|()| 0)
        }
        libc::FUTEX_WAIT => {
            KERNEL.futex_wait(word, value as u32, FutexTimeout::Relative(duration(time))).map(|()| 0)
        }
        libc::FUTEX_WAIT_BITSET => {
            KERNEL.futex_wait(word, value as u32, FutexTimeout::Absolute(clock, instant(time))).map(|()| 0)
        }
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => KERNEL.futex_wake(word, value as u32).map(i64::from),
        requeue @ (libc::FUTEX_REQUEUE | libc::FUTEX_CMP_REQUEUE) => {
            let expected = if requeue == libc::FUTEX_CMP_REQUEUE { third as u32 } else { word.load(SeqCst) };
            let target = &*(second as *const AtomicU32);
            KERNEL.futex_cmp_requeue(word, expected, value as u32, timeout as u32, target).map(i64::from)
        }
        other => {
            escape("futex", &number(other.into()));
            Err(Errno::ENOSYS)
        }
    }
}
