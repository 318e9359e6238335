//! Timers that send signals, call by call.

use super::SimKernel;
use super::entry::call;
use super::words::{nanoseconds, word_of_clock};
use crate::syscall::posix_timer;
use crate::trace::Kind;
use eagain_net::*;

fn number(timer: TimerId) -> u64 {
    i64::from(timer.0) as u64
}

fn durations(spec: TimerSpec) -> [u64; 2] {
    [spec.value, spec.interval].map(|duration| nanoseconds(Some(duration)).unwrap_or(0))
}

impl PosixTimers for SimKernel {
    fn timer_create(&self, clock: ClockId, event: TimerEvent) -> Result<TimerId> {
        let (signal, value) = match event {
            TimerEvent::Default => (Signal::SIGALRM, 0),
            TimerEvent::None => (Signal(0), 0),
            TimerEvent::Signal(signal, value) | TimerEvent::Thread(_, signal, value) => (signal, value),
        };
        let args = [word_of_clock(clock), signal.0 as u64, value, 0];
        call(Kind::TimerCreate, args, |w| posix_timer::create(w, clock, event))
    }

    fn timer_settime(&self, timer: TimerId, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
        let [value, interval] = durations(spec);
        let args = [number(timer), value, interval, u64::from(absolute)];
        call(Kind::TimerSettime, args, |w| posix_timer::settime(w, timer, spec, absolute))
    }

    fn timer_gettime(&self, timer: TimerId) -> Result<TimerSpec> {
        call(Kind::TimerGettime, [number(timer), 0, 0, 0], |w| posix_timer::gettime(w, timer))
    }

    fn timer_getoverrun(&self, timer: TimerId) -> Result<i32> {
        call(Kind::TimerGetoverrun, [number(timer), 0, 0, 0], |w| posix_timer::getoverrun(w, timer))
    }

    fn timer_delete(&self, timer: TimerId) -> Result<()> {
        call(Kind::TimerDelete, [number(timer), 0, 0, 0], |w| posix_timer::delete(w, timer))
    }

    fn setitimer(&self, spec: TimerSpec) -> Result<TimerSpec> {
        let [value, interval] = durations(spec);
        call(Kind::Setitimer, [value, interval, 0, 0], |w| posix_timer::setitimer(w, spec))
    }

    fn getitimer(&self) -> Result<TimerSpec> {
        call(Kind::Getitimer, [0; 4], posix_timer::getitimer)
    }
}
