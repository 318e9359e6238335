//! A handle on a run whose world is not this crate's kernel: a stream layer under tokio, or turmoil. It has what makes a
//! run one: keyed choices, a swarm of fault families, the trace and its hash, oracles; so that replaying, shrinking,
//! checking and reporting work as everywhere. Hosts, sockets and time are the other world's.
//!
//! ```text
//!   Sim::external ──► External ──► the other world: asks it for every decision, reports to it what happened
//!                        │
//!                        └───────► RunReport
//! ```
//!
//! A handle may be cloned, sent and shared. A value depends on its key alone, but the trace is in the order of the calls:
//! a run is reproducible where the other world runs on one thread and on simulated time.

use super::{Record, Run, RunReport};
use crate::Oracle;
use crate::choice::{Base, Overrides, Stream};
use crate::fault::Family;
use crate::panic::Panic;
use crate::run::inject::Effect;
use crate::trace::Kind;
use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A handle on a run in another world: see the module.
///
/// ```
/// use eagain_sim::fault::Family;
/// use eagain_sim::{External, Sim};
/// use std::time::Duration;
///
/// fn body(sim: &mut Sim) {
///     let run: External = sim.external();
///     let clients = run.choose("clients", 1, 4);
///     let server = run.actor("server");
///     run.advance(Duration::from_millis(5)); // or `set_clock`
///     run.mark(server, "ready");
///     run.always("somebody comes", clients > 0, || format!("{clients} clients"));
/// }
/// ```
#[derive(Clone)]
pub struct External {
    shared: Arc<Mutex<Shared>>,
    heartbeat: Arc<AtomicU64>,
}

/// Who acts, by index of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Actor(u32);

impl Actor {
    /// No actor: the network, or a fault of the whole world.
    pub const NOBODY: Actor = Actor(u32::MAX);
}

/// The clock of the other world: the time since its start; `None` where it has none (yet).
pub type Clock = Box<dyn Fn() -> Option<Duration> + Send>;

/// Calls at one moment after which a world counts as spinning (O3).
const SPIN_LIMIT: u64 = 200_000;
/// Events after which a world has ended (O6): many times what the runs of a scenario take.
const EVENTS_MAX: u64 = 20_000_000;

struct Shared {
    run: Run,
    clock: Option<Clock>,
    actors: Vec<String>,
    /// Calls since time last moved.
    calls_now: u64,
    /// What the text of a panic means in that world.
    explain: Option<fn(&str) -> Option<&'static str>>,
}

impl Shared {
    /// Looks at the clock of the other world. The largest time that was seen counts: its hosts may differ.
    fn look(&mut self) {
        if let Some(time) = self.clock.as_ref().and_then(|clock| clock()) {
            self.advance(time);
        }
    }

    fn advance(&mut self, to: Duration) {
        let before = self.run.now();
        self.run.advance(u64::try_from(to.as_nanos()).unwrap_or(u64::MAX));
        if self.run.now() > before {
            self.calls_now = 0;
        }
    }
}

impl fmt::Debug for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("External").field("now", &self.shared().run.now()).finish_non_exhaustive()
    }
}

impl External {
    /// A run of its own, outside any scenario.
    pub fn new(base: Base, overrides: &Overrides, record: Record) -> External {
        External::of(Run::new(base, overrides, record, None), Arc::default())
    }

