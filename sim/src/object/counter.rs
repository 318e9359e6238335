//! Descriptors that count: eventfd and timerfd.

use crate::NONE;
use eagain_net::{ClockId, Events, Instant};

/// `eventfd(2)`.
pub(crate) struct EventCounter {
    value: u64,
    semaphore: bool,
    /// The threads that read and wrote it last, or `NONE`.
    reader: u32,
    writer: u32,
}

/// The largest value that an eventfd can hold.
const VALUE_MAX: u64 = u64::MAX - 1;

impl EventCounter {
    pub fn new(value: u64, semaphore: bool, maker: u32) -> EventCounter {
        EventCounter { value, semaphore, reader: NONE, writer: maker }
    }

    /// `eventfd_poll`.
    pub fn poll(&self) -> Events {
        let read = if self.value > 0 { Events::IN } else { Events::NONE };
        let write = if self.value < VALUE_MAX { Events::OUT } else { Events::NONE };
        read | write
    }

    /// `reader` reads it: what it gets, and who wrote it last. `None`: nothing is there.
    pub fn read(&mut self, reader: u32) -> Option<(u64, u32)> {
        if self.value == 0 {
            return None;
        }
        self.reader = reader;
        let taken = if self.semaphore { 1 } else { self.value };
        self.value -= taken;
        Some((taken, self.writer))
    }

    /// Whether so much more fits.
    pub fn has_room(&self, more: u64) -> bool {
        more <= VALUE_MAX - self.value
    }

    /// `writer` adds what [fits](EventCounter::has_room); who read it last, unless something was there that nobody has read yet.
    pub fn write(&mut self, more: u64, writer: u32) -> Option<u32> {
        let reader = (self.value == 0).then_some(self.reader);
        self.value += more;
        self.writer = writer;
        reader
    }
}

/// What a timer is set to.
#[derive(Default)]
pub(crate) struct TimerSetting {
    /// Unique in the world: an entry of the event queue may belong to an older setting, or to a timer that was closed.
    pub number: u32,
    /// When it fires next, in the world's time; `None`: disarmed.
    pub next: Option<u64>,
    /// The moment of the wall clock that it was set to, until it fires.
    pub wall: Option<Instant>,
    /// In the world's time; 0: once.
    pub interval: u64,
    /// As it was set, for `timerfd_gettime`.
    pub interval_set: u64,
    /// How far ahead of its setting it fires, each time: nanoseconds.
    pub ahead: u64,
}

/// `timerfd_create(2)`.
pub(crate) struct TimerFd {
    clock: ClockId,
    host: u32,
    setting: TimerSetting,
    /// Firings not read.
    ticks: u64,
}

impl TimerFd {
    /// Disarmed.
    pub fn new(clock: ClockId, host: u32) -> TimerFd {
        TimerFd { clock, host, setting: TimerSetting::default(), ticks: 0 }
    }

    /// The host whose clock it follows, and which of them.
    pub fn clock(&self) -> (u32, ClockId) {
        (self.host, self.clock)
    }

    pub fn setting(&self) -> &TimerSetting {
        &self.setting
    }

    /// It is set anew, and should have fired `missed` times already.
    pub fn set(&mut self, setting: TimerSetting, missed: u64) {
        (self.setting, self.ticks) = (setting, missed);
    }

    /// Whether it has fired and was not read since.
    pub fn has_fired(&self) -> bool {
        self.ticks > 0
    }

    /// How often it has fired since it was last read; 0: not at all.
    pub fn read(&mut self) -> u64 {
        std::mem::take(&mut self.ticks)
    }

    /// The time has come for which the setting `number` was planned: when it fires again, and whether this is the first firing
    /// that is not read yet. `None`: that was another setting.
    pub fn fire(&mut self, number: u32) -> Option<(Option<u64>, bool)> {
        let TimerSetting { next, interval, .. } = self.setting;
        let at = next.filter(|_| self.setting.number == number)?;
        self.ticks += 1;
        self.setting.wall = None;
        self.setting.next = (interval > 0).then(|| at + interval);
        Some((self.setting.next, self.ticks == 1))
    }

    /// The wall clock of `host` was set: the moment that the timer waits for, where it waits for one of that clock.
    pub fn awaits(&self, host: u32) -> Option<Instant> {
        self.setting.wall.filter(|_| self.host == host && self.setting.next.is_some())
    }

    /// That moment comes at `next`, which is planned by `number`.
    pub fn plan_anew(&mut self, next: u64, number: u32) {
        (self.setting.next, self.setting.number) = (Some(next), number);
    }
}
