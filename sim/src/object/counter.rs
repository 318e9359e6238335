//! Descriptors that count: eventfd and timerfd.

use eagain_net::ClockId;

/// `eventfd(2)`.
pub(crate) struct EventCounter {
    pub value: u64,
    pub semaphore: bool,
    /// The threads that read and wrote it last, or `NONE`.
    pub reader: u32,
    pub writer: u32,
}

impl EventCounter {
    /// The largest value that it can hold.
    pub const MAX: u64 = u64::MAX - 1;
}

/// `timerfd_create(2)`.
pub(crate) struct TimerFd {
    pub clock: ClockId,
    /// The host whose clock it follows.
    pub host: u32,
    /// The moment of the wall clock that it was set to, until it fires.
    pub wall: Option<eagain_net::Instant>,
    /// When it fires next, in the world's time; `None`: disarmed.
    pub next: Option<u64>,
    /// In the world's time; 0: once.
    pub interval: u64,
    /// As it was set, for `timerfd_gettime`.
    pub interval_set: u64,
    /// How far ahead of its setting it fires, each time: nanoseconds.
    pub ahead: u64,
    /// Firings not read.
    pub ticks: u64,
    /// Of its setting. Unique in the world: an entry of the event queue may belong to an older one, or to a timer that
    /// was closed.
    pub number: u32,
}
