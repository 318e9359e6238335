//! What a process may use.

use super::check_unit;
use crate::{Resource, Result, Rlimit};

// The resource's type is `int` or `unsigned int`, by the C library.

pub(crate) fn getrlimit(resource: Resource) -> Result<Rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit, which lives through the call.
    check_unit(unsafe { libc::getrlimit(resource as _, &raw mut limit) })?;
    Ok(Rlimit { soft: limit.rlim_cur, hard: limit.rlim_max })
}

pub(crate) fn setrlimit(resource: Resource, limit: Rlimit) -> Result<()> {
    let limit = libc::rlimit { rlim_cur: limit.soft, rlim_max: limit.hard };
    // SAFETY: the kernel reads one rlimit, which lives through the call.
    check_unit(unsafe { libc::setrlimit(resource as _, &raw const limit) })
}
