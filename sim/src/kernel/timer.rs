//! timerfd, call by call.

use super::SimKernel;
use super::entry::call;
use super::words::{nanoseconds, word, word_of_clock};
use crate::syscall::timer;
use crate::trace::Kind;
use eagain_net::*;

impl Timers for SimKernel {
    fn timerfd_create(&self, clock: ClockId, flags: SocketFlags) -> Result<Fd> {
        call(Kind::TimerfdCreate, [word_of_clock(clock), flags.0 as u64, 0, 0], |w| {
            timer::create(w, clock, flags)
        })
    }

    fn timerfd_settime(&self, fd: Fd, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
        let (value, interval) = (nanoseconds(Some(spec.value)), nanoseconds(Some(spec.interval)));
        let args = [word(fd), value.unwrap_or(0), interval.unwrap_or(0), u64::from(absolute)];
        call(Kind::TimerfdSettime, args, |w| timer::settime(w, fd, spec, absolute))
    }

    fn timerfd_gettime(&self, fd: Fd) -> Result<TimerSpec> {
        call(Kind::TimerfdGettime, [word(fd), 0, 0, 0], |w| timer::gettime(w, fd))
    }
}
