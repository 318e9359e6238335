//! How processes and hosts end before their time, and begin again: kill, crash, restart.

use super::{NONE, World};
use crate::choice::{Distribution, Domain, Once};
use crate::fault::Family;
use crate::scheduler::Event;
use crate::trace::Kind;
use std::sync::Arc;

/// What a process runs, each time that it begins: how often it has begun before, from 0.
pub(crate) type Factory = Arc<dyn Fn(u32) + Send + Sync>;

/// After which write to a file a process ends, instead of at a call; 0: at the call.
const AFTER_WRITE: Domain = Domain("end.after-write");
/// How much longer than usual something stays down.
const DOWN: Domain = Domain("restart.delay");

/// After how many calls of its threads a process is looked at, and the watchdog is informed of the calls: a thread that is alone
/// and computes for a tenth of a second between two calls is no loop without any.
const LOOK_EVERY: u32 = 64;

/// After which of its calls a process is looked at and ends, and how it begins again.
pub(crate) struct Lifecycle {
    /// Calls of its threads until it is looked at: it is never 0 when one begins.
    until_look: u32,
    /// How many that were when it was planned.
    look_after: u32,
    /// Calls to the chosen end; `u64::MAX` where there is none.
    calls_left: u64,
    /// Writes to files up to the chosen end, where that comes right after one: data is there that was not synced. 0: none.
    writes_left: u64,
    /// That is the end of the host, too.
    with_host: bool,
    /// It and its host may go for good: its peers are half open then.
    may_disappear: bool,
    /// `None`: it is not started again.
    factory: Option<Factory>,
    /// Its name the first time.
    initial_name: String,
    /// How often it has begun before.
    incarnation: u32,
    /// The process that took its place, or [`NONE`].
    successor: u32,
}

impl Lifecycle {
    /// Of a process that begins once, and is looked at for the first time after the usual number of calls.
    pub fn new(name: &str) -> Lifecycle {
        Lifecycle {
            until_look: LOOK_EVERY,
            look_after: 0,
            calls_left: u64::MAX,
            writes_left: 0,
            with_host: false,
            may_disappear: false,
            factory: None,
            initial_name: name.to_owned(),
            incarnation: 0,
            successor: NONE,
        }
    }

    /// It begins again when it has ended.
    pub fn restart_with(&mut self, factory: Factory) {
        self.factory = Some(factory);
    }

    /// It and its host may go for good.
    pub fn allow_to_disappear(&mut self) {
        self.may_disappear = true;
    }

    /// Its name the first time.
    pub fn initial_name(&self) -> &str {
        &self.initial_name
    }

    /// How often it has begun before.
    pub fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// A thread of it has made a call; whether it is to be looked at.
    #[inline(always)]
    pub fn count_call(&mut self) -> bool {
        self.until_look -= 1;
        self.until_look == 0
    }

    /// Whether it is to be looked at.
    pub fn is_due(&self) -> bool {
        self.until_look == 0
    }

    /// It is looked at after the usual number of calls, or at the one that is to be its last.
    fn plan_look(&mut self) {
        self.until_look = u64::from(LOOK_EVERY).min(self.calls_left.max(1)) as u32;
        self.look_after = self.until_look;
    }

    /// It is looked at after its next call.
    pub fn look_at_next(&mut self) {
        (self.until_look, self.look_after) = (1, 1);
    }

    /// It is looked at, and will be again: how many calls it has made since it was planned to, and whether the last of them was the
    /// chosen one.
    pub fn look(&mut self) -> (u64, bool) {
        let made = u64::from(self.look_after);
        let ends = self.calls_left == made;
        if self.calls_left != u64::MAX {
            // Its threads may still make calls after the one that was to be the last.
            self.calls_left = if ends { u64::MAX } else { self.calls_left - made };
        }
        self.plan_look();
        (made, ends)
    }

    /// It has written to a file: it may have been the chosen write, and the call is its last.
    #[inline]
    fn count_write(&mut self) {
        if self.writes_left > 0 {
            self.writes_left -= 1;
            if self.writes_left == 0 {
                self.calls_left = 1;
                self.plan_look();
            }
        }
    }
}

impl World {
    /// The process begins: when it is killed, if it is, is chosen now.
    pub fn choose_end(&mut self, process: u32) {
        let p = &self.processes[process];
        if p.lifecycle.factory.is_none() && !p.lifecycle.may_disappear {
            return;
        }
        let name = p.name().to_owned();
        if p.lifecycle.may_disappear {
            let at = self.choose_call(Family::HostGone, &name);
            let lifecycle = &mut self.processes[process].lifecycle;
            lifecycle.calls_left = if at == 0 { u64::MAX } else { at };
            return lifecycle.plan_look();
        }
        let kill = self.choose_call(Family::ProcessKill, &name);
        let crash = self.choose_call(Family::HostPower, &name);
        let writes = match (kill, crash) {
            (0, 0) => 0,
            _ => self.run.choose_once(AFTER_WRITE, &name, Distribution::rarely_log(32_768, 1, 256)),
        };
        let lifecycle = &mut self.processes[process].lifecycle;
        lifecycle.with_host = crash != 0 && (kill == 0 || crash <= kill);
        lifecycle.calls_left = match (kill, crash) {
            (0, 0) => u64::MAX,
            (0, at) | (at, 0) => at,
            (kill, crash) => kill.min(crash),
        };
        if writes > 0 {
            (lifecycle.writes_left, lifecycle.calls_left) = (writes, u64::MAX);
        }
        lifecycle.plan_look();
    }

