//! `io_uring(7)` on the io-uring crate: [`LinuxRing`], and whether this machine lets us have one.
//!
//! ```text
//!   push ──► submission: Operation ──► entry      in_flight: slab slot that owns the buffer
//!                                        │                     ▲
//!                                   enter│  kernel  │reap      │
//!                                        ▼          ▼          │
//!                                     SQ ring    CQ ring ──► slot ──► Completed, buffer and all
//! ```
//!
//! A slot lives until the last completion of its operation, so that nothing that the kernel may write to is freed or
//! touched meanwhile. Dropping the ring cancels, waits, and gives up for lost what the kernel still holds then.

mod group;
mod in_flight;
mod ring;
mod submission;

pub use ring::LinuxRing;

use super::Linux;
use crate::{Advice, Completion, Errno, Result, RingParams};

impl Completion for Linux {
    type Ring = LinuxRing;

    fn io_uring_probe(&self) -> Advice {
        // What a server will ask for: single issuer and deferred work came with Linux 6.1, multishot receive with 6.0.
        match LinuxRing::new(RingParams { entries: 2, cq_entries: 0, defer_taskrun: true }) {
            Ok(_) => Advice::Available,
            Err(errno) => Advice::Unavailable(reason(errno)),
        }
    }

    fn io_uring_setup(&self, params: RingParams) -> Result<LinuxRing> {
        LinuxRing::new(params)
    }
}

/// Why `io_uring_setup(2)` fails, in words.
fn reason(errno: Errno) -> String {
    match errno {
        Errno::ENOSYS => "this kernel has no io_uring (ENOSYS)".into(),
        Errno::EPERM | Errno::EACCES => format!(
            "io_uring is forbidden here ({errno:?}): see the sysctl kernel.io_uring_disabled, and the seccomp \
             profile of the container"
        ),
        Errno::EINVAL => "this kernel's io_uring is too old: Linux 6.1 is needed (EINVAL)".into(),
        Errno::ENOMEM => "no memory may be locked for a ring (ENOMEM): see ulimit -l".into(),
        other => format!("io_uring_setup: {other}"),
    }
}

/// The errno of an error that came from a system call.
fn errno_of(error: &std::io::Error) -> Errno {
    Errno(error.raw_os_error().unwrap_or(Errno::EINVAL.0))
}
