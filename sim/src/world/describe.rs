//! What is reported of threads: that a handler is unsafe, that locks are taken without end, what each of them does.

use super::{Who, World, awaited};
use crate::Oracle;
use crate::calls::{EPOLL_EVENTS, Resolve};
use crate::object::Object;
use crate::scheduler::FOREVER;
use crate::syscall::epoll;
use crate::trace::format;
use eagain_net::Events;

/// More locks than that, taken or given in a row without a call, are a loop that waits for what it keeps from happening.
const LOCKS_MAX: u32 = 1_000_000;

impl World {
    /// A handler made a call, or took a lock, that may be in use by the code that it interrupted.
    #[cold]
    pub(crate) fn report_unsafe(&mut self, what: &'static str) {
        let me = self.scheduler.current();
        let name = self.scheduler[me].shown();
        let message = format!(
            "{name}: a signal handler uses {what}, which is not async-signal-safe (signal-safety(7))"
        );
        self.fail_in(Who::Thread(me), Oracle::SignalSafety, what, message);
    }

    /// A thread takes or gives a lock, or looks at a queue. Whether it has done so too often without a call in between.
    pub fn count_lock(&mut self, thread: u32) -> bool {
        let t = &mut self.scheduler[thread];
        if t.count_lock() <= LOCKS_MAX {
            return false;
        }
        let name = t.shown().into_owned();
        let waits = self.describe_threads();
        let message =
            format!("{name} took and released locks {LOCKS_MAX} times in a row without a call\n{waits}");
        self.fail_in(Who::Thread(thread), Oracle::NoBusyLoop, "spin without calls", message);
        true
    }

    /// The run fails: what every thread that has not ended does, a line each; below it who has to act before it can go on, and of one
    /// that waits for an epoll set what is there and will not be reported. The trace keeps who waits for what.
    pub(crate) fn describe_threads(&mut self) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        let mut waits = Vec::new();
        for thread in 0..self.scheduler.len() as u32 {
            let t = &self.scheduler[thread];
            if t.has_ended() || self.processes[t.process()].has_ended() {
                continue;
            }
            let unreported = t.epoll_set().map_or_else(Vec::new, |set| unreported(self, set));
            let lines = awaited::awaited(self, thread);
            if self.run.keeps_events() && self.scheduler[thread].is_waiting() {
                waits.push((thread, awaited::descriptors(self, thread)));
            }
            let t = &self.scheduler[thread];
            let doing = match t.is_waiting() {
                true => "waits in",
                false if t.is_stopped() => "is stopped, last in",
                false => "runs, last in",
            };
            let until = match t.deadline() {
                FOREVER => String::new(),
                at => format!(" until {}", crate::trace::Time(at)),
            };
            let call = crate::print::text(|out| {
                format::put_call_of(out, &self.names(t.site()), t.call(), t.call_args())
            });
            let _ = writeln!(text, "  {} {doing} {call}{until}", t.shown());
            for line in lines {
                let _ = writeln!(text, "    {line}");
            }
            for (fd, ready, why) in unreported {
                let events =
                    crate::print::text(|out| EPOLL_EVENTS.put(out, &self.names(""), u64::from(ready.0)));
                let _ = writeln!(text, "    fd {fd} is {events}: {why}");
            }
        }
        self.run.waits(waits);
        text
    }

    /// What the words of a call refer to, made at `site`.
    pub(crate) fn names<'a>(&'a self, site: &'a str) -> impl Resolve + 'a {
        Waiting { world: self, site }
    }
}

/// So many descriptors of an epoll set are named.
const UNREPORTED_MAX: usize = 8;

/// The descriptors of an epoll set with something to read, or an end, that a wait does not return for, each with the reason.
fn unreported(w: &mut World, set: u32) -> Vec<(i32, Events, &'static str)> {
    let Some(set) = epoll::get(w, set) else { return Vec::new() };
    let items = set.items().filter(|(_, item)| !item.ready);
    let mut items: Vec<_> =
        items.map(|(_, item)| (item.fd, item.file, item.events, item.disarmed())).collect();
    items.sort_by_key(|item| item.0);
    let mut found = Vec::new();
    for (fd, file, asked, disarmed) in items {
        // To look into another set changes it.
        if found.len() == UNREPORTED_MAX || matches!(w.files[file].object, Object::Epoll(_)) {
            continue;
        }
        let ready = epoll::poll_file(w, file) & (Events::IN | Events::PRI | Events::RDHUP | Events::HUP);
        let why = if ready.is_empty() {
            continue;
        } else if disarmed {
            "disarmed by EPOLLONESHOT, and not armed again"
        } else if ready.intersects(asked) {
            "reported before, and no new edge has come since (EPOLLET)"
        } else {
            "not among the events asked for"
        };
        found.push((fd, ready, why));
    }
    found
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
        self.world.hosts.get(index).map(|host| host.name())
    }

    fn futex(&self) -> &str {
        if self.site.is_empty() { "word" } else { self.site }
    }
}
