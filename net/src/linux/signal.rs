//! Signals. A handler carries its own context, which C's cannot: a table of 64 slots leads from the signal's number to
//! the handler, and one trampoline is installed for all of them. When the handler runs is decided in `handler.rs`.
//!
//! Rust's runtime ignores SIGPIPE from the start; a plain `write` to a dead connection is then `EPIPE` alone. A program
//! that sets SIGPIPE's disposition back gets the signal too, as `write(2)` says.

use super::sys::signal::{RawHandler, RawInfo, Trampoline};
use super::sys::time::to_timespec;
use super::{Linux, handler, sys};
use crate::{
    Disposition, Errno, Fd, HandlerFn, MaskHow, Owner, Result, SigAction, SigActionFlags, SigInfo, SigSet,
    Signal, Signals, SocketFlags, ThreadId,
};
use std::sync::Mutex;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Duration;

/// The handler of signal `n` at `n - 1`; null where there never was one. What was once in here is never freed: a
/// handler may be running on another thread.
static HANDLERS: [AtomicPtr<HandlerFn>; 64] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 64];

/// Held while a disposition and its slot change together.
static CHANGING: Mutex<()> = Mutex::new(());

fn slot(signal: Signal) -> Option<&'static AtomicPtr<HandlerFn>> {
    usize::try_from(signal.0).ok().and_then(|number| HANDLERS.get(number.checked_sub(1)?))
}

/// What the kernel calls for every signal that has a handler. It reads the table, hands the signal over, and leaves
/// errno as it was: all async-signal-safe. What the closure does is not its business (`handler.rs`).
extern "C" fn trampoline(signal: i32, info: *const RawInfo, _context: *mut libc::c_void) {
    let errno = sys::errno();
    let handler = slot(Signal(signal)).map_or(std::ptr::null_mut(), |slot| slot.load(Acquire));
    // SAFETY: a slot holds null or a leaked box, valid for ever. The kernel gives a siginfo_t that lives as long as
    // this call, since the trampoline is installed with SA_SIGINFO only.
    if let (Some(handler), Some(info)) = unsafe { (handler.as_ref(), info.as_ref()) } {
        handler::deliver(handler, info.decode());
    }
    sys::set_errno(errno);
}

/// SA_SIGINFO: the handler gets the details. Never shown to the caller.
const SIGINFO: u32 = libc::SA_SIGINFO as u32;

fn address() -> usize {
    trampoline as Trampoline as usize
}

impl Signals for Linux {
    fn getpid(&self) -> i32 {
        sys::thread::getpid()
    }

    fn sigaction(&self, signal: Signal, action: SigAction) -> Result<SigAction> {
        let slot = slot(signal).ok_or(Errno::EINVAL)?;
        let _changing = CHANGING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let before = slot.load(Acquire);
        let (handler, flags) = match action.disposition {
            Disposition::Default => (RawHandler::Default, 0),
            Disposition::Ignore => (RawHandler::Ignore, 0),
            Disposition::Handler(handler) => {
                handler::start()?;
                // In its slot before the kernel can call the trampoline.
                slot.store(Box::into_raw(Box::new(handler)), Release);
                (RawHandler::Function(address()), SIGINFO)
            }
        };
        let old = sys::signal::sigaction(signal, handler, action.flags.0 | flags, action.mask);
        let (old_handler, old_flags, old_mask) = match old {
            Ok(old) => old,
            Err(e) => {
                slot.store(before, Release);
                return Err(e);
            }
        };
        // SAFETY: as in the trampoline.
        let before = unsafe { before.as_ref() };
        let disposition = match (old_handler, before) {
            (RawHandler::Ignore, _) => Disposition::Ignore,
            (RawHandler::Function(at), Some(handler)) if at == address() => {
                Disposition::Handler(handler.clone())
            }
            // A handler that was not installed here (such as the one of Rust's runtime for SIGSEGV) cannot get them.
            (RawHandler::Default | RawHandler::Function(_), _) => Disposition::Default,
        };
        Ok(SigAction { disposition, flags: SigActionFlags(old_flags & named_flags()), mask: old_mask })
    }

    fn sigprocmask(&self, how: MaskHow, set: SigSet) -> Result<SigSet> {
        // nptl(7): glibc keeps these two for itself, and its own call leaves them open as well.
        let set = set.without(Signal(32)).without(Signal(33));
        sys::signal::sigprocmask(how as i32, set)
    }

    fn sigpending(&self) -> Result<SigSet> {
        sys::signal::sigpending()
    }

    fn sigtimedwait(&self, set: SigSet, timeout: Option<Duration>) -> Result<SigInfo> {
        sys::signal::sigtimedwait(set, timeout.map(to_timespec))
    }

    fn signalfd(&self, set: SigSet, flags: SocketFlags) -> Result<Fd> {
        sys::signal::signalfd(set, flags.0)
    }

    fn kill(&self, pid: i32, signal: Signal) -> Result<()> {
        // kill(2): 0 and negative numbers are groups, of which this interface knows none.
        if pid <= 0 {
            return Err(Errno::ESRCH);
        }
        sys::signal::kill(pid, signal)
    }

    fn sigqueue(&self, pid: i32, signal: Signal, value: u64) -> Result<()> {
        sys::signal::sigqueue(pid, signal, value)
    }

    fn tgkill(&self, thread: ThreadId, signal: Signal) -> Result<()> {
        sys::signal::tgkill(sys::thread::getpid(), thread.0, signal)
    }

    fn fcntl_setown(&self, fd: Fd, owner: Owner) -> Result<()> {
        match owner {
            Owner::None => sys::io::fcntl_setown_ex(fd, sys::io::F_OWNER_PID, 0),
            Owner::ThisProcess => sys::io::fcntl_setown_ex(fd, sys::io::F_OWNER_PID, sys::thread::getpid()),
            Owner::ThisThread => sys::io::fcntl_setown_ex(fd, sys::io::F_OWNER_TID, sys::thread::gettid()),
        }
    }

    fn fcntl_setsig(&self, fd: Fd, signal: Option<Signal>) -> Result<()> {
        sys::io::fcntl_setsig(fd, signal.map_or(0, |signal| signal.0))
    }
}

/// The flags that have a name in [`SigActionFlags`].
fn named_flags() -> u32 {
    SigActionFlags::RESTART.with(SigActionFlags::NODEFER).with(SigActionFlags::RESETHAND).0
}
