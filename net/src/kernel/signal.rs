//! Signals: dispositions, masks, waiting for them, sending them, and the descriptors that send them (SIGIO).

use super::Descriptors;
use crate::abi::{Fd, MaskHow, Owner, Result, SigAction, SigInfo, SigSet, Signal, SocketFlags, ThreadId};
use std::time::Duration;

/// `signal(7)`. A handler runs on the thread that the signal is delivered to, between two of its calls or inside
/// one that waits. It never interrupts other code: on Linux, a signal that finds its thread outside of a call is handled
/// at once on a thread kept for that, beside what its own thread does.
pub trait Signals: Descriptors {
    /// `getpid(2)`.
    fn getpid(&self) -> i32;

    /// `sigaction(2)`: sets the disposition of the process, returns the old one.
    fn sigaction(&self, signal: Signal, action: SigAction) -> Result<SigAction>;

    /// `pthread_sigmask(3)`: changes the calling thread's mask, returns the old one.
    fn sigprocmask(&self, how: MaskHow, set: SigSet) -> Result<SigSet>;

    /// `sigpending(2)`: what is pending for the thread and its process.
    fn sigpending(&self) -> Result<SigSet>;

    /// `sigtimedwait(2)`: takes one pending signal of the set, lowest number first, waiting for it. `EAGAIN`: the
    /// time is over. The set should be blocked.
    fn sigtimedwait(&self, set: SigSet, timeout: Option<Duration>) -> Result<SigInfo>;

    /// `signalfd(2)`, a new one: pending signals of the set are read from it as records of 128 bytes.
    fn signalfd(&self, set: SigSet, flags: SocketFlags) -> Result<Fd>;

    /// `kill(2)` of a process. `ESRCH`: there is none of that number here.
    fn kill(&self, pid: i32, signal: Signal) -> Result<()>;

    /// `sigqueue(3)`: with a value. `EAGAIN`: the queue is full (`RLIMIT_SIGPENDING`).
    fn sigqueue(&self, pid: i32, signal: Signal, value: u64) -> Result<()>;

    /// `tgkill(2)` of a thread of this process.
    fn tgkill(&self, thread: ThreadId, signal: Signal) -> Result<()>;

    /// `fcntl(2)`, `F_SETOWN_EX`: who is sent the signals of this descriptor.
    fn fcntl_setown(&self, fd: Fd, owner: Owner) -> Result<()>;

    /// `fcntl(2)`, `F_SETSIG`: which signal; `None`: plain SIGIO, which coalesces and names no descriptor.
    fn fcntl_setsig(&self, fd: Fd, signal: Option<Signal>) -> Result<()>;
}
