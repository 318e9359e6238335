//! Clocks and sleeping.

use crate::scheduler::REAL_SLEEP_NS;
use crate::scheduler::Step;
use crate::scheduler::WaitOn;
use crate::world::World;
use eagain_net::{ClockId, Instant};

pub(crate) fn gettime(w: &mut World, clock: ClockId) -> Instant {
    let host = w.my_host();
    w.hosts[host].clock(clock, w.run.now())
}

pub(crate) fn nanosleep(w: &mut World, duration: u64, deadline: &mut Option<u64>) -> Step<()> {
    if duration >= REAL_SLEEP_NS {
        let me = w.scheduler.current();
        w.scheduler[me].idle_calls = 0;
    }
    let at = *deadline.get_or_insert_with(|| w.deadline_after(duration));
    if w.run.now() >= at {
        return Step::Done(Ok(()));
    }
    w.wait(WaitOn::Nothing, Some(at));
    Step::Wait
}
