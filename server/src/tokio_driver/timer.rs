//! The timer of a task: expires at a deadline that may move.

use std::pin::Pin;
use std::task::Context;
use tokio::time::{Instant, Sleep, sleep_until};

/// It is set anew only where the deadline comes nearer: mostly it moves away, with every byte.
pub(super) struct DeadlineTimer {
    /// Fires no later than the deadline.
    timer: Option<Pin<Box<Sleep>>>,
    at_ns: u64,
}

impl DeadlineTimer {
    pub fn new() -> DeadlineTimer {
        DeadlineTimer { timer: None, at_ns: u64::MAX }
    }

    /// `true`: the time for which it was set has come; look, and ask again. `false`: the task is woken when it does.
    pub fn expired(
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
        let expired = self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if expired {
            self.at_ns = u64::MAX;
        }
        expired
    }
}
