//! [`Linux`], the real kernel: each family in its file, each system call once in `sys`. Nothing is kept here but what
//! Linux cannot keep for us: threads to be joined, signal handlers with their context, operations in flight.
//!
//! | file | family |
//! |---|---|
//! | `descriptor`, `socket`, `datagram`, `unix`, `pipe`, `file`, `limit`, `entropy` | straight calls |
//! | `readiness` | select, poll, epoll, eventfd |
//! | `clock` | clocks, sleeping, timerfd |
//! | `posix_timer` | timers that send signals |
//! | `thread` | std's threads, a table for joining, futex |
//! | `signal` | a table of handlers behind one trampoline |
//! | `handler` | when a handler runs: inside a call, or on a thread kept for it |
//! | `aio` | the C library's, with blocks and buffers that stay in place |
//! | `io_uring` | rings, with a slab of operations that own their buffers |
//!
//! Unsafe code of this crate is in this folder and nowhere else.
#![allow(unsafe_code)]

mod aio;
mod clock;
mod datagram;
mod descriptor;
mod entropy;
mod file;
mod handler;
mod io_uring;
mod limit;
mod pipe;
mod posix_timer;
mod readiness;
mod signal;
mod socket;
mod sys;
mod thread;
mod unix;

pub use io_uring::LinuxRing;

use crate::{Limits, Resource, Rlimit};

/// The kernel that this program runs on. A token without content: copy it into every thread.
///
/// Signal handlers are closures, and may do what a closure may: they run inside a call of this kernel that their thread
/// makes or, when the signal finds the thread elsewhere, on a thread of their own. A handler that other code has installed
/// by unsafe means must therefore make no call of this type.
///
/// Only descriptors that the caller owns may be given to [`close`](crate::Descriptors::close); the handles see to that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Linux;

impl Linux {
    /// `setrlimit(2)`: this process may have as many descriptors as it is allowed to have at all (`RLIMIT_NOFILE`, the soft
    /// limit raised to the hard one). How many that is now.
    pub fn raise_descriptor_limit(self) -> usize {
        let Ok(Rlimit { soft, hard }) = self.getrlimit(Resource::Files) else { return 0 };
        let raised = self.setrlimit(Resource::Files, Rlimit { soft: hard, hard }).is_ok();
        usize::try_from(if raised { hard } else { soft }).unwrap_or(usize::MAX)
    }

    /// Waits until the handlers of all signals that were delivered to this thread so far have run. One that came between two calls
    /// runs beside what the thread does next; a test that looks at what handlers have done waits for them here. Not to be called
    /// in a handler, nor with a lock that one takes.
    pub fn await_handlers(self) {
        handler::await_handlers();
    }
}
