//! The timers of a process that send signals (kernel/time/posix-timers.c, itimer.c). Times are nanoseconds of what a timer counts.

use eagain_net::{ClockId, Instant, SigInfo, Signal, TimerId};

/// What a timer counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// The world's time, by a clock of the host.
    Host(ClockId),
    /// What all threads of the process have computed.
    Process,
    /// What one thread has computed.
    Thread(u32),
}

/// When a timer expires.
#[derive(Clone, Copy, Default)]
pub(crate) struct Expiry {
    /// Unique in the world: an entry of the event queue may belong to an older setting, or to a timer that was deleted.
    pub number: u32,
    /// Whether an expiry is to come; else its signal is not taken yet, or it is over.
    pub armed: bool,
    /// The next one or, where none is to come, the last; `None`: it was never set, or is off. Before the world where it is past.
    pub at: Option<i64>,
    /// The moment of the wall clock that it was set to, until it expires.
    pub wall: Option<Instant>,
    /// 0: once.
    pub interval: u64,
    /// As it was set, for `timer_gettime`.
    pub interval_set: u64,
}

impl Expiry {
    /// Goes on by whole intervals until it lies behind `now`; by how many (`hrtimer_forward`).
    pub fn forward(&mut self, now: u64) -> i64 {
        let (Some(at), Ok(interval @ 1..)) = (self.at, i64::try_from(self.interval)) else { return 0 };
        let late = elapsed(now).saturating_sub(at);
        if late < 0 {
            return 0;
        }
        let count = late / interval + 1;
        self.at = Some(at.saturating_add(count.saturating_mul(interval)));
        count
    }

    /// How long it is until it expires; not above 0 where it has.
    pub fn left(&self, now: u64) -> i64 {
        self.at.map_or(0, |at| at.saturating_sub(elapsed(now)))
    }
}

/// A time with a sign.
pub(crate) fn elapsed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// Who gets the signal of a timer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Nobody,
    Process,
    Thread(u32),
}

/// `timer_create(2)`.
pub(crate) struct PosixTimer {
    pub counts: Counts,
    pub target: Target,
    pub info: SigInfo,
    pub expiry: Expiry,
    /// Its signal is pending.
    pub queued: bool,
    /// When that is taken, the timer goes on: it was not set anew meanwhile.
    pub goes_on: bool,
    /// It waits until a thread that it counts goes on.
    pub dormant: bool,
    /// Expiries that no signal was sent for, less the one that sent it.
    overrun: i64,
    /// The overrun of the signal that was taken last.
    last_overrun: i64,
    /// How often it has expired while a signal of an older setting was pending.
    merged: i32,
}

impl PosixTimer {
    /// Disarmed; `info` is what it sends.
    pub fn new(counts: Counts, target: Target, info: SigInfo) -> PosixTimer {
        PosixTimer {
            counts,
            target,
            info,
            expiry: Expiry::default(),
            queued: false,
            goes_on: false,
            dormant: false,
            overrun: -1,
            last_overrun: 0,
            merged: 0,
        }
    }

    /// Set anew (`common_timer_set`).
    pub fn set(&mut self, expiry: Expiry) {
        (self.expiry, self.goes_on, self.dormant) = (expiry, false, false);
        (self.overrun, self.last_overrun) = (-1, 0);
    }

    /// It has expired, and its signal is pending now, or still is.
    pub fn sent(&mut self) {
        self.merged = if self.queued { self.merged.saturating_add(1) } else { 0 };
        (self.queued, self.goes_on) = (true, self.expiry.interval > 0);
    }

    /// It goes on behind `now`.
    pub fn forward(&mut self, now: u64) {
        self.overrun = self.overrun.saturating_add(self.expiry.forward(now));
    }

    /// Its signal is taken at `now`; the signal's overrun (`posixtimer_rearm`).
    pub fn taken(&mut self, now: u64) -> i32 {
        self.queued = false;
        if self.goes_on {
            self.forward(now);
            (self.last_overrun, self.overrun) = (self.overrun, -1);
        }
        counted(self.last_overrun.saturating_add(i64::from(self.merged)))
    }

    /// `timer_getoverrun(2)`.
    pub fn overrun(&self) -> i32 {
        counted(self.last_overrun)
    }
}

/// At most `DELAYTIMER_MAX`.
fn counted(overrun: i64) -> i32 {
    i32::try_from(overrun).unwrap_or(i32::MAX)
}

/// The timers of a process.
#[derive(Default)]
pub(crate) struct PosixTimers {
    timers: Vec<(TimerId, PosixTimer)>,
    made: i32,
    /// `ITIMER_REAL`.
    pub alarm: Expiry,
}

impl PosixTimers {
    /// The number of the next one: they are not used again.
    pub fn next_id(&self) -> TimerId {
        TimerId(self.made)
    }

    pub fn add(&mut self, timer: PosixTimer) -> TimerId {
        let id = self.next_id();
        self.made = self.made.wrapping_add(1) & i32::MAX;
        self.timers.push((id, timer));
        id
    }

    pub fn get(&mut self, id: TimerId) -> Option<&mut PosixTimer> {
        self.timers.iter_mut().find(|(other, _)| *other == id).map(|(_, timer)| timer)
    }

    pub fn remove(&mut self, id: TimerId) -> Option<PosixTimer> {
        let at = self.timers.iter().position(|(other, _)| *other == id)?;
        Some(self.timers.remove(at).1)
    }

    /// Those for which this holds.
    pub fn those(&self, holds: impl Fn(&PosixTimer) -> bool) -> Vec<TimerId> {
        self.timers.iter().filter(|(_, timer)| holds(timer)).map(|&(id, _)| id).collect()
    }

    /// Those that keep a place for a signal that is not pending (`sigqueue_alloc`).
    pub fn places_kept(&self) -> usize {
        self.timers.iter().filter(|(_, timer)| !timer.queued).count()
    }

    /// Whether `signal`, which is taken, sets the alarm off anew: whoever sent it.
    pub fn alarm_goes_on(&self, signal: Signal) -> bool {
        signal == Signal::SIGALRM && !self.alarm.armed && self.alarm.interval > 0
    }
}
