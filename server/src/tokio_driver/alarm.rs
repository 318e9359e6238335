//! A task's clock: rings at a deadline that may move.

use std::pin::Pin;
use std::task::Context;
use tokio::time::{Instant, Sleep, sleep_until};

/// The clock. It is set anew only where the deadline comes nearer: mostly it moves away, with every byte.
pub(super) struct Alarm {
    /// Fires no later than the deadline.
    timer: Option<Pin<Box<Sleep>>>,
    at_ns: u64,
}

impl Alarm {
    pub fn new() -> Alarm {
        Alarm { timer: None, at_ns: u64::MAX }
    }

    /// `true`: the time for which it was set has come; look, and ask again. `false`: the task is woken when it does.
    pub fn rings(
        &mut self,
        cx: &mut Context<'_>,
        deadline_ns: u64,
        instant: impl FnOnce(u64) -> Instant,
    ) -> bool {
        if deadline_ns < self.at_ns {
            self.at_ns = deadline_ns;
            let at = instant(deadline_ns);
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(at),
                None => self.timer = Some(Box::pin(sleep_until(at))),
            }
        }
        let rings = self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if rings {
            self.at_ns = u64::MAX;
        }
        rings
    }
}
