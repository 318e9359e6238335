//! Arguments as the words of an event.

use eagain_net::Fd;
use std::time::Duration;

pub(super) fn word(fd: Fd) -> u64 {
    i64::from(fd.0) as u64
}

pub(super) fn nanoseconds(duration: Option<Duration>) -> Option<u64> {
    duration.map(|d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX - 1))
}

/// A timeout as a word of an event: `u64::MAX` is for ever.
pub(super) fn timeout_word(timeout: Option<u64>) -> u64 {
    timeout.unwrap_or(u64::MAX)
}
