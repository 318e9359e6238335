//! O3, no busy loop: whether what the threads of a process do achieves anything, checked now and then, and which loop it is
//! where it does not. What counts is in `crate::scheduler::effort`.

use super::{Who, World};
use crate::Oracle;
use crate::calls::{Arg, Kind};
use crate::print;
use crate::scheduler::is_for_nothing;
use crate::trace::format;
use eagain_net::Events;
use std::fmt::Write;

/// How many calls, of the many that achieved nothing, are remembered for the report; some more to end with a wait.
const REMEMBERED: usize = 64;
/// How many lines of a report a loop takes at most.
const LINES_MAX: usize = 16;
/// The calls of all threads of a process are checked after so many times the calls of one.
const OF_PROCESS: u64 = 10;

/// A call that has ended.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub thread: u32,
    pub kind: Kind,
    pub args: [u64; 4],
    pub word: i64,
}

/// What is known of the calls of a process.
#[derive(Default)]
pub(crate) struct SpinCheck {
    /// Its calls since they were last checked.
    calls: u64,
    /// What its threads had achieved by then, and how long they had been held up.
    achieved: u64,
    held_up: u64,
    /// What seem to be busy loops: one of each thread at most, and one of all together. Two that spin take turns, so that
    /// neither may displace the other.
    suspects: Vec<Suspect>,
}

/// A loop that is watched for what it consists of.
struct Suspect {
    /// The thread that makes it; `None`: all of the process together.
    thread: Option<u32>,
    /// How many of the calls that made it suspicious achieved anything.
    achieved: u64,
    calls: Vec<(Made, Vec<(i32, Events)>)>,
    /// What the call under way reports as ready.
    ready: Vec<(i32, Events)>,
}

impl World {
    /// A process has made so many calls that it is looked at: whether it is to end, and what its calls achieved.
    pub fn look_at(&mut self, process: u32) {
        let limit = u64::from(self.knobs.spin_limit) * OF_PROCESS;
        let p = &mut self.processes[process];
        let (made, ends) = p.lifecycle.look();
        p.spin_check.calls += made;
        let is_due = p.spin_check.calls >= limit;
        self.beat();
        if is_due {
            self.check_process(process);
        }
        if self.run.has_too_many_events() {
            self.fail_no_end();
        }
        if ends {
            self.chosen_end(process);
        }
    }

    /// What the threads of a process achieved together: two that only wake each other achieve nothing.
    fn check_process(&mut self, process: u32) {
        let (mut achieved, mut held_up) = (0, 0);
        for t in self.scheduler.iter().filter(|t| t.process() == process) {
            achieved += t.effort.achieved();
            held_up += t.effort.held_up();
        }
        let spin_check = &mut self.processes[process].spin_check;
        let lately = achieved - spin_check.achieved;
        if is_for_nothing(spin_check.calls, lately, held_up - spin_check.held_up) {
            spin_check.suspect(None, lately);
        }
        (spin_check.calls, spin_check.achieved, spin_check.held_up) = (0, achieved, held_up);
    }

    /// A call was made by a thread that has made many, or by one of a process that is suspected of a busy loop.
    pub fn check_calls(&mut self, made: Made) {
        let limit = self.knobs.spin_limit;
        let t = &mut self.scheduler[made.thread];
        let process = t.process();
        let spin_check = &mut self.processes[process].spin_check;
        if t.effort.calls() > limit {
            if t.effort.is_for_nothing() {
                spin_check.suspect(Some(made.thread), t.effort.achieved_lately());
            } else {
                t.effort.checked();
                spin_check.suspects.retain(|suspect| suspect.thread != Some(made.thread));
            }
        }
        let (mut found, mut is_of_all) = (None, false);
        for (at, suspect) in spin_check.suspects.iter_mut().enumerate() {
            if !suspect.is_about(made.thread) {
                continue;
            }
            let ready = std::mem::take(&mut suspect.ready);
            let ends_well = !ready.is_empty();
            suspect.calls.push((made, ready));
            let known = suspect.calls.len();
            is_of_all |= suspect.thread.is_none();
            if known >= 2 * REMEMBERED || known >= REMEMBERED && ends_well {
                found.get_or_insert(at);
            }
        }
        if is_of_all {
            // Every call of the process is looked at.
            self.processes[process].lifecycle.look_at_next();
        }
        if let Some(at) = found {
            self.report_spin(process, at);
        }
    }

