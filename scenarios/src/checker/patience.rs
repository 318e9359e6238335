//! O11: a timeout is never early, and not much later than it should be.

use crate::actor::Idled;
use eagain_sim::fail;
use std::time::Duration;

/// What may come on top: a stalled wire, a thread off the CPU.
const SLACK: Duration = Duration::from_secs(20);

/// Judges how long a silent client was left in peace, where `limit` was promised. It cannot have been heard of before it
/// asked, nor be silent later than when it was answered.
pub fn judge(idled: Idled, limit: Duration) {
    let (most, least) = (idled.until - idled.asked, idled.until - idled.answered);
    if most < limit {
        fail("O11", "timeout early", format!("after {most:?} at most, instead of {limit:?}"));
    }
    if least > limit + SLACK {
        fail("O11", "timeout late", format!("after {least:?} at least, instead of {limit:?}"));
    }
}
