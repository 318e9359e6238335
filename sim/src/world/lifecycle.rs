//! How processes and hosts end before their time, and begin again: kill, crash, restart.

use super::{NONE, World};
use crate::choice::{Distribution, Domain, Once};
use crate::fault::Family;
use crate::object::Object;
use crate::scheduler::Event;
use crate::trace::Kind;
use std::sync::Arc;

/// What a process runs, each time that it begins: how often it has begun before, from 0.
pub(crate) type Factory = Arc<dyn Fn(u32) + Send + Sync>;

/// After which write to a file a process ends, instead of at a call; 0: at the call.
const AFTER_WRITE: Domain = Domain("end.after-write");
/// How much longer than usual something stays down.
const DOWN: Domain = Domain("restart.delay");

/// How a process begins again.
#[derive(Default)]
pub(crate) struct Lifecycle {
    /// `None`: it is not started again.
    pub factory: Option<Factory>,
    /// Its name the first time.
    pub initial_name: String,
    /// How often it has begun before.
    pub incarnation: u32,
    /// The process that took its place, or [`NONE`].
    pub successor: u32,
    /// Calls to the chosen end; `u64::MAX` where there is none.
    pub calls_left: u64,
    /// Writes to files up to the chosen end, where that comes right after one: data is there that was not synced. 0: none.
    pub writes_left: u64,
    /// How many calls were to be made when it was last planned to look at the process.
    pub look_after: u32,
    /// That is the end of the host, too.
    pub with_host: bool,
    /// It and its host may go for good: its peers are half open then.
    pub may_disappear: bool,
}

impl World {
    /// The process begins: when it is killed, if it is, is chosen now.
    pub fn choose_end(&mut self, process: u32) {
        let p = &self.processes[process];
        if p.lifecycle.factory.is_none() && !p.lifecycle.may_disappear {
            return;
        }
        let name = p.name.clone();
        if p.lifecycle.may_disappear {
            let at = self.choose_call(Family::HostGone, &name);
            self.processes[process].lifecycle.calls_left = if at == 0 { u64::MAX } else { at };
            return self.plan_look(process);
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
        self.plan_look(process);
    }

    /// At which call, or 0.
    fn choose_call(&mut self, family: Family, name: &str) -> u64 {
        self.run.draw(family, Once, || name.to_owned())
    }

    /// The running process has written to a file: it may have been the chosen write, and the call is its last.
    #[inline]
    pub fn count_write(&mut self) {
        let process = self.my_process();
        let lifecycle = &mut self.processes[process].lifecycle;
        if lifecycle.writes_left > 0 {
            lifecycle.writes_left -= 1;
            if lifecycle.writes_left == 0 {
                lifecycle.calls_left = 1;
                self.plan_look(process);
            }
        }
    }

    /// The chosen call was made.
    #[cold]
    pub fn chosen_end(&mut self, process: u32) {
        let (host, with_host) = (self.processes[process].host, self.processes[process].lifecycle.with_host);
        if self.run.is_quiet() || self.processes[process].exit.is_some() {
            return;
        }
        if self.processes[process].lifecycle.may_disappear {
            self.run.injected_now(Family::HostGone, [u64::from(host), 0, 0, 0]);
            return self.crash_host(host, false, None);
        }
        let needed = |p: &super::Process| p.host == host && p.foreground && p.exit.is_none();
        if with_host && !self.processes.iter().any(needed) {
            self.crash_host(host, true, Some(Family::HostPower));
        } else {
            self.kill_process(process, Some(Family::ProcessKill));
        }
    }

    /// A process is over that is to begin again.
    pub(super) fn plan_restart(&mut self, process: u32) {
        let p = &self.processes[process];
        if p.lifecycle.factory.is_none() || p.exit == Some(0) || self.network.is_down(p.host) {
            return;
        }
        let name = p.name.clone();
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
        let host = p.host;
        let Some(factory) = p.lifecycle.factory.clone() else { return };
        if p.exit.is_none() || p.lifecycle.successor != NONE || self.network.is_down(host) {
            return;
        }
        let (initial_name, incarnation) = (p.lifecycle.initial_name.clone(), p.lifecycle.incarnation + 1);
        let (may_panic, fd_limit, memory_limit) = (p.may_panic, p.fds.limit(), p.memory_limit);
        let name = format!("{initial_name}~{incarnation}");
        let now = self.run.now();
        let run = factory.clone();
        let next = self.add_process(host, name.clone(), false, now, Box::new(move || run(incarnation)));
        let p = &mut self.processes[next];
        (p.may_panic, p.memory_limit) = (may_panic, memory_limit);
        p.fds.set_limit(fd_limit);
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
                open.object = Object::Gone;
            }
        }
        self.net().begin_probing();
        for process in 0..self.processes.len() {
            if self.processes[process].host == host {
                self.kill_process(process, None);
            }
        }
        self.network.forget_ports(host);
        let owner = &mut self.hosts[host];
        let gone = owner.disk.crash(&mut self.run, &owner.name, self.knobs.disk_ordered);
        if gone != 0 {
            let text = self.run.text(&owner.name);
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
            if p.host == host && p.exit.is_some_and(|status| status != 0) {
                self.restart_process(process);
            }
        }
    }
}
