//! Whoever waits for one direction of a stream. `tokio::net` lets several tasks wait at once (`readable`, `peek`), and a
//! `try_read` beside them must not take their wake; a stream below keeps one waker. So it keeps this one, which wakes all.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// The tasks to be woken, each once.
#[derive(Debug, Default)]
pub(super) struct Wakers(Mutex<Vec<Waker>>);

impl Wakers {
    /// Remembers who polls; the waker for the stream below.
    pub fn register(self: &Arc<Wakers>, cx: &Context<'_>) -> Waker {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            wakers.push(cx.waker().clone());
        }
        self.waker()
    }

    /// The waker for the stream below, where nobody waits for the call itself.
    pub fn waker(self: &Arc<Wakers>) -> Waker {
        Waker::from(self.clone())
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for waker in wakers {
            waker.wake();
        }
    }
}
