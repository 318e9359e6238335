//! The priority of a thread, which is a delay of each of its calls: chosen once (`thread.slow`), and changed at a few chosen
//! calls (`thread.change`), the change points of PCT (Burckhardt et al., 2010: d - 1 of them find a bug of depth d).

use super::Scheduler;
use crate::choice::{Distribution, Domain, Once, Stream};
use crate::fault::Family;
use crate::run::{Effect, Run};

/// What a call takes longer after a change.
const TO: Domain = Domain("thread.change.to");
/// Changes of a thread: what hides longer than that hides from people, too.
const CHANGES: usize = 3;
/// Before the first call nothing is chosen yet.
const UNCHOSEN: u64 = u64::MAX;

/// How a thread's priority goes.
pub(crate) struct Priority {
    /// Nothing is to be added, now or ever: what nearly every call of every thread finds.
    even: bool,
    /// Nanoseconds that each call takes longer; [`UNCHOSEN`] at the beginning.
    ns: u64,
    /// What is to change, the next last: at which call, to what. `None`: nothing ever.
    changes: Option<Box<Changes>>,
}

struct Changes {
    calls: u64,
    /// The last is the next.
    to_come: Vec<(u64, u64)>,
}

impl Default for Priority {
    fn default() -> Priority {
        Priority { even: false, ns: UNCHOSEN, changes: None }
    }
}

impl Priority {
    /// Whether there is nothing to add.
    #[inline]
    pub fn is_even(&self) -> bool {
        self.even
    }
}

impl Scheduler {
    /// What this call of `thread` takes longer.
    #[cold]
    pub(super) fn slowness(&mut self, run: &mut Run, thread: u32) -> u64 {
        if self[thread].priority.ns == UNCHOSEN {
            self.choose_priority(run, thread);
        }
        let t = &mut self[thread];
        let is_quiet = t.time.max(run.now()) >= run.quiet_from();
        if is_quiet {
            t.priority.even = true;
            return 0;
        }
        if let Some(changes) = &mut t.priority.changes {
            changes.calls += 1;
            if let Some(&(at, to)) = changes.to_come.last()
                && at <= changes.calls
            {
                changes.to_come.pop();
                t.priority.ns = to;
                if changes.to_come.is_empty() {
                    t.priority.changes = None;
                }
                let time = t.time;
                let effect = Effect { time, thread, args: [to, 0, 0, 0] };
                run.injected(Family::Change, effect);
            }
        }
        let priority = &mut self[thread].priority;
        priority.even = priority.ns == 0 && priority.changes.is_none();
        priority.ns
    }

    fn choose_priority(&mut self, run: &mut Run, thread: u32) {
        let slow = self.choose_slowness(run, thread);
        let to_come = self.choose_changes(run, thread);
        let t = &mut self[thread];
        let changes = (!to_come.is_empty()).then(|| Box::new(Changes { calls: 0, to_come }));
        t.priority = Priority { even: false, ns: slow, changes };
        let time = t.time;
        if slow != 0 {
            let effect = Effect { time, thread, args: [slow, 0, 0, 0] };
            run.injected(Family::Slow, effect);
        }
    }

    fn choose_slowness(&self, run: &mut Run, thread: u32) -> u64 {
        let name = self[thread].name();
        run.draw(Family::Slow, Once, || name.to_owned())
    }

    /// All of them at once, so that each can be left out without the others.
    fn choose_changes(&self, run: &mut Run, thread: u32) -> Vec<(u64, u64)> {
        let mut changes = Vec::new();
        if !run.may(Family::Change) {
            return changes;
        }
        let name = self[thread].name();
        let (mut ats, mut tos) = (Stream::default(), Stream::default());
        for _ in 0..CHANGES {
            let at = run.draw(Family::Change, &mut ats, || name.to_owned());
            if at == 0 {
                tos.skip();
                continue;
            }
            let slowness = Distribution::rarely_log(32_768, 1_000, 1_000_000);
            let to = run.choose(&mut tos, TO, slowness, || name.to_owned());
            changes.push((at, to));
        }
        changes.sort_by_key(|&(at, _)| std::cmp::Reverse(at));
        changes
    }
}
