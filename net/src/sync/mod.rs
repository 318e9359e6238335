//! Waiting between threads, built once on the futex calls and generic over the kernel, so that a simulated kernel
//! sees every wait: [`Mutex`], [`Condvar`], and the bounded [`Queue`] made of the two.
//!
//! Each of them calls [`Threads::interleave`](crate::Threads::interleave) where another thread may come between:
//! at lock, unlock, push and pop, and before each futex call. On Linux that is nothing. What is not explored that way:
//! the code between two such calls, and weak memory.

mod condvar;
mod mutex;
mod queue;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use queue::{PopTimeoutError, PushError, Queue, TryPushError};
