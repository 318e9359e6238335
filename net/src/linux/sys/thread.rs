//! Thread identity and the futex calls.

use super::super::handler::interruptible;
use super::check;
use crate::Result;
use libc::timespec;
use std::ptr::null;
use std::sync::atomic::AtomicU32;

pub(crate) fn gettid() -> i32 {
    // SAFETY: no memory is touched; it cannot fail.
    unsafe { libc::gettid() }
}

pub(crate) fn getpid() -> i32 {
    // SAFETY: no memory is touched; it cannot fail.
    unsafe { libc::getpid() }
}

pub(crate) fn sched_yield() {
    // SAFETY: no memory is touched; on Linux it cannot fail.
    unsafe { libc::sched_yield() };
}

/// `op` is one of the waiting operations, with its flags.
pub(crate) fn futex_wait(
    word: &AtomicU32,
    op: i32,
    expected: u32,
    timeout: Option<timespec>,
    bitset: u32,
) -> Result<usize> {
    let time = timeout.as_ref().map_or(null(), |timeout| &raw const *timeout);
    // SAFETY: the word is an aligned u32 that is only accessed atomically and borrowed for the call; so is the time.
    let returned = interruptible(|| unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), op, expected, time, null::<u32>(), bitset)
    });
    check(returned as isize)
}

/// Async-signal-safe, and not interruptible: signal handlers call it.
pub(crate) fn futex_wake(word: &AtomicU32, count: u32) -> Result<usize> {
    let op = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel uses the address only to find sleepers.
    let returned = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, count) };
    check(returned as isize)
}

pub(crate) fn futex_cmp_requeue(
    word: &AtomicU32,
    expected: u32,
    wake: u32,
    requeue: u32,
    target: &AtomicU32,
) -> Result<usize> {
    let op = libc::FUTEX_CMP_REQUEUE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: both words are aligned u32s borrowed for the call; the kernel reads the first. The fourth argument is
    // a count in this operation, passed in a register as wide as the pointer that it stands for.
    let returned = unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), op, wake, requeue as usize, target.as_ptr(), expected)
    };
    check(returned as isize)
}