    pub(crate) fn of(mut run: Run, heartbeat: Arc<AtomicU64>) -> External {
        run.limit_events(EVENTS_MAX);
        let shared = Shared { run, clock: None, actors: Vec::new(), calls_now: 0, explain: None };
        External { shared: Arc::new(Mutex::new(shared)), heartbeat }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // A panic while it is held leaves nothing half done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run at the time that the other world's clock shows.
    fn with<R>(&self, f: impl FnOnce(&mut Run) -> R) -> R {
        let mut shared = self.shared();
        shared.look();
        f(&mut shared.run)
    }

    /// Draws which of these families are on, and how strongly. `quiet_after`: when they stop, in time of the world.
    pub fn draw_swarm(&self, families: &[Family], quiet_after: Duration) {
        let quiet_from = u64::try_from(quiet_after.as_nanos()).unwrap_or(u64::MAX);
        self.shared().run.draw_swarm(families, quiet_from);
    }

    /// Sets the clock. Until then only `External::advance` moves the time.
    pub fn set_clock(&self, clock: Clock) {
        self.shared().clock = Some(clock);
    }

    /// Sets the time, where whoever drives the world knows it. It never goes back.
    pub fn advance(&self, to: Duration) {
        self.shared().advance(to);
    }

    /// The time of the world, in nanoseconds since its start.
    pub fn now(&self) -> u64 {
        self.with(|run| run.now())
    }

    /// Whether faults have stopped for good: the quiet tail.
    pub fn is_quiet(&self) -> bool {
        self.with(|run| run.is_quiet())
    }

    /// A name for what acts, such as `server/client-1#0`. The same name is the same actor.
    pub fn actor(&self, name: &str) -> Actor {
        let mut shared = self.shared();
        if let Some(at) = shared.actors.iter().position(|known| known == name) {
            return Actor(at as u32);
        }
        let index = shared.actors.len() as u32;
        shared.run.name_thread(index, name);
        shared.actors.push(name.to_owned());
        Actor(index)
    }

    /// The next choice of a fault family for one of its objects; 0: nothing.
    pub fn choose_fault(&self, family: Family, stream: &mut Stream, object: impl Fn() -> String) -> u64 {
        self.heartbeat.fetch_add(1, Relaxed);
        self.with(|run| run.draw(family, stream, object))
    }

    /// A choice of the workload, from `low` to `high`, shrunk towards `low`. `name` is its key, with the occurrence of that
    /// name: it has to say who chooses.
    pub fn choose(&self, name: &str, low: u64, high: u64) -> u64 {
        let key = Cow::Owned(name.to_owned());
        let object = || name.replace(' ', "-");
        self.shared().run.choose_workload(Actor::NOBODY.0, key, low, high, object)
    }

    /// Records a call: what it returned (negative: the errno), the bytes it moved, and the fault that made it so.
    pub fn call(
        &self,
        actor: Actor,
        kind: Kind,
        args: [u64; 4],
        result: i64,
        bytes: &[u8],
        cause: Option<u64>,
    ) {
        self.heartbeat.fetch_add(1, Relaxed);
        let mut shared = self.shared();
        shared.look();
        shared.calls_now += 1;
        let Shared { run, actors, calls_now, .. } = &mut *shared;
        if run.has_too_many_events() {
            let message = format!("the world had not ended after {EVENTS_MAX} events");
            run.cut_off(EVENTS_MAX);
            run.fail(Oracle::Liveness, "no end", message);
        }
        if *calls_now == SPIN_LIMIT {
            let name = actors.get(actor.0 as usize).cloned().unwrap_or_default();
            let message = format!("{SPIN_LIMIT} calls, the last by {name}, and time stands still");
            run.fail(Oracle::NoBusyLoop, "spinning", message);
        }
        if let Some(cause) = cause {
            run.blame(cause);
        }
        if !bytes.is_empty() {
            run.payload(actor.0, bytes, kind == Kind::PollWrite);
        }
        run.call(run.now(), actor.0, kind, kind.row(), &args, result);
    }

    /// Records an event; its number, for results to name as their cause.
    pub fn event(&self, actor: Actor, kind: Kind, args: [u64; 4]) -> u64 {
        self.with(|run| run.event(actor.0, kind, args))
    }

    /// As [`External::event`], of a fault that changed something: it counts.
    pub fn fault(&self, family: Family, actor: Actor, args: [u64; 4]) -> u64 {
        self.with(|run| run.injected(family, Effect { time: run.now(), thread: actor.0, args }))
    }

    /// The index of a text, for [`External::fault`] and [`External::event`] to refer to.
    pub fn text(&self, text: &str) -> u64 {
        self.shared().run.text(text)
    }

    /// Records something that the scenario wants to see in the trace.
    pub fn mark(&self, actor: Actor, text: &str) {
        self.with(|run| {
            let text = run.text(text);
            run.event(actor.0, Kind::Mark, [text, 0, 0, 0]);
        });
    }

    /// A line that a program printed: kept, stamped with the time, and shown when the run fails.
    pub fn print(&self, actor: Actor, line: &str) {
        let mut shared = self.shared();
        shared.look();
        let Shared { run, actors, .. } = &mut *shared;
        run.print(actors.get(actor.0 as usize).map_or("-", String::as_str), line);
    }

    /// As [`always`](fn@crate::always).
    pub fn always(&self, name: &'static str, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.fail(Oracle::Always, name, message());
        }
    }

    /// As [`sometimes`](fn@crate::sometimes).
    pub fn sometimes(&self, name: &'static str, reached: bool) {
        self.shared().run.reach(name, reached);
    }

    /// As [`feature`](crate::feature).
    pub fn feature(&self, name: &'static str, value: u64) {
        self.shared().run.feature(name, value);
    }

    /// Reports that an oracle broke. The first one counts; the world should end when [`External::failed`] is true.
    #[track_caller]
    pub fn fail(&self, oracle: impl Into<Oracle>, site: &str, message: String) {
        let oracle = oracle.into();
        self.with(|run| run.fail(oracle, site, message));
    }

    /// Adds to the text of a panic what it means in this world, where `explain` knows that.
    pub fn explain_panics(&self, explain: fn(&str) -> Option<&'static str>) {
        self.shared().explain = Some(explain);
    }

    /// The program of `who` has panicked, and its runtime has caught that: a failure (O16). Empty: nobody knows whose it was.
    pub fn panicked(&self, who: &str) {
        let Some(Panic { message, place }) = crate::panic::take_any() else { return };
        let mut shared = self.shared();
        let means = shared.explain.and_then(|explain| explain(&message));
        let begin = if who.is_empty() { String::new() } else { format!("{who} panicked: ") };
        let means = means.map(|means| format!("\n{means}")).unwrap_or_default();
        shared.run.fail_in(who.to_owned(), Oracle::Survival, &place, format!("{begin}{message}{means}"));
    }

    /// Whether an oracle has broken.
    pub fn failed(&self) -> bool {
        self.shared().run.failed()
    }

    /// The report of the run so far. Calls after this one belong to a new, empty run.
    pub fn report(&self) -> RunReport {
        std::mem::replace(&mut self.shared().run, Run::empty()).into_report()
    }
}

#[cfg(test)]
mod tests;
