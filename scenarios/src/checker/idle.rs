//! O11: a timeout is never early, and not much later than it should be.

use crate::client::Idled;
use std::time::Duration;

/// What may come on top: a stalled network, a thread off the CPU.
pub const SLACK: Duration = Duration::from_secs(20);

/// What is wrong with how long a silent client was left, where `limit` was promised, and where. It cannot have been heard of
/// before it asked, nor be silent later than when it was answered.
pub fn check(idled: Idled, limit: Duration) -> Option<(&'static str, String)> {
    let (most, least) = (idled.until - idled.asked, idled.until - idled.answered);
    if most < limit {
        return Some(("timeout early", format!("after {most:?} at most, instead of {limit:?}")));
    }
    (least > limit + SLACK)
        .then(|| ("timeout late", format!("after {least:?} at least, instead of {limit:?}")))
}
