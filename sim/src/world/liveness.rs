//! O6, liveness: every client goes on, whatever others do, and every run ends. A client is checked by the time, of the world's,
//! since it last achieved something (`crate::scheduler::effort`), or since faults have stopped.

use super::{Who, World};
use crate::Oracle;
use crate::object::Object;
use crate::print::{put_span, text};
use crate::scheduler::{FOREVER, is_pause};
use crate::trace::Time;

/// While something is planned, such as the end of a long wait of its server, a client may wait for that: for so many times
/// what it may wait by itself, at most, and once each time that it achieves something.
const WORLD_WAITS: u64 = 10;
/// The part of what a client may wait by itself that it gets for what follows.
const AFTERWARDS: u64 = 4;

/// What is being waited for.
#[derive(Default)]
pub(crate) struct Liveness {
    /// No oracle of this file can break up to this time.
    pub look_at: u64,
    promises: Vec<Promise>,
    promised: u32,
}

/// Something that is to be over by a time.
#[derive(Clone, Copy)]
struct Promise {
    number: u32,
    by: u64,
    limit: u64,
    name: &'static str,
    thread: u32,
}

/// What a client waits for that was planned: when it last had achieved something, and until when it may wait.
#[derive(Clone, Copy, Default)]
pub(crate) struct Grace {
    since: u64,
    until: u64,
}

impl World {
    /// Nothing can happen any more: what was accepted must be done.
    pub fn check_end(&mut self) {
        if self.foreground > 0 && !self.run.failed() {
            // A bound that somebody has set is broken as it is where others go on: shrinking looks for the same site.
            match self.liveness.promises.iter().min_by_key(|promise| promise.by) {
                Some(&promise) => self.fail_promise(promise, "; no thread can ever run again"),
                None => self.fail_liveness(Who::Nobody, "deadlock", "no thread can ever run again"),
            }
        }
        self.run.check_eventually();
        self.run.check_panics();
    }

    /// Whether a client has waited too long, or the run takes too long; looked at when one of them may be so.
    #[cold]
    pub fn check_liveness(&mut self, time: u64) -> bool {
        if time > self.knobs.ends_by_ns {
            let by = text(|out| put_span(out, self.knobs.ends_by_ns));
            self.fail_liveness(Who::Nobody, "no end", &format!("clients had not ended by {by} (ends_by_ns)"));
        }
        let mut look_at = self.knobs.ends_by_ns;
        if let Some(&promise) = self.liveness.promises.iter().find(|promise| time > promise.by) {
            self.fail_promise(promise, "");
        }
        look_at = self.liveness.promises.iter().fold(look_at, |at, promise| at.min(promise.by));
        for process in 0..self.processes.len() {
            if self.processes[process].is_awaited() {
                look_at = look_at.min(self.may_wait_until(process, time));
            }
        }
        self.liveness.look_at = look_at;
        self.run.failed()
    }

    /// Until when a client may go without achieving anything; O6 breaks where that is over.
    fn may_wait_until(&mut self, process: u32, time: u64) -> u64 {
        let threads = || self.scheduler.iter().filter(|t| t.process() == process);
        let since = threads().map(|t| t.effort.last()).max().unwrap_or(0);
        let limit = self.knobs.stuck_after_ns;
        let mut until = since.max(self.run.faults_stop_at()).saturating_add(limit);
        if time <= until {
            return until;
        }
        let waits = threads().filter(|t| t.is_waiting() && t.deadline() != FOREVER);
        let pauses = waits.filter(|t| is_pause(t.deadline().saturating_sub(t.time()))).map(|t| t.deadline());
        if let Some(deadline) = pauses.chain(self.timers_of(process)).filter(|&at| at >= time).min() {
            return deadline.saturating_add(limit / AFTERWARDS);
        }
        let grace = self.processes[process].grace;
        if grace.since == since && grace.until != 0 {
            until = grace.until;
        } else {
            let most = until.saturating_add(limit.saturating_mul(WORLD_WAITS));
            let planned = self.scheduler.last_planned().map_or(time, |last| last.max(time)).min(most);
            until = planned.max(until).saturating_add(limit / AFTERWARDS);
            self.processes[process].grace = Grace { since, until };
        }
        if time > until {
            let name = self.processes[process].name().to_owned();
            let limit = text(|out| put_span(out, limit));
            let (since, quiet) = (Time(since), Time(self.run.faults_stop_at()));
            let what = format!(
                "{name} has achieved nothing since {since}, for more than {limit} without faults (stuck_after; they stopped at \
                 {quiet}), and has no deadline of its own"
            );
            self.fail_liveness(Who::Process(process), "stuck", &what);
        }
        until
    }

    /// When timers of a process are due that were set long before.
    fn timers_of(&self, process: u32) -> impl Iterator<Item = u64> {
        let files = self.processes[process].fds.files();
        files.filter_map(|file| match &self.files.get(file)?.object {
            Object::Timer(timer) if is_pause(timer.setting().ahead) => timer.setting().next,
            _ => None,
        })
    }

    /// There are more events than a run may have.
    #[cold]
    pub fn fail_no_end(&mut self) {
        let most = self.knobs.events_max;
        self.run.cut_off(most);
        self.fail_liveness(
            Who::Nobody,
            "no end",
            &format!("clients had not ended after {most} events (events_max)"),
        );
    }

    /// `who` has not gone on.
    fn fail_liveness(&mut self, who: Who, site: &'static str, what: &str) {
        let threads = self.describe_threads();
        self.fail_in(who, Oracle::Liveness, site, format!("{what}\n{threads}"));
    }

    /// The running thread begins something that is to be over within `limit` nanoseconds: its number.
    pub fn promise(&mut self, limit: u64, name: &'static str) -> u32 {
        let liveness = &mut self.liveness;
        liveness.promised += 1;
        let by = self.scheduler.running().time().saturating_add(limit);
        let (number, thread) = (liveness.promised, self.scheduler.current());
        liveness.promises.push(Promise { number, by, limit, name, thread });
        liveness.look_at = liveness.look_at.min(by);
        number
    }

    /// It is over. Only this promise is checked: other threads may be behind the time of this one, and still keep theirs.
    pub fn keep_promise(&mut self, number: u32) {
        let Some(at) = self.liveness.promises.iter().position(|promise| promise.number == number) else {
            return;
        };
        let promise = self.liveness.promises.remove(at);
        let time = self.scheduler.get(self.scheduler.current()).map_or(0, |t| t.time());
        if time > promise.by && !self.scheduler.is_unwinding() {
            self.fail_promise(promise, "");
        }
    }

    fn fail_promise(&mut self, promise: Promise, why: &str) {
        let Promise { limit, name, thread, .. } = promise;
        let limit = text(|out| put_span(out, limit));
        let what = format!("{}: {name} was not over within {limit}{why}", self.scheduler[thread].shown());
        self.fail_liveness(Who::Thread(thread), name, &what);
    }
}
