//! What is said of threads: that a handler is unsafe, that locks are taken without end, and what each of them does.

use crate::Oracle;
use crate::calls::Resolve;
use crate::trace::form;
use crate::world::{NONE, Who, World};

/// More locks than that, taken or given in a row without a call, are a loop that waits for what it keeps from happening.
const TURNS_MAX: u32 = 1_000_000;

impl World {
    /// A handler made a call, or took a lock, that may be in use by the code that it interrupted.
    #[cold]
    pub(crate) fn report_unsafe(&mut self, what: &'static str) {
        let me = self.scheduler.current();
        let name = &self.scheduler[me].name;
        let message = format!(
            "{name}: a signal handler uses {what}, which is not async-signal-safe (signal-safety(7))"
        );
        self.fail_in(Who::Thread(me), Oracle::SignalSafety, what, message);
    }

    /// A thread takes or gives a lock, or looks at a queue. Whether it has done so too often without a call in between.
    pub fn count_turn(&mut self, thread: u32) -> bool {
        let t = &mut self.scheduler[thread];
        t.turns += 1;
        if t.turns <= TURNS_MAX {
            return false;
        }
        let name = t.name.clone();
        let waits = self.describe_threads();
        let message =
            format!("{name} took and gave locks {TURNS_MAX} times in a row without a call\n{waits}");
        self.fail_in(Who::Thread(thread), Oracle::NoBusyLoop, "spin without calls", message);
        true
    }

    /// Counts a call of a thread that is unwound; whether it makes too many: its drops call in a loop, or it has caught what
    /// unwinds it and goes on.
    pub(super) fn count_dead_call(&mut self) -> bool {
        if self.scheduler.current() == NONE {
            return false;
        }
        let t = self.scheduler.running_mut();
        t.effort.calls += 1;
        t.effort.calls > 1_000_000
    }

    /// What every thread that has not ended does, a line each.
    pub(crate) fn describe_threads(&self) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        for t in self.scheduler.iter().filter(|t| !t.has_ended()) {
            if self.processes[t.process].exit.is_some() {
                continue;
            }
            let doing = if t.is_waiting() { "waits in" } else { "runs, last in" };
            let until = match t.deadline() {
                u64::MAX => String::new(),
                at => format!(" until {}", crate::trace::Time(at)),
            };
            let call =
                crate::print::text(|out| form::put_call_of(out, &self.names(t.site), t.call, &t.call_args));
            let _ = writeln!(text, "  {} {doing} {call}{until}", t.name);
        }
        text
    }

    /// What the words of a call refer to, made at `site`.
    pub(crate) fn names<'a>(&'a self, site: &'a str) -> impl Resolve + 'a {
        Waiting { world: self, site }
    }
}

/// What the words of a call refer to while it is under way.
struct Waiting<'a> {
    world: &'a World,
    site: &'a str,
}

impl Resolve for Waiting<'_> {
    fn text(&self, index: usize) -> Option<&str> {
        self.world.run.text_at(index)
    }

    fn host(&self, index: usize) -> Option<&str> {
        self.world.hosts.get(index).map(|host| host.name.as_str())
    }

    fn futex(&self) -> &str {
        if self.site.is_empty() { "word" } else { self.site }
    }
}
