//! What a scenario does to its world while it runs, called from the thread of a client: kill, crash, partition. Partitions are
//! healed when faults stop ([`Sim::quiet_after`](crate::Sim::quiet_after)).
//!
//! ```
//! use eagain_sim::{Sim, control};
//! use std::time::Duration;
//!
//! fn body(sim: &mut Sim) {
//!     let (a, b) = (sim.host("a"), sim.host("b"));
//!     // … servers on both
//!     let operator = sim.host("operator");
//!     sim.client(operator, "operator", move |kernel| {
//!         eagain_net::sleep(kernel, Duration::from_secs(1));
//!         control::partition(a, b);
//!         eagain_net::sleep(kernel, Duration::from_secs(5));
//!         control::heal(a, b);
//!     });
//! }
//! ```

use crate::kernel::control;
use crate::sim::{HostId, ProcessId};
use crate::stack::native::as_harness;
use crate::stack::with;
use crate::trace::Kind;

/// `kill -9` of a process; its connections are closed as by `close(2)`. One made by
/// [`Sim::server_restarting`](crate::Sim::server_restarting) starts again.
pub fn kill(process: ProcessId) {
    control(Kind::ControlKill, [process.index().into(), 0], |w| {
        let process = w.latest(process.index());
        w.kill_process(process, None);
    });
}

/// The power of a host fails, and comes back after [`KernelKnobs::restart_after_ns`](crate::KernelKnobs::restart_after_ns). Its
/// peers get neither FIN nor RST. Its disk keeps what was synced, and of the rest a part that is drawn.
pub fn crash(host: HostId) {
    control(Kind::ControlCrash, [host.index().into(), 1], |w| w.crash_host(host.index(), true, None));
}

/// As [`crash`], and it stays off until [`switch_on`].
pub fn switch_off(host: HostId) {
    control(Kind::ControlCrash, [host.index().into(), 0], |w| w.crash_host(host.index(), false, None));
}

/// Switches a host on that was off; the processes on it that restart start again.
pub fn switch_on(host: HostId) {
    control(Kind::ControlUp, [host.index().into(), 0], |w| w.host_up(host.index()));
}

/// Two hosts cannot reach each other until [`heal`].
pub fn partition(a: HostId, b: HostId) {
    partition_one_way(a, b);
    partition_one_way(b, a);
}

/// What `from` sends does not arrive at `to` until [`heal`]; the other way it does.
pub fn partition_one_way(from: HostId, to: HostId) {
    let words = [from.index().into(), to.index().into()];
    control(Kind::ControlCut, words, |w| w.net().cut(from.index(), to.index(), u64::MAX));
}

/// A black hole: nothing gets to this host or from it, until [`heal_all`].
pub fn isolate(host: HostId) {
    control(Kind::ControlCut, [host.index().into(), u64::MAX], |w| {
        for other in 0..w.hosts.len() {
            w.net().cut(host.index(), other, u64::MAX);
            w.net().cut(other, host.index(), u64::MAX);
        }
    });
}

/// Two hosts can reach each other again. Segments that were lost meanwhile arrive when TCP retransmits them.
pub fn heal(a: HostId, b: HostId) {
    let (a, b) = (a.index(), b.index());
    control(Kind::ControlHeal, [a.into(), b.into()], |w| {
        w.net().heal(|cut| (cut.from, cut.to) == (a, b) || (cut.from, cut.to) == (b, a));
    });
}

/// All hosts can reach each other again.
pub fn heal_all() {
    control(Kind::ControlHeal, [u64::MAX, u64::MAX], |w| w.net().heal_all());
}

/// How often a process has started again; 0 at first.
pub fn restarts(process: ProcessId) -> u32 {
    as_harness(|| with(|w| w.processes[w.latest(process.index())].lifecycle.incarnation()))
}

/// Whether a process runs now.
pub fn is_running(process: ProcessId) -> bool {
    as_harness(|| with(|w| !w.processes[w.latest(process.index())].has_ended()))
}
