//! Timeouts of sockets, as the kernel keeps them: in ticks of its clock (net/core/sock.c: `sock_set_timeout`).

use std::time::Duration;

/// A tick, in nanoseconds (`CONFIG_HZ`, 250).
pub(super) const TICK_NS: u64 = 4_000_000;
const TICKS_A_SECOND: u64 = 1_000_000_000 / TICK_NS;
/// `MAX_SCHEDULE_TIMEOUT`: that long is for ever.
const TICKS_MAX: u64 = i64::MAX as u64;

/// Rounded up to ticks; 0, and what is too long, is for ever.
pub(super) fn ticks(time: Option<Duration>) -> Option<u64> {
    let time = time.filter(|time| !time.is_zero() && time.as_secs() < TICKS_MAX / TICKS_A_SECOND - 1)?;
    Some(time.as_secs() * TICKS_A_SECOND + u64::from(time.subsec_nanos()).div_ceil(TICK_NS))
}

/// `sock_get_timeout`.
pub(super) fn duration(ticks: u64) -> Duration {
    let part = ticks % TICKS_A_SECOND * TICK_NS;
    Duration::from_secs(ticks / TICKS_A_SECOND) + Duration::from_nanos(part)
}
