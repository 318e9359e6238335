//! What a host's clocks show: where they start and how fast they run is chosen once; the wall clock also steps.

use super::World;
use crate::choice::{Distribution, Domain, Once};
use crate::fault::Family;
use crate::object::Object;
use crate::scheduler::{Event, FOREVER};
use crate::syscall::posix_timer;
use crate::trace::Kind;
use eagain_net::ClockId;

/// By how much a wall clock steps.
const STEP: Domain = Domain("clock.step.by");
const SECOND: u64 = 1_000_000_000;
/// Half a second before a counter in nanoseconds, microseconds, milliseconds or seconds runs over in 31 or 32 bits, or
/// stops to be exact in floating point.
const STARTS: [u64; 7] = [
    (1 << 32) - SECOND / 2,
    (1 << 31) * 1_000 - SECOND / 2,
    (1 << 32) * 1_000 - SECOND / 2,
    (1 << 31) * 1_000_000 - SECOND / 2,
    (1 << 32) * 1_000_000 - SECOND / 2,
    (1 << 53) - SECOND / 2,
    (1 << 31) * SECOND - SECOND / 2,
];

/// A number as a choice has it to one with a sign: 1, -1, 2, -2, ….
fn signed(value: u64) -> i64 {
    let size = value.div_ceil(2) as i64;
    if value % 2 == 1 { size } else { -size }
}

impl World {
    /// The clocks of every host, before anything runs.
    pub fn choose_clocks(&mut self) {
        for host in 0..self.hosts.len() {
            self.choose_clock(host);
            self.plan_clock_step(host);
        }
    }

    fn choose_clock(&mut self, host: u32) {
        let family = Family::ClockDrift;
        let name = self.hosts[host].name();
        let rate = self.run.draw(family, Once, || format!("{name}:rate"));
        let start = |weight| Distribution::rarely(family.row().odds.of(weight), 1, STARTS.len() as u64);
        let start = self.run.draw_from(family, Once, start, || format!("{name}:start"));
        let owner = &mut self.hosts[host];
        let shows = (start as usize).checked_sub(1).map(|at| STARTS[at.min(STARTS.len() - 1)]);
        owner.set_clocks(signed(rate), shows);
        if rate != 0 || start != 0 {
            let words = [u64::from(host), signed(rate) as u64, 0, 0];
            self.run.injected_now(family, words);
        }
    }

    /// The next step of a host's wall clock, if there is one: after how long is chosen now.
    fn plan_clock_step(&mut self, host: u32) {
        let (steps, name) = self.hosts[host].steps();
        let after = self.run.draw(Family::ClockStep, steps, || name.to_owned());
        if after != 0 {
            self.scheduler.plan(self.run.now() + after, Event::ClockStep(host));
        }
    }

    /// Somebody sets the wall clock. Who waits for a moment of it waits for another time now.
    pub fn clock_steps(&mut self, host: u32) {
        if self.run.is_quiet() {
            return;
        }
        let owner = &mut self.hosts[host];
        let name = owner.step_name();
        let by = Distribution::rarely_log(65_536, 2_000_000, 60 * 86_400 * SECOND);
        let by = signed(self.run.choose_once(STEP, &name, by).max(1));
        self.hosts[host].step_wall_clock(by);
        self.run.injected_now(Family::ClockStep, [u64::from(host), by as u64, 0, 0]);
        self.wall_timers_move(host);
        posix_timer::wall_clock_steps(self, host);
        self.wall_waits_move(host);
        self.plan_clock_step(host);
    }

    fn wall_timers_move(&mut self, host: u32) {
        let now = self.run.now();
        let timers: Vec<u32> = self.files.iter().map(|(file, _)| file).collect();
        for file in timers {
            let owner = &self.hosts[host];
            let Some(Object::Timer(timer)) = self.files.object_mut(file) else {
                continue;
            };
            let Some(at) = timer.awaits(host) else { continue };
            let next = owner.true_time(ClockId::Realtime, at, now);
            self.numbers += 1;
            timer.plan_anew(next, self.numbers);
            self.scheduler.plan(next, Event::Timer(file, self.numbers));
        }
    }

    fn wall_waits_move(&mut self, host: u32) {
        let now = self.run.now();
        for thread in 0..self.scheduler.len() as u32 {
            let t = &self.scheduler[thread];
            let Some(at) = t.wall_deadline() else { continue };
            if !t.is_waiting()
                || t.call() != Kind::FutexWait
                || t.deadline() == FOREVER
                || self.processes[t.process()].host() != host
            {
                continue;
            }
            let at = self.hosts[host].true_time(ClockId::Realtime, at, now);
            self.scheduler.move_deadline(thread, at);
        }
    }
}
