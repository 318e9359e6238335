//! A run whose world is not this crate's kernel: a stream layer under tokio, or turmoil. It has what makes a run one:
//! keyed choices, a swarm of fault families, the trace and its hash, oracles; so that replaying, shrinking, checking
//! and reporting work as everywhere. Hosts, sockets and time are somebody else's.
//!
//! ```text
//!   Sim::foreign ──► Foreign ──► the other world: asks it for every decision, tells it what happened
//!                       │
//!                       └──────► RunReport
//! ```
//!
//! A handle may be cloned, sent and shared. What is asked is a function of the key alone, but the trace is in the
//! order of the calls: a run is reproducible where the other world runs on one thread and on simulated time.

use crate::choice::{Base, Choices, Distribution, Domain, Overrides, Stream};
use crate::fault::{Family, Swarm};
use crate::run::{Failure, Record, RunReport};
use crate::trace::{Kind, Recorder, Time};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Choices that the programs and the scenario make.
const WORKLOAD: Domain = Domain("workload");

/// A handle on such a run.
#[derive(Clone)]
pub struct Foreign {
    state: Arc<Mutex<State>>,
    heartbeat: Arc<AtomicU64>,
}

/// Who acts, by index of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Actor(u32);

impl Actor {
    /// Nobody in particular: the weather.
    pub const NOBODY: Actor = Actor(u32::MAX);
}

/// How a foreign world tells the time; `None` where it has none (yet).
pub type Clock = Box<dyn Fn() -> Option<Duration> + Send>;

/// Calls at one moment after which a world counts as spinning (O3).
const SPIN_LIMIT: u64 = 200_000;

struct State {
    choices: Choices,
    swarm: Swarm,
    trace: Recorder,
    clock: Option<Clock>,
    /// The largest time that was seen. Never goes back, though hosts of another world may differ.
    now: u64,
    actors: Vec<String>,
    texts: Vec<String>,
    workload: BTreeMap<String, Stream>,
    sometimes: BTreeMap<&'static str, bool>,
    failure: Option<Failure>,
    output: String,
    calls: u64,
    /// Calls since time last moved.
    calls_now: u64,
}

impl State {
    /// The index of a text for an event to refer to: the same whether or not events are kept.
    fn text(&mut self, text: &str) -> u64 {
        self.trace.text(text);
        let at = self.texts.iter().position(|known| known == text).unwrap_or_else(|| {
            self.texts.push(text.to_owned());
            self.texts.len() - 1
        });
        at as u64
    }

    fn look(&mut self) -> u64 {
        if let Some(time) = self.clock.as_ref().and_then(|clock| clock()) {
            self.advance(time);
        }
        self.now
    }

    fn advance(&mut self, to: Duration) {
        let to = u64::try_from(to.as_nanos()).unwrap_or(u64::MAX);
        if to > self.now {
            self.now = to;
            self.calls_now = 0;
        }
    }

    fn fail(&mut self, oracle: impl Into<crate::Oracle>, site: &str, message: String) {
        let (time, event) = (self.now, self.trace.number());
        let oracle = oracle.into();
        self.failure.get_or_insert(Failure { oracle, site: site.to_owned(), message, time, event });
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Foreign")
            .field("now", &state.now)
            .field("calls", &state.calls)
            .finish_non_exhaustive()
    }
}

impl Foreign {
    /// A run of its own, outside any scenario.
    pub fn new(base: Base, overrides: &Overrides, record: Record) -> Foreign {
        let mut choices = Choices::new(base, overrides);
        let trace = Recorder::new(record);
        if trace.keeps_choices() {
            choices.record();
        }
        Foreign::of(choices, trace, Arc::default())
    }