    /// At which call, or 0.
    fn choose_call(&mut self, family: Family, name: &str) -> u64 {
        self.run.draw(family, Once, || name.to_owned())
    }

    /// The running process has written to a file.
    #[inline]
    pub fn count_write(&mut self) {
        self.me().lifecycle.count_write();
    }

    /// The chosen call was made.
    #[cold]
    pub fn chosen_end(&mut self, process: u32) {
        let (host, with_host) = (self.processes[process].host(), self.processes[process].lifecycle.with_host);
        if self.run.is_quiet() || self.processes[process].has_ended() {
            return;
        }
        if self.processes[process].lifecycle.may_disappear {
            self.run.injected_now(Family::HostGone, [u64::from(host), 0, 0, 0]);
            return self.crash_host(host, false, None);
        }
        let needed = |p: &super::Process| p.host() == host && p.is_awaited();
        if with_host && !self.processes.iter().any(needed) {
            self.crash_host(host, true, Some(Family::HostPower));
        } else {
            self.kill_process(process, Some(Family::ProcessKill));
        }
    }

    /// A process is over that is to begin again.
    pub(super) fn plan_restart(&mut self, process: u32) {
        let p = &self.processes[process];
        if p.lifecycle.factory.is_none() || p.exit_status() == Some(0) || self.network.is_down(p.host()) {
            return;
        }
        let name = p.name().to_owned();
        let at = self.run.now() + self.down_time(&name);
        self.scheduler.plan(at, Event::Restart(process));
    }

    fn down_time(&mut self, name: &str) -> u64 {
        let longer = Distribution::rarely_log(32_768, 1_000_000, 5_000_000_000);
        self.knobs.restart_after_ns + self.run.choose_once(DOWN, name, longer)
    }

    /// The process begins again, as a new one, unless its host is down or did so already.
    pub fn restart_process(&mut self, process: u32) {
        let p = &self.processes[process];
        let host = p.host();
        let Some(factory) = p.lifecycle.factory.clone() else { return };
        if !p.has_ended() || p.lifecycle.successor != NONE || self.network.is_down(host) {
            return;
        }
        let (initial_name, incarnation) = (p.lifecycle.initial_name.clone(), p.lifecycle.incarnation + 1);
        let limits = p.limits();
        let name = format!("{initial_name}~{incarnation}");
        let now = self.run.now();
        let run = factory.clone();
        let next = self.add_process(host, name.clone(), false, now, Box::new(move || run(incarnation)));
        let p = &mut self.processes[next];
        p.set_limits(limits);
        (p.lifecycle.factory, p.lifecycle.initial_name, p.lifecycle.incarnation) =
            (Some(factory), initial_name, incarnation);
        self.processes[process].lifecycle.successor = next;
        let words = [u64::from(next), u64::from(incarnation), 0, 0];
        self.run.event(NONE, Kind::Restart, words);
        self.choose_end(next);
    }

    /// The process that runs in the place of this one now.
    pub fn latest(&self, mut process: u32) -> u32 {
        while self.processes[process].lifecycle.successor != NONE {
            process = self.processes[process].lifecycle.successor;
        }
        process
    }

    /// The power of a host fails: its processes are gone, and its connections without a word to the other side; of its
    /// disk is left what was synced, and of the rest what the choices leave. `back`: it comes up again after a while.
    /// `fault`: the family that does it, where the scenario does not.
    pub fn crash_host(&mut self, host: u32, back: bool, fault: Option<Family>) {
        if !self.network.switch_off(host) {
            return;
        }
        let now = self.run.now();
        self.run.event_or_fault(fault, Kind::Fault(Family::HostPower), [u64::from(host), 0, 0, 0]);
        for file in self.net().lose_sockets(host) {
            if let Some(open) = self.files.get_mut(file) {
                open.lose_object();
            }
        }
        self.net().begin_probing();
        for process in 0..self.processes.len() {
            if self.processes[process].host() == host {
                self.kill_process(process, None);
            }
        }
        self.network.forget_ports(host);
        let owner = &mut self.hosts[host];
        let gone = owner.crash_disk(&mut self.run, self.knobs.disk_ordered);
        if gone != 0 {
            let text = self.run.text(owner.name());
            self.run.injected_now(Family::DiskTorn, [text, gone, 0, 0]);
        }
        let name = self.hosts[host].next_crash();
        if back {
            let at = now + self.down_time(&name);
            self.scheduler.plan(at, Event::HostUp(host, self.hosts[host].crashes()));
        }
    }

    /// The time is over that a host stays down after a crash, unless something else has brought it up meanwhile.
    pub(super) fn host_up_again(&mut self, host: u32, crash: u32) {
        if self.hosts[host].crashes() == crash {
            self.host_up(host);
        }
    }

    /// The host is there again; what is to run on it begins.
    pub fn host_up(&mut self, host: u32) {
        if !self.network.switch_on(host) {
            return;
        }
        self.hosts[host].boot(self.run.now());
        self.run.event(NONE, Kind::HostUp, [u64::from(host), 0, 0, 0]);
        for process in 0..self.processes.len() {
            let p = &self.processes[process];
            if p.host() == host && p.exit_status().is_some_and(|status| status != 0) {
                self.restart_process(process);
            }
        }
    }
}
