//! What `eagain-native`, which runs programs that were not written for the simulator, needs besides the kernel's traits.
//! All of it is called from within a simulated thread; none of it is a system call, takes virtual time or is in the trace.

pub use crate::stack::native::{run_with_thread_pointer, stack_range};

use crate::Oracle;
use crate::stack::{pause_for_ever, with};
use std::net::IpAddr;

/// Who runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The index of the thread in its world.
    pub thread: u32,
    /// The index of its process.
    pub process: u32,
    /// As `getpid(2)` gives it.
    pub pid: i32,
    /// As `gettid(2)` gives it.
    pub tid: i32,
}

/// Who runs.
pub fn identity() -> Identity {
    with(|w| {
        let thread = w.scheduler.current();
        let (process, tid) = (w.my_process(), w.scheduler[thread].tid);
        Identity { thread, process, pid: w.processes[process].pid, tid }
    })
}

/// What the running process was called when the world was built, and how often it has begun again.
pub fn program() -> (String, u32) {
    with(|w| {
        let lifecycle = &w.me().lifecycle;
        (lifecycle.initial_name.clone(), lifecycle.incarnation)
    })
}

/// The descriptors below `count` of the running process are never handed out: they are its console.
pub fn reserve_descriptors(count: usize) {
    with(|w| {
        w.me().fds.keep_back(count);
    });
}

/// `exit_group(2)`, with the status as `waitpid(2)` would show it: negative for a signal. Other than 0 it breaks O16, with
/// `why`, unless the process may panic.
pub fn exit(status: i32, why: &str) -> ! {
    with(|w| {
        let process = w.my_process();
        if status != 0 && !w.processes[process].may_panic {
            let name = w.processes[process].name.clone();
            w.run.fail(Oracle::Survival, "exit", format!("{name}: {why}"));
        }
        w.exit_process(process, status);
    });
    pause_for_ever()
}

/// The address of the host of this name.
pub fn resolve(name: &str) -> Option<IpAddr> {
    with(|w| w.hosts.position(|host| host.name == name).map(|host| IpAddr::V4(w.network.ip(host))))
}

/// The name of the running thread's host.
pub fn host_name() -> String {
    with(|w| {
        let host = w.my_host();
        w.hosts[host].name.to_string()
    })
}

/// How many processors that host has.
pub fn processors() -> usize {
    with(|w| {
        let host = w.my_host();
        w.hosts[host].processors()
    })
}

/// A thread of the running process panicked at `place` (`file:line`): breaks O16, unless the process may. It goes on unwinding.
pub fn panicked(message: &str, place: &str) {
    with(|w| {
        let process = w.my_process();
        if !w.processes[process].may_panic {
            let name = w.scheduler[w.scheduler.current()].name.clone();
            w.run.fail(Oracle::Survival, place, format!("{name} panicked: {message}"));
            w.run.failed_in(&name);
        }
    });
}