    /// A descriptor that a call of the running thread reports as ready.
    #[inline]
    pub fn ready_for_suspects(&mut self, fd: i32, events: Events) {
        let thread = self.scheduler.current();
        for suspect in &mut self.me().spin_check.suspects {
            if suspect.is_about(thread) {
                suspect.ready.push((fd, events));
            }
        }
    }

    fn report_spin(&mut self, process: u32, at: usize) {
        let suspect = self.processes[process].spin_check.suspects.swap_remove(at);
        let limit = u64::from(self.knobs.spin_limit);
        let (who, name, calls) = match suspect.thread {
            Some(thread) => (Who::Thread(thread), self.scheduler[thread].shown().into_owned(), limit),
            None => (Who::Process(process), self.processes[process].name().to_owned(), limit * OF_PROCESS),
        };
        let achieved = suspect.achieved;
        let mut text = format!(
            "{name} made {calls} calls, of which {achieved} achieved anything (moved bytes, accepted, joined, slept); it repeats\n"
        );
        for line in suspect.lines(self) {
            // Writing to a String does not fail.
            let _ = writeln!(text, "    {line}");
        }
        text.push_str(&self.describe_threads());
        self.fail_in(who, Oracle::NoBusyLoop, "spin", text);
    }
}

impl SpinCheck {
    /// What `thread` does, or all of the process, seems to be a busy loop, and is watched from now on.
    fn suspect(&mut self, thread: Option<u32>, achieved: u64) {
        if self.suspects.iter().all(|suspect| suspect.thread != thread) {
            self.suspects.push(Suspect { thread, achieved, calls: Vec::new(), ready: Vec::new() });
        }
    }
}

impl Suspect {
    /// Whether the calls of `thread` belong to it.
    fn is_about(&self, thread: u32) -> bool {
        self.thread.is_none_or(|own| own == thread)
    }

    /// The loop: the calls of one turn, if they repeat, else each sort of call once.
    fn lines(&self, w: &World) -> Vec<String> {
        let same = |a: &Made, b: &Made| a.sort() == b.sort();
        let repeats =
            |length: &usize| self.calls.iter().zip(&self.calls[*length..]).all(|(a, b)| same(&a.0, &b.0));
        let turn = (1..=self.calls.len() / 2).find(repeats);
        // The last call is a wait, if there is any: the turn before it begins with one.
        let last = self.calls.len() - 1;
        let mut turn = turn.map_or_else(Vec::new, |length| (last - length..last).collect());
        if turn.is_empty() {
            for (at, (made, _)) in self.calls.iter().enumerate() {
                if !turn.iter().any(|&other: &usize| same(&self.calls[other].0, made)) {
                    turn.push(at);
                }
            }
        }
        let mut lines: Vec<String> = turn.iter().take(LINES_MAX).map(|&at| self.line(w, at)).collect();
        if turn.len() > LINES_MAX {
            lines.push(format!("and {} more", turn.len() - LINES_MAX));
        }
        lines
    }

    fn line(&self, w: &World, at: usize) -> String {
        let (made, ready) = &self.calls[at];
        let mut line = match self.thread {
            Some(_) => String::new(),
            None => format!("{} ", w.scheduler[made.thread].shown()),
        };
        let names = w.names(w.scheduler[made.thread].site());
        line.push_str(&print::text(|out| {
            format::put_call_of(out, &names, made.kind, &made.args);
            out.push(b' ');
            format::put_result_of(out, &names, made.kind, made.word);
        }));
        for (fd, events) in ready {
            // Writing to a String does not fail.
            let _ = write!(line, ", fd {fd}: {events:?}");
        }
        line
    }
}

impl Made {
    /// What two calls of a loop have in common, turn by turn: who, what, of which descriptor, and how it went.
    fn sort(&self) -> (u32, Kind, u64, i64) {
        let fd = if matches!(self.kind.args(), [Arg::Fd, ..]) { self.args[0] } else { 0 };
        (self.thread, self.kind, fd, self.word.clamp(-1_000_000, 0))
    }
}