    pub(crate) fn of(choices: Choices, trace: Recorder, heartbeat: Arc<AtomicU64>) -> Foreign {
        let state = State {
            choices,
            swarm: Swarm::none(),
            trace,
            clock: None,
            now: 0,
            actors: Vec::new(),
            texts: Vec::new(),
            workload: BTreeMap::new(),
            sometimes: BTreeMap::new(),
            failure: None,
            output: String::new(),
            calls: 0,
            calls_now: 0,
        };
        Foreign { state: Arc::new(Mutex::new(state)), heartbeat }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it is held leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws which of these families are on, and how strongly. `quiet_after`: when they stop, in time of the world.
    pub fn draw_swarm(&self, families: &[Family], quiet_after: Duration) {
        let mut state = self.state();
        let State { swarm, choices, .. } = &mut *state;
        swarm.draw(choices, families);
        swarm.quiet_from = u64::try_from(quiet_after.as_nanos()).unwrap_or(u64::MAX);
    }

    /// Tells where the time comes from. Before that it stands still.
    pub fn set_clock(&self, clock: Clock) {
        self.state().clock = Some(clock);
    }

    /// Sets the time, where whoever drives the world knows it. It never goes back.
    pub fn advance(&self, to: Duration) {
        self.state().advance(to);
    }

    /// The time of the world, in nanoseconds since its start.
    pub fn now(&self) -> u64 {
        self.state().look()
    }

    /// Whether faults have stopped for good: the quiet tail.
    pub fn is_quiet(&self) -> bool {
        let mut state = self.state();
        state.look() >= state.swarm.quiet_from
    }

    /// A name for what acts, such as `server/client-1#0`. The same name is the same actor.
    pub fn actor(&self, name: &str) -> Actor {
        let mut state = self.state();
        if let Some(at) = state.actors.iter().position(|known| known == name) {
            return Actor(at as u32);
        }
        let index = state.actors.len() as u32;
        state.trace.name_thread(index, name);
        state.actors.push(name.to_owned());
        Actor(index)
    }

    /// The next choice of a fault family for one of its objects; 0: nothing.
    pub fn choose_fault(&self, family: Family, stream: &mut Stream, object: impl Fn() -> String) -> u64 {
        self.heartbeat.fetch_add(1, Relaxed);
        let mut state = self.state();
        let now = state.look();
        let chance = state.swarm.chance(family, now);
        state.choices.choose(stream, family.domain(), chance != 0, family.distribution(chance), object)
    }

    /// A choice of the workload, from `low` to `high`, shrunk towards `low`. `name` is its key, with the how-manieth of
    /// that name: it has to say who chooses.
    pub fn choose(&self, name: &str, low: u64, high: u64) -> u64 {
        let mut state = self.state();
        let State { choices, workload, .. } = &mut *state;
        if !workload.contains_key(name) {
            workload.insert(name.to_owned(), Stream::default());
        }
        let Some(stream) = workload.get_mut(name) else { return low };
        let span = Distribution::uniform(0, high.saturating_sub(low));
        low + choices.choose(stream, WORKLOAD, true, span, || name.replace(' ', "-"))
    }

    /// Takes down a call: what it returned (negative: the errno), the bytes it moved, and the fault that made it so.
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
        let mut state = self.state();
        let now = state.look();
        state.calls += 1;
        state.calls_now += 1;
        if state.calls_now == SPIN_LIMIT {
            let name = state.actors.get(actor.0 as usize).cloned().unwrap_or_default();
            state.fail(
                "O3",
                "spinning",
                format!("{SPIN_LIMIT} calls, the last by {name}, and time stands still"),
            );
        }
        if let Some(cause) = cause {
            state.trace.blame(cause);
        }
        if !bytes.is_empty() {
            state.trace.payload(actor.0, bytes, kind == Kind::PollWrite);
        }
        state.trace.call(now, actor.0, kind, args, result);
    }

    /// Takes down a happening; its number, for results to name as their cause.
    pub fn happening(&self, actor: Actor, kind: Kind, args: [u64; 4]) -> u64 {
        let mut state = self.state();
        let now = state.look();
        state.trace.happening(now, actor.0, kind, args)
    }

    /// As [`Foreign::happening`], of a fault that changed something.
    pub fn fault(&self, family: Family, actor: Actor, kind: Kind, args: [u64; 4]) -> u64 {
        self.state().swarm.fired(family);
        self.happening(actor, kind, args)
    }

    /// The index of a text, for [`Foreign::fault`] and [`Foreign::happening`] to refer to.
    pub fn text(&self, text: &str) -> u64 {
        self.state().text(text)
    }

    /// Takes down something that the scenario wants to see in the trace.
    pub fn mark(&self, actor: Actor, text: &str) {
        let mut state = self.state();
        let now = state.look();
        let text = state.text(text);
        state.trace.happening(now, actor.0, Kind::Mark, [text, 0, 0, 0]);
    }

    /// A line that a program printed: kept, stamped with the time, and shown when the run fails.
    pub fn print(&self, actor: Actor, line: &str) {
        let mut state = self.state();
        let now = state.look();
        let State { output, actors, .. } = &mut *state;
        let name = actors.get(actor.0 as usize).map_or("-", String::as_str);
        // Writing to a String does not fail.
        let _ = writeln!(output, "{:>14} {name}: {line}", Time(now));
    }

    /// `holds` must be so every time this is passed.
    pub fn always(&self, name: &'static str, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.fail("always", name, message());
        }
    }

    /// `reached` must be so at least once in a sweep.
    pub fn sometimes(&self, name: &'static str, reached: bool) {
        *self.state().sometimes.entry(name).or_default() |= reached;
    }

    /// An oracle broke. The first one counts; the world should end when [`Foreign::failed`] says so.
    pub fn fail(&self, oracle: impl Into<crate::Oracle>, site: &str, message: String) {
        let mut state = self.state();
        state.look();
        state.fail(oracle, site, message);
    }

    /// Whether an oracle has broken.
    pub fn failed(&self) -> bool {
        self.state().failure.is_some()
    }

    /// What the run came to. Calls after this one belong to an empty run.
    pub fn report(&self) -> RunReport {
        let mut state = self.state();
        let choices = std::mem::replace(&mut state.choices, Choices::new(Base::Zero, &Overrides::new()));
        let trace = std::mem::replace(&mut state.trace, Recorder::new(Record::Hash));
        RunReport {
            hash: trace.hash(),
            calls: state.calls,
            simulated: state.now,
            failure: state.failure.take(),
            refused: None,
            faults: state.swarm.counts().collect(),
            sometimes: std::mem::take(&mut state.sometimes),
            choices: choices.recorded().to_vec(),
            unused: choices.unused_overrides(),
            trace: trace.into_log(),
            output: std::mem::take(&mut state.output),
        }
    }
}

#[cfg(test)]
mod tests;
