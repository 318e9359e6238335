//! The only caller of libc: one function per system call, each with the one reason why it is sound. Nothing is
//! decided here; what the arguments mean is the business of the family's file one folder up.
//!
//! `sigset_t` and the timeouts are the kernel's own (8 bytes; `struct timespec`), which is why several calls go
//! through `syscall(2)`: libc's wrappers take larger sets, or write back into what a caller takes for constant.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the layouts of siginfo_t, fd_set and timespec used here are those of 64-bit Linux");

pub(super) mod aio;
pub(super) mod control;
pub(super) mod file;
pub(super) mod io;
pub(super) mod limit;
pub(super) mod posix_timer;
pub(super) mod readiness;
pub(super) mod signal;
pub(super) mod socket;
pub(super) mod thread;
pub(super) mod time;
pub(super) mod unix;

use crate::{Errno, Result};

/// The errno of the call that this thread made last.
pub(super) fn errno() -> Errno {
    // SAFETY: errno(3): the location is valid for the calling thread as long as it runs.
    Errno(unsafe { *libc::__errno_location() })
}

/// Sets the calling thread's errno; a signal handler puts back what it found.
pub(super) fn set_errno(errno: Errno) {
    // SAFETY: as for `errno`.
    unsafe { *libc::__errno_location() = errno.0 }
}

/// A call's return value: negative means errno.
pub(super) trait Returned: Copy {
    /// The value as a count or descriptor; `None` where it is negative.
    fn nonnegative(self) -> Option<usize>;
}

impl Returned for libc::c_int {
    fn nonnegative(self) -> Option<usize> {
        usize::try_from(self).ok()
    }
}

impl Returned for libc::ssize_t {
    fn nonnegative(self) -> Option<usize> {
        usize::try_from(self).ok()
    }
}

/// The value, or the errno.
pub(super) fn check(returned: impl Returned) -> Result<usize> {
    returned.nonnegative().ok_or_else(errno)
}

/// As [`check`], for the calls that return nothing.
pub(super) fn check_unit(returned: libc::c_int) -> Result<()> {
    if returned < 0 { Err(errno()) } else { Ok(()) }
}

/// As [`check`], for the calls that return a descriptor.
pub(super) fn check_fd(returned: libc::c_int) -> Result<crate::Fd> {
    if returned < 0 { Err(errno()) } else { Ok(crate::Fd(returned)) }
}
