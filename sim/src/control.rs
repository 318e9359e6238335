//! What a scenario does to its world while it runs, called from the thread of a client: kill, crash, partition. Whatever
//! is cut is whole again when the quiet tail begins.

use crate::kernel::control;
use crate::sim::{HostId, ProcessId};
use crate::stack::native::as_harness;
use crate::stack::with;
use crate::trace::Kind;

/// `kill -9` of a process. One that can restart begins again after a while; its connections are closed as by `close(2)`.
pub fn kill(process: ProcessId) {
    control(Kind::ControlKill, [process.index().into(), 0], |w| {
        let process = w.latest(process.index());
        w.kill_process(process, None);
    });
}

/// The power of a host fails, and comes back after a while. Its peers are not notified; of its disk is left what was synced,
/// and of the rest what the choices leave.
pub fn crash(host: HostId) {
    control(Kind::ControlCrash, [host.index().into(), 1], |w| w.crash_host(host.index(), true, None));
}

/// As [`crash`], and it stays off until [`switch_on`].
pub fn switch_off(host: HostId) {
    control(Kind::ControlCrash, [host.index().into(), 0], |w| w.crash_host(host.index(), false, None));
}

/// A host that was off comes up; what can restart on it begins.
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

/// Two hosts can reach each other again. What waited arrives when it is sent again.
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

/// How often a process has begun again.
pub fn restarts(process: ProcessId) -> u32 {
    as_harness(|| with(|w| w.processes[w.latest(process.index())].lifecycle.incarnation))
}

/// Whether a process runs now.
pub fn is_running(process: ProcessId) -> bool {
    as_harness(|| with(|w| !w.processes[w.latest(process.index())].has_ended()))
}
