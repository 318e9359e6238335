//! Arguments as the words of an event.

use crate::stack::with;
use eagain_net::Fd;
use std::time::Duration;

pub(super) fn word(fd: Fd) -> u64 {
    i64::from(fd.0) as u64
}

pub(super) fn nanoseconds(duration: Option<Duration>) -> Option<u64> {
    duration.map(|d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX - 1))
}

/// A path or name as a word of an event: the index of a text.
pub(super) fn text(text: &str) -> u64 {
    with(|w| if w.scheduler.is_unwinding() { 0 } else { w.run.text(text) })
}

/// A timeout as a word of an event: `u64::MAX` is for ever.
pub(super) fn timeout_word(timeout: Option<u64>) -> u64 {
    timeout.unwrap_or(u64::MAX)
}
