//! Signals: masks, waiting, sending, and `siginfo_t` as bytes.

use super::super::handler::interruptible;
use super::{check, check_fd, check_unit, errno};
use crate::{Events, Fd, Result, SigCode, SigInfo, SigSet, Signal, TimerId};
use libc::timespec;
use std::ptr::null;

/// The kernel's `sigset_t`, in bytes.
const SIGSET_LEN: usize = 8;

/// `siginfo_t` of 64-bit Linux (`sigaction(2)`): three integers, then a union at byte 16.
#[repr(C, align(8))]
pub(crate) struct RawInfo([u8; 128]);

impl RawInfo {
    fn int(&self, at: usize) -> i32 {
        self.0.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, i32::from_ne_bytes)
    }

    fn long(&self, at: usize) -> u64 {
        self.0.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_ne_bytes)
    }

    /// What the bytes say, by their si_code. Async-signal-safe.
    pub(crate) fn decode(&self) -> SigInfo {
        let signal = Signal(self.int(0));
        let code = SigCode::from_raw(signal, self.int(8));
        let plain = SigInfo::plain(signal, code);
        match code {
            // _sigpoll: si_band at 16, si_fd at 24.
            _ if code.is_poll() => {
                SigInfo { fd: Fd(self.int(24)), band: Events(self.long(16) as u32).without_bands(), ..plain }
            }
            // _rt and _timer: si_value at 24.
            // _timer: si_timerid at 16, si_overrun at 20.
            SigCode::Timer => {
                SigInfo { value: self.long(24), timer: TimerId(self.int(16)), overrun: self.int(20), ..plain }
            }
            SigCode::Queue | SigCode::AsyncIo => SigInfo { value: self.long(24), ..plain },
            _ => plain,
        }
    }
}

/// What the kernel calls: signal, information, context.
pub(crate) type Trampoline = extern "C" fn(i32, *const RawInfo, *mut libc::c_void);

/// A disposition as the kernel knows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawHandler {
    Default,
    Ignore,
    Function(usize),
}

pub(crate) fn sigaction(
    signal: Signal,
    handler: RawHandler,
    flags: u32,
    mask: SigSet,
) -> Result<(RawHandler, u32, SigSet)> {
    // SAFETY: sigaction is made of integers, of which zero is a value.
    let (mut new, mut old) = unsafe { (std::mem::zeroed::<libc::sigaction>(), std::mem::zeroed()) };
    new.sa_sigaction = match handler {
        RawHandler::Default => libc::SIG_DFL,
        RawHandler::Ignore => libc::SIG_IGN,
        RawHandler::Function(address) => address,
    };
    new.sa_flags = flags as libc::c_int;
    // SAFETY: libc's set is larger than the kernel's 8 bytes, which come first in it.
    unsafe { (&raw mut new.sa_mask).cast::<u64>().write(mask.0) };
    // SAFETY: both live through the call. A function address is that of a `Trampoline`, installed with SA_SIGINFO,
    // which makes only async-signal-safe calls.
    check_unit(unsafe { libc::sigaction(signal.0, &raw const new, &raw mut old) })?;
    // SAFETY: as for the write above.
    let old_mask = SigSet(unsafe { (&raw const old.sa_mask).cast::<u64>().read() });
    let old_handler = match old.sa_sigaction {
        libc::SIG_DFL => RawHandler::Default,
        libc::SIG_IGN => RawHandler::Ignore,
        address => RawHandler::Function(address),
    };
    Ok((old_handler, old.sa_flags as u32, old_mask))
}

/// `set` in the kernel's form; `None` only asks.
pub(crate) fn sigprocmask(how: i32, set: SigSet) -> Result<SigSet> {
    let mut old = 0u64;
    // SAFETY: the kernel reads 8 bytes and writes 8 bytes, which live through the call.
    let returned = interruptible(|| unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const set.0, &raw mut old, SIGSET_LEN)
    });
    check(returned as isize).map(|_| SigSet(old))
}

pub(crate) fn sigpending() -> Result<SigSet> {
    let mut set = 0u64;
    // SAFETY: the kernel writes 8 bytes, which live through the call.
    let returned = unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set, SIGSET_LEN) };
    check(returned as isize).map(|_| SigSet(set))
}

pub(crate) fn sigtimedwait(set: SigSet, timeout: Option<timespec>) -> Result<SigInfo> {
    let mut info = RawInfo([0; 128]);
    let time = timeout.as_ref().map_or(null(), |timeout| &raw const *timeout);
    // SAFETY: the kernel reads 8 bytes of set and the time, and writes at most the 128 bytes of a siginfo_t; all
    // live through the call.
    let returned = interruptible(|| unsafe {
        libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set.0, &raw mut info, time, SIGSET_LEN)
    });
    if returned < 0 { Err(errno()) } else { Ok(info.decode()) }
}

pub(crate) fn signalfd(set: SigSet, flags: i32) -> Result<Fd> {
    // SAFETY: the kernel reads 8 bytes, which live through the call.
    let returned = unsafe { libc::syscall(libc::SYS_signalfd4, -1, &raw const set.0, SIGSET_LEN, flags) };
    check_fd(returned as i32)
}

pub(crate) fn kill(pid: i32, signal: Signal) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(interruptible(|| unsafe { libc::kill(pid, signal.0) }))
}

pub(crate) fn sigqueue(pid: i32, signal: Signal, value: u64) -> Result<()> {
    let value = libc::sigval { sival_ptr: value as usize as *mut libc::c_void };
    // SAFETY: no memory is touched: the value is a number that is only carried.
    check_unit(interruptible(|| unsafe { libc::sigqueue(pid, signal.0, value) }))
}

pub(crate) fn tgkill(pid: i32, tid: i32, signal: Signal) -> Result<()> {
    // SAFETY: no memory is touched.
    let returned = interruptible(|| unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal.0) });
    check_unit(returned as i32)
}
