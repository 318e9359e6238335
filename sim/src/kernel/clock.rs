//! Clocks and sleeping, call by call.

use super::SimKernel;
use super::entry::{call, waiting_call};
use super::words::{nanoseconds, word_of_clock};
use crate::syscall::clock;
use crate::trace::Kind;
use eagain_net::*;
use std::time::Duration;

impl Clock for SimKernel {
    fn clock_gettime(&self, clock: ClockId) -> Instant {
        call(Kind::ClockGettime, [word_of_clock(clock), 0, 0, 0], |w| Ok(clock::gettime(w, clock)))
            .unwrap_or_default()
    }

    fn nanosleep(&self, duration: Duration) -> Result<()> {
        let duration = nanoseconds(Some(duration)).unwrap_or(0);
        let mut deadline = None;
        waiting_call(Kind::Nanosleep, [duration, 0, 0, 0], |w| clock::nanosleep(w, duration, &mut deadline))
    }
}
