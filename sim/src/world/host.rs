//! A machine: its processors, its clocks, its disk. Its ports and links are in `crate::network`.

use crate::choice::Stream;
use crate::fault::Family;
use crate::run::Run;
use eagain_net::{ClockId, Instant};

/// A host of the world.
pub(crate) struct Host {
    name: String,
    /// When each processor is free.
    cpus: Vec<u64>,
    /// When it was last switched on, and what its monotonic clock showed then.
    booted: u64,
    mono_start: u64,
    /// What the wall clock shows at time 0, in nanoseconds since the epoch.
    wall_start: u64,
    /// How much faster the clocks run, in parts per billion.
    drift_ppb: i64,
    /// Steps of the wall clock so far, in nanoseconds.
    wall_step: i64,
    /// When the wall clock steps.
    steps: Stream,
    crashes: u32,
    pub disk: crate::object::Disk,
}

/// What the monotonic clock of a host shows when its first process begins.
const MONO_START: u64 = 1_000_000_000;

impl Host {
    pub fn new(name: &str, cpus: usize) -> Host {
        Host {
            name: name.to_owned(),
            cpus: vec![0; cpus.max(1)],
            booted: 0,
            mono_start: MONO_START,
            wall_start: 0,
            drift_ppb: 0,
            wall_step: 0,
            steps: Stream::default(),
            crashes: 0,
            disk: crate::object::Disk::default(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has so many processors from now on, all free.
    pub fn set_processors(&mut self, count: usize) {
        self.cpus = vec![0; count.max(1)];
    }

    pub fn processors(&self) -> usize {
        self.cpus.len()
    }

    /// Its clocks run faster by so many parts per billion; `start`: what the monotonic clock shows at time 0, where that is
    /// not the usual.
    pub fn set_clocks(&mut self, drift_ppb: i64, start: Option<u64>) {
        self.drift_ppb = drift_ppb;
        self.mono_start = start.unwrap_or(self.mono_start);
    }

    /// Its wall clock shows `start` at time 0, in nanoseconds since the epoch.
    /// What the wall clock showed when the run began.
    pub fn wall_start(&self) -> Instant {
        Instant(self.wall_start)
    }

    pub fn set_wall_start(&mut self, start: u64) {
        self.wall_start = start;
    }

    /// It is switched on again: the monotonic clock begins anew (clock_gettime(2)).
    pub fn boot(&mut self, now: u64) {
        (self.booted, self.mono_start) = (now, MONO_START);
    }

    /// Somebody sets the wall clock, by so many nanoseconds.
    pub fn step_wall_clock(&mut self, by: i64) {
        self.wall_step += by;
    }

    /// Its power fails: of its disk is left what was synced, and of the rest what the choices leave. How much is gone.
    pub fn crash_disk(&mut self, run: &mut Run, ordered: bool) -> u64 {
        self.disk.crash(run, &self.name, ordered)
    }

    /// The stream of a family that is about its disk, and the name of the choices.
    pub fn disk_stream(&mut self, family: Family) -> (&mut Stream, &str) {
        (self.disk.stream(family), &self.name)
    }

    /// The stream by which its wall clock steps, and the name of the choices.
    pub fn steps(&mut self) -> (&mut Stream, &str) {
        (&mut self.steps, &self.name)
    }

    /// The name of the choices about the step that is due.
    pub fn step_name(&self) -> String {
        format!("{}@{}", self.name, self.steps.count())
    }

    /// It crashes once more; the name of the choices about that.
    pub fn next_crash(&mut self) -> String {
        self.crashes += 1;
        format!("{}@{}", self.name, self.crashes)
    }

    pub fn crashes(&self) -> u32 {
        self.crashes
    }

    /// Runs a call that costs `ns` on the processor that is free first, from `time` on; when it is over.
    #[inline]
    pub fn charge(&mut self, time: u64, ns: u64) -> u64 {
        // Two processors are what a host usually has.
        if let [first, second] = self.cpus.as_mut_slice() {
            let free = if *second < *first { second } else { first };
            *free = time.max(*free) + ns;
            return *free;
        }
        let Some((first, others)) = self.cpus.split_first_mut() else { return time + ns };
        let free = others.iter_mut().fold(first, |free, cpu| if *cpu < *free { cpu } else { free });
        *free = time.max(*free) + ns;
        *free
    }

    /// What a clock of this host shows when the world's time is `now`.
    pub fn clock(&self, clock: ClockId, now: u64) -> Instant {
        let since = if clock == ClockId::Realtime { 0 } else { self.booted };
        let passed = now.saturating_sub(since);
        let passed = passed.saturating_add_signed(scaled(passed, self.drift_ppb));
        Instant(match clock {
            ClockId::Realtime => self.wall_start.saturating_add(passed).saturating_add_signed(self.wall_step),
            _ => self.mono_start.saturating_add(passed),
        })
    }

    /// How long `duration` of this host's clocks is in the world's time; rounded up, so that no timer is early.
    pub fn true_duration(&self, duration: u64) -> u64 {
        if self.drift_ppb == 0 || duration == 0 {
            return duration;
        }
        let scaled = u128::from(duration) * 1_000_000_000;
        let rate = (1_000_000_000 + self.drift_ppb) as u128;
        u64::try_from(scaled.div_ceil(rate) + 1).unwrap_or(u64::MAX)
    }

    /// The world's time at which `clock` shows `at`.
    pub fn true_time(&self, clock: ClockId, at: Instant, now: u64) -> u64 {
        let shown = self.clock(clock, now);
        now.saturating_add(self.true_duration(at.0.saturating_sub(shown.0)))
    }
}

#[inline]
fn scaled(value: u64, ppb: i64) -> i64 {
    // Most clocks run evenly, and the division is long.
    if ppb == 0 {
        return 0;
    }
    (i128::from(value) * i128::from(ppb) / 1_000_000_000) as i64
}
