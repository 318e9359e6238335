//! Clocks and sleeping.

use crate::kernel::REAL_SLEEP_NS;
use crate::scheduler::Step;
use crate::scheduler::WaitOn;
use crate::world::World;
use eagain_net::{ClockId, Instant};

impl World {
    /// The host of the running thread.
    pub fn my_host(&self) -> u32 {
        self.processes[self.my_process() as usize].host
    }

    pub fn sys_clock_gettime(&mut self, clock: ClockId) -> Instant {
        let host = self.my_host();
        self.hosts[host as usize].clock(clock, self.run.now())
    }

    /// The world's time after `timeout` nanoseconds of this host's clock.
    #[inline]
    pub fn deadline_after(&self, timeout: u64) -> u64 {
        let host = self.my_host();
        self.run.now().saturating_add(self.hosts[host as usize].true_duration(timeout))
    }

    pub fn sys_nanosleep(&mut self, duration: u64, deadline: &mut Option<u64>) -> Step<()> {
        if duration >= REAL_SLEEP_NS {
            let me = self.scheduler.current();
            self.scheduler[me].idle_calls = 0;
        }
        let at = *deadline.get_or_insert_with(|| self.deadline_after(duration));
        if self.run.now() >= at {
            return Step::Done(Ok(()));
        }
        self.wait(WaitOn::Nothing, Some(at));
        Step::Wait
    }
}
