//! The state of one run. Its fields are private: time only goes forwards, choices are made here and in `inject`, and
//! every event goes through one of the methods that record.

use super::feedback::Feedback;
use super::{CUT_OFF, Empty, Failure, Record, RunReport};
use crate::Oracle;
use crate::calls::Row;
use crate::choice::{Base, Choices, Distribution, Domain, Once, Overrides, Source, Stream};
use crate::fault::{Family, SWARM, Swarm};
use crate::trace::{Kind, Recorder, Time};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Choices that programs make.
const WORKLOAD: Domain = Domain("workload");
/// Choices about the world as a whole.
const WORLD: Domain = Domain("world");

/// One run: see the module.
pub(crate) struct Run {
    /// The time of what is happening now, in nanoseconds since the start. Never goes back.
    pub(super) now: u64,
    pub(super) choices: Choices,
    pub(super) swarm: Swarm,
    pub(super) trace: Recorder,
    /// System calls made.
    calls: u64,
    /// The event after which the run is cut off.
    events_max: u64,
    /// The first oracle that broke; the run ends with it.
    failure: Option<Failure>,
    /// Threads that panicked and were not joined: a failure unless they are.
    panics: Vec<(u32, Failure)>,
    refused: Option<String>,
    mistaken: bool,
    /// No client runs in it.
    no_client: bool,
    /// What is to be reached by at least one run of a sweep, and whether this one did: each `sometimes`, and each `eventually`, of
    /// which it is asked whether it was passed at all.
    sometimes: BTreeMap<&'static str, bool>,
    /// What is to hold when the run ends, and whether it did when it was last passed.
    eventually: BTreeMap<&'static str, bool>,
    /// Who is in what only one thread may be in (O15).
    exclusive: BTreeMap<(&'static str, u64), u32>,
    /// The streams of choices that programs make, by actor and name.
    workload: BTreeMap<(u32, Cow<'static, str>), Stream>,
    output: String,
    /// What it did, where a search wants to know.
    pub(super) feedback: Option<Box<Feedback>>,
}

impl Run {
    /// A run of these choices that keeps what `record` says.
    pub fn new(base: Base, overrides: &Overrides, record: Record, events_max: Option<u64>) -> Run {
        let mut choices = Choices::new(base, overrides);
        let trace = Recorder::new(record);
        if trace.keeps_choices() {
            choices.record();
        }
        Run {
            now: 0,
            choices,
            swarm: Swarm::none(),
            trace,
            calls: 0,
            events_max: events_max.unwrap_or(u64::MAX),
            failure: None,
            panics: Vec::new(),
            refused: None,
            mistaken: false,
            no_client: false,
            sometimes: BTreeMap::new(),
            eventually: BTreeMap::new(),
            exclusive: BTreeMap::new(),
            workload: BTreeMap::new(),
            output: String::new(),
            feedback: None,
        }
    }

    /// A run in which nothing has happened and nothing will: the place of one that was taken.
    pub fn empty() -> Run {
        Run::new(Base::Zero, &Overrides::new(), Record::Hash, None)
    }

    /// Whether the stacks of threads that wait are asked for.
    #[inline]
    pub fn keeps_stacks(&self) -> bool {
        self.trace.keeps_stacks()
    }

    /// `thread` is about to be suspended.
    pub fn suspends(&mut self, thread: u32) {
        self.trace.suspends(thread);
    }

    /// What the run came to.
    pub fn into_report(self) -> RunReport {
        RunReport {
            hash: self.trace.hash(),
            calls: self.calls,
            simulated: self.now,
            failure: self.failure,
            empty: match (self.no_client, self.calls) {
                (true, _) => Some(Empty::NoClient),
                (false, 0) => Some(Empty::NoCall),
                _ => None,
            },
            refused: self.refused,
            mistaken: self.mistaken,
            unread: Vec::new(),
            faults: self.swarm.counts().collect(),
            sometimes: self.sometimes,
            choices: self.choices.recorded().to_vec(),
            made: self.choices.all_made().to_vec(),
            unused: self.choices.unused_overrides(),
            stacks: self.trace.stacks(),
            trace: self.trace.into_log(),
            output: self.output,
            features: self.feedback.map(|feedback| feedback.features()).unwrap_or_default(),
        }
    }

    // Time.

    #[inline]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// It is `time` now, or later already.
    #[inline]
    pub fn advance(&mut self, time: u64) {
        self.now = self.now.max(time);
    }

    /// When faults stop; 0 where none are on.
    pub fn faults_stop_at(&self) -> u64 {
        self.swarm.quiet_from_or_zero()
    }

    // Choices.

    /// Makes a choice that no fault family makes.
    #[inline]
    pub fn choose(
        &mut self,
        source: impl Source,
        domain: Domain,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        let value = source.choose(&mut self.choices, domain, true, distribution, object);
        self.made(0);
        value
    }

    /// Where choices are kept, the one that was just made is kept with its place in the run. A program that chooses from `low` up
    /// gets so much more than the value.
    #[inline]
    pub(super) fn made(&mut self, low: u64) {
        if self.choices.is_watched() {
            self.choices.made(low, self.trace.number());
        }
    }

    /// Makes a choice of which `object` has no second.
    pub fn choose_once(&mut self, domain: Domain, object: &str, distribution: Distribution) -> u64 {
        self.choose(Once, domain, distribution, || object.to_owned())
    }

    /// A choice about the world, made while it is built, from `low` to `high`, shrunk towards `low`.
    pub fn choose_world(&mut self, name: &str, low: u64, high: u64) -> u64 {
        let span = Distribution::uniform(0, high.saturating_sub(low));
        let value = Once.choose(&mut self.choices, WORLD, true, span, || name.to_owned());
        self.made(low);
        low + value
    }

    /// A choice of the workload, from `low` to `high`, shrunk towards `low`: the n-th that `actor` makes under `name`.
    pub fn choose_workload(
        &mut self,
        actor: u32,
        name: Cow<'static, str>,
        low: u64,
        high: u64,
        object: impl Fn() -> String,
    ) -> u64 {
        let stream = self.workload.entry((actor, name)).or_default();
        let span = Distribution::uniform(0, high.saturating_sub(low));
        let value = self.choices.choose(stream, WORKLOAD, true, span, object);
        self.made(low);
        low + value
    }

    /// The stream of choices that `actor` makes under `name`, for a domain of its own.
    pub fn choose_named(
        &mut self,
        actor: u32,
        name: &'static str,
        domain: Domain,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        let stream = self.workload.entry((actor, Cow::Borrowed(name))).or_default();
        let value = self.choices.choose(stream, domain, true, distribution, object);
        self.made(0);
        value
    }

    // Faults: which are on. What they do is in `inject`.

    /// Draws which of `families` are on, and how strongly. From `quiet_from` on nothing is injected any more.
    pub fn draw_swarm(&mut self, families: &[Family], quiet_from: u64) {
        self.swarm.draw(&mut self.choices, families);
        self.choices.domain_is_done(SWARM);
        self.set_quiet_from(quiet_from);
    }

    /// From this time on nothing is injected any more.
    pub fn set_quiet_from(&mut self, time: u64) {
        self.swarm.quiet_from = time;
    }

    /// Draws whether `family` is on before the others: the building of the world asks it.
    pub fn draw_early(&mut self, family: Family) {
        self.swarm.draw_early(&mut self.choices, family);
    }

    /// The families that the scenario named besides the usual ones: each must have its chance.
    pub fn name_faults(&mut self, families: impl Iterator<Item = Family>) {
        self.swarm.named = families.fold(0, |bits, family| bits | 1 << family as u64);
    }

    /// When the quiet tail begins.
    pub fn quiet_from(&self) -> u64 {
        self.swarm.quiet_from
    }

    /// Whether faults have stopped for good.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.now >= self.swarm.quiet_from
    }

    /// Whether any family of connections has anything to choose; else the network asks nothing.
    #[inline]
    pub fn may_fault_connections(&self) -> bool {
        self.swarm.wire_is_on() || self.choices.is_watched()
    }

    // Trace.

    /// Whether events themselves are kept, and not only their hash.
    #[inline]
    pub fn keeps_events(&self) -> bool {
        self.trace.keeps_events()
    }

    /// Whether anybody asks for the names of threads.
    pub fn wants_names(&self) -> bool {
        self.keeps_events() || self.feedback.is_some()
    }

    pub fn name_thread(&mut self, index: u32, name: &str) {
        self.trace.name_thread(index, name);
        if let Some(feedback) = &mut self.feedback {
            feedback.name_thread(index, name);
        }
    }

    pub fn rename_thread(&mut self, index: u32, name: &str) {
        self.trace.rename_thread(index, name);
    }

    pub fn name_host(&mut self, name: &str) {
        self.trace.name_host(name);
    }

    pub fn waits(&mut self, waits: Vec<(u32, Vec<i32>)>) {
        self.trace.waits(waits);
    }

    /// The index of a text, for an event to refer to.
    pub fn text(&mut self, text: &str) -> u64 {
        self.trace.text(text)
    }

    /// The text of an index, where texts are kept.
    pub fn text_at(&self, index: usize) -> Option<&str> {
        self.trace.text_at(index)
    }

    /// The call under way ran into this fault, by the number of its event; 0: into none.
    #[inline]
    pub fn blame(&mut self, cause: u64) {
        self.trace.blame(cause);
    }

    /// Bytes that the call under way of `thread` moved.
    #[inline]
    pub fn payload(&mut self, thread: u32, bytes: &[u8], sent: bool) {
        self.trace.payload(thread, bytes, sent);
    }

    /// The bytes that the last event carried.
    pub fn carried(&mut self, bytes: &[u8]) {
        self.trace.carried(bytes);
    }

    /// Records a call that has ended, and counts it. `row` is that of its `kind`.
    #[inline]
    pub fn call(&mut self, time: u64, thread: u32, kind: Kind, row: &Row, args: &[u64; 4], result: i64) {
        self.calls += 1;
        if self.feedback.is_some() {
            self.count_call(thread, kind, args, result);
        }
        self.trace.call(time, thread, kind, row, args, result);
    }

    /// Records an event that happens now; its number.
    #[inline(always)]
    pub fn event(&mut self, thread: u32, kind: Kind, args: [u64; 4]) -> u64 {
        self.event_at(self.now, thread, kind, args)
    }

    /// Records an event of a thread at its own time; its number.
    #[inline(always)]
    pub fn event_at(&mut self, time: u64, thread: u32, kind: Kind, args: [u64; 4]) -> u64 {
        if self.feedback.is_some() {
            self.count_event(kind);
        }
        self.trace.event(time, thread, kind, args)
    }

    /// Records that an operation which began earlier is over now, with the fault that it met.
    pub fn completion(&mut self, thread: u32, kind: Kind, args: [u64; 4]) {
        self.trace.completion(self.now, thread, kind, args);
    }

    // Verdict and output.

    /// The first oracle that breaks ends the run. This one concerns no thread and no process: not those that happen to run.
    pub fn fail(&mut self, oracle: Oracle, site: &str, message: String) {
        if self.failure.is_none() {
            self.failure = Some(self.failure_now(oracle, site.to_owned(), message));
        }
    }

    /// As [`Run::fail`], for what concerns a thread or a process: its role.
    pub fn fail_in(&mut self, role: String, oracle: Oracle, site: &str, message: String) {
        if self.failure.is_none() {
            let mut failure = self.failure_now(oracle, site.to_owned(), message);
            failure.thread = role;
            self.failure = Some(failure);
        }
    }

    fn failure_now(&self, oracle: Oracle, site: String, message: String) -> Failure {
        let (time, event) = (self.now, self.trace.number());
        Failure { oracle, site, thread: String::new(), message, time, event }
    }

    /// `thread` has panicked: a failure unless it is joined.
    pub fn thread_panicked(&mut self, thread: u32, role: String, site: String, message: String) {
        let mut failure = self.failure_now(Oracle::Survival, site, message);
        failure.thread = role;
        self.panics.push((thread, failure));
    }

    /// `thread` was joined: whoever did knows that it has panicked, if it has.
    pub fn joined(&mut self, thread: u32) {
        self.panics.retain(|(other, _)| *other != thread);
    }

    /// `thread` will not be joined: if it has panicked, the run fails.
    pub fn nobody_joins(&mut self, thread: u32) {
        if self.panics.iter().any(|(other, _)| *other == thread) {
            self.check_panics();
        }
    }

    /// The first panic that was returned to nobody is the failure of the run, unless another came before it.
    pub fn check_panics(&mut self) {
        let Some((_, first)) = self.panics.first() else { return };
        if self.failure.as_ref().is_none_or(|failure| first.event <= failure.event) {
            self.failure = Some(first.clone());
        }
    }

    #[inline]
    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Whether there are more events than whoever asked for the run waits for, or than the kernel allows.
    #[inline]
    pub fn has_too_many_events(&self) -> bool {
        self.trace.number() > self.events_max
    }

    /// The kernel allows so many events.
    pub fn limit_events(&mut self, most: u64) {
        self.events_max = self.events_max.min(most);
    }

    /// Ends a run of too many events, where it was not the kernel that allows no more than `most`.
    pub fn cut_off(&mut self, most: u64) {
        if self.events_max < most {
            self.fail(Oracle::Own(CUT_OFF), "", String::new());
        }
    }

    /// The scenario cannot run with these settings.
    pub fn refuse(&mut self, why: String) {
        self.refused = Some(why);
    }

    /// The scenario cannot run at all: it is wrong.
    pub fn mistake(&mut self, what: String) {
        self.mistaken = true;
        self.refused.get_or_insert(what);
    }

    /// The run is over before anything has run.
    pub fn has_no_client(&mut self) {
        self.no_client = true;
    }

    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// `sometimes`: whether `name` was reached by now.
    pub fn reach(&mut self, name: &'static str, reached: bool) {
        *self.sometimes.entry(name).or_default() |= reached;
        if reached {
            self.feature(name, u64::MAX);
        }
    }

    /// `eventually`: whether `name` holds now.
    pub fn expect(&mut self, name: &'static str, holds: bool) {
        self.reach(name, true);
        self.eventually.insert(name, holds);
    }

    /// Breaks O6 for what was to hold when the run ends and does not.
    pub fn check_eventually(&mut self) {
        if let Some(&name) = self.eventually.iter().find(|(_, holds)| !**holds).map(|(name, _)| name) {
            self.fail(Oracle::Liveness, name, format!("{name}: it had not come to hold when the run ended"));
        }
    }

    /// `actor` enters what one at a time may be in; who was in it before.
    pub fn enter_exclusive(&mut self, what: &'static str, which: u64, actor: u32) -> Option<u32> {
        self.exclusive.insert((what, which), actor)
    }

    pub fn leave_exclusive(&mut self, what: &'static str, which: u64) {
        self.exclusive.remove(&(what, which));
    }

    /// A line that a program printed, stamped with the time.
    pub fn print(&mut self, name: &str, line: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.output, "{:>14} {name}: {line}", Time(self.now));
    }
}
