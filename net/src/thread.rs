//! Threads that return a value, on the kernel's spawn and join. How threads wait for each other is `sync`'s
//! business.

use crate::{Result, ThreadId, Threads};
use std::fmt;
use std::sync::{Arc, Mutex};

/// Starts a thread that runs `f`. `name` is at most 15 bytes long where it is to be seen whole (`pthread_setname_np(3)`).
/// `EAGAIN`: too many threads.
pub fn spawn<K, F, T>(kernel: K, name: &str, f: F) -> Result<JoinHandle<K, T>>
where
    K: Threads,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // A std mutex: the thread fills the slot before it ends, join empties it after, so that nobody ever waits here.
    let slot = Arc::new(Mutex::new(None));
    let filled = slot.clone();
    let thread = kernel.spawn(
        name,
        Box::new(move || {
            let value = f();
            *filled.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(value);
        }),
    )?;
    Ok(JoinHandle { kernel, thread, slot, joined: false })
}

/// A running thread. Dropping the handle detaches the thread.
pub struct JoinHandle<K: Threads, T> {
    kernel: K,
    thread: ThreadId,
    slot: Arc<Mutex<Option<T>>>,
    joined: bool,
}

impl<K: Threads, T> JoinHandle<K, T> {
    /// Waits for the thread's end and gives what it returned; `None` where it panicked.
    pub fn join(mut self) -> Option<T> {
        self.joined = true;
        // ESRCH is not possible: the handle is the only one that joins.
        let _ = self.kernel.join(self.thread);
        self.slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    /// Which thread.
    pub fn thread(&self) -> ThreadId {
        self.thread
    }

    /// Whether its value is there: `join` will not wait long.
    pub fn is_finished(&self) -> bool {
        self.slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_some()
    }
}

impl<K: Threads, T> Drop for JoinHandle<K, T> {
    fn drop(&mut self) {
        if !self.joined {
            let _ = self.kernel.detach(self.thread);
        }
    }
}

impl<K: Threads, T> fmt::Debug for JoinHandle<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("thread", &self.thread).finish_non_exhaustive()
    }
}
