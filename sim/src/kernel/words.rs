//! Arguments as the words of an event, and what a kept trace shows of a call beside them: that is not in the hash, which has
//! the results that it comes to.

use crate::stack::with;
use crate::world::World;
use eagain_net::{ClockId, Fd, OptionText, SocketOption};
use std::time::Duration;

pub(super) fn word(fd: Fd) -> u64 {
    i64::from(fd.0) as u64
}

pub(super) fn word_of_clock(clock: ClockId) -> u64 {
    i64::from(clock.number()) as u64
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

/// The value of an option as a word, which [`crate::calls::put_option_value`] writes: `u64::MAX` is for ever, or off.
pub(super) fn option_word(option: SocketOption) -> u64 {
    use SocketOption as O;
    match option {
        O::ReuseAddr(on) | O::ReusePort(on) | O::NoDelay(on) | O::KeepAlive(on) | O::V6Only(on) => {
            u64::from(on)
        }
        O::SendBuffer(number)
        | O::RecvBuffer(number)
        | O::RecvLowAt(number)
        | O::KeepIdle(number)
        | O::KeepInterval(number)
        | O::KeepCount(number)
        | O::UserTimeout(number) => u64::from(number),
        O::Linger(seconds) => seconds.map_or(u64::MAX, u64::from),
        O::RecvTimeout(timeout) | O::SendTimeout(timeout) => timeout_word(nanoseconds(timeout)),
        O::Error(errno) => errno.map_or(0, |errno| errno.0 as u64),
        // The first eight of its bytes.
        O::Congestion(OptionText(text)) | O::BindToDevice(OptionText(text)) => {
            u64::from_le_bytes(text[..8].try_into().unwrap_or_default())
        }
        O::Number(_, value) => i64::from(value) as u64,
    }
}

/// The call under way gives an option this value, or returns it.
pub(super) fn note_option(w: &mut World, option: SocketOption) {
    if w.run.keeps_events() {
        let me = w.scheduler.current();
        w.run.payload(me, &option_word(option).to_le_bytes(), false);
    }
}
