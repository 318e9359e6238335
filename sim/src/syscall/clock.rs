//! Clocks and sleeping.

use super::thread;
use crate::scheduler::Step;
use crate::scheduler::WaitOn;
use crate::world::World;
use eagain_net::{ClockId, Instant};

pub(crate) fn gettime(w: &mut World, clock: ClockId) -> Instant {
    let host = w.my_host();
    match clock {
        ClockId::Realtime | ClockId::Monotonic => w.hosts[host].clock(clock, w.run.now()),
        ClockId::ProcessCpu => Instant(w.cpu_time(w.my_process())),
        ClockId::ThreadCpu => Instant(w.scheduler.running().computed()),
        ClockId::CpuOf(tid) => {
            let thread = thread::thread_of(w, tid);
            Instant(thread.map_or(0, |thread| w.scheduler[thread].computed()))
        }
    }
}

pub(crate) fn nanosleep(w: &mut World, duration: u64, deadline: &mut Option<u64>) -> Step<()> {
    let at = *deadline.get_or_insert_with(|| w.deadline_after(duration));
    if w.run.now() >= at {
        return Step::Done(Ok(()));
    }
    w.wait(WaitOn::Nothing, Some(at));
    Step::Wait
}
