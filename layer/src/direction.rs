//! One direction of a stream: whether the next call finds it ready. A decision is made once for each call that moves
//! something, however often it is polled; who finds it not ready is woken, at once or by a timer.

use eagain_sim::choice::Stream;
use eagain_sim::fault::Family;
use eagain_sim::{Actor, External};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

const MS: u64 = 1_000_000;

/// Reading or writing.
pub(crate) struct Direction {
    /// The key of its choices.
    object: String,
    not_ready: Stream,
    stall: Stream,
    /// The call under way has been decided on.
    decided: bool,
    /// Until when it is not ready.
    timer: Option<Pin<Box<Sleep>>>,
    /// The event that made the call under way wait.
    cause: Option<u64>,
}

impl Direction {
    pub fn new(object: String) -> Direction {
        Direction {
            object,
            not_ready: Stream::default(),
            stall: Stream::default(),
            decided: false,
            timer: None,
            cause: None,
        }
    }

    pub fn object(&self) -> &str {
        &self.object
    }

    /// Whether the call may go on to the stream below. `Pending`: it will be woken.
    pub fn poll_ready(&mut self, world: &External, actor: Actor, cx: &mut Context<'_>) -> Poll<()> {
        if !self.decided {
            self.decided = true;
            let object = || self.object.clone();
            let stall = world.choose_fault(Family::StreamStall, &mut self.stall, object);
            let not_ready = world.choose_fault(Family::StreamNotReady, &mut self.not_ready, object);
            if stall > 0 {
                self.wait(world.fault(Family::StreamStall, actor, [stall * MS, 0, 0, 0]), stall);
            } else if not_ready > 0 {
                let ms = not_ready - 1;
                let cause = world.fault(Family::StreamNotReady, actor, [ms * MS, 0, 0, 0]);
                if ms == 0 {
                    self.cause = Some(cause);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.wait(cause, ms);
            }
        }
        if let Some(timer) = &mut self.timer {
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
        self.cause = None;
        Poll::Ready(())
    }

    fn wait(&mut self, cause: u64, ms: u64) {
        self.cause = Some(cause);
        self.timer = Some(Box::pin(tokio::time::sleep(Duration::from_millis(ms))));
    }

    /// What the call under way waits for, if it is our doing.
    pub fn cause(&self) -> Option<u64> {
        self.cause
    }

    /// The call has had a result: the next one is another.
    pub fn done(&mut self) {
        self.decided = false;
        self.timer = None;
        self.cause = None;
    }
}
