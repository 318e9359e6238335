//! Signals, call by call.

use super::SimKernel;
use super::entry::{call, waiting_call};
use super::words::{nanoseconds, timeout_word, word};
use crate::syscall::signal;
use crate::trace::Kind;
use eagain_net::*;
use std::time::Duration;

impl Signals for SimKernel {
    fn getpid(&self) -> i32 {
        call(Kind::Getpid, [0; 4], |w| Ok(w.me().pid())).unwrap_or(0)
    }

    fn sigaction(&self, signal: Signal, action: SigAction) -> Result<SigAction> {
        let args = [signal.0 as u64, 0, u64::from(action.flags.0), 0];
        call(Kind::Sigaction, args, |w| signal::sigaction(w, signal, &action))
    }

    fn sigprocmask(&self, how: MaskHow, set: SigSet) -> Result<SigSet> {
        call(Kind::Sigprocmask, [how as u64, set.0, 0, 0], |w| signal::sigprocmask(w, how, set))
    }

    fn sigpending(&self) -> Result<SigSet> {
        call(Kind::Sigpending, [0; 4], signal::sigpending)
    }

    fn sigtimedwait(&self, set: SigSet, timeout: Option<Duration>) -> Result<SigInfo> {
        let timeout = nanoseconds(timeout);
        let mut waited = false;
        let args = [set.0, timeout_word(timeout), 0, 0];
        waiting_call(Kind::Sigtimedwait, args, |w| signal::sigtimedwait(w, set, timeout, &mut waited))
    }

    fn signalfd(&self, set: SigSet, flags: SocketFlags) -> Result<Fd> {
        call(Kind::Signalfd, [set.0, flags.0 as u64, 0, 0], |w| signal::signalfd(w, set, flags))
    }

    fn kill(&self, pid: i32, signal: Signal) -> Result<()> {
        let args = [pid as u64, signal.0 as u64, 0, 0];
        call(Kind::Kill, args, |w| signal::kill(w, pid, SigInfo::plain(signal, SigCode::User)))
    }

    fn sigqueue(&self, pid: i32, signal: Signal, value: u64) -> Result<()> {
        let args = [pid as u64, signal.0 as u64, value, 0];
        let info = SigInfo { value, ..SigInfo::plain(signal, SigCode::Queue) };
        call(Kind::Sigqueue, args, |w| signal::kill(w, pid, info))
    }

    fn tgkill(&self, thread: ThreadId, signal: Signal) -> Result<()> {
        call(Kind::Tgkill, [thread.0 as u64, signal.0 as u64, 0, 0], |w| signal::tgkill(w, thread, signal))
    }

    fn fcntl_setown(&self, fd: Fd, owner: Owner) -> Result<()> {
        call(Kind::FcntlSetOwn, [word(fd), owner as u64, 0, 0], |w| signal::setown(w, fd, owner))
    }

    fn fcntl_setsig(&self, fd: Fd, signal: Option<Signal>) -> Result<()> {
        let number = signal.map_or(0, |signal| signal.0 as u64);
        call(Kind::FcntlSetSig, [word(fd), number, 0, 0], |w| signal::setsig(w, fd, signal))
    }
}
