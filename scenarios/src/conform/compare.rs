//! Running a program on both kernels, line by line, and what counts as a difference: one that three more runs on Linux
//! agree about. Under load a packet may wait for a lock that another thread holds; such a run of Linux is alone.

use super::call::Call;
use super::handoff;
use super::machine::Machine;
use super::outcome::Log;
use super::sides::{in_simulation, on_linux};
use super::signals::keep_signals_out;
use eagain_net::{Advice, Completion, Linux, Readiness};
use eagain_sim::Engine;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A run on Linux that takes longer may meet its timers, of which the first sends an acknowledgement after 40 ms: on a
/// machine that has no time for it. It is made again, so often at most.
const PROMPT: Duration = Duration::from_millis(35);
const ATTEMPTS: u32 = 10;

/// Where two logs part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The first call that came out otherwise.
    pub at: usize,
    /// On Linux.
    pub linux: Log,
    /// In the simulation.
    pub simulation: Log,
}

/// What comparing one program came to.
pub enum Verdict {
    /// The logs are the same.
    Same,
    /// They differ, and so do runs of Linux among themselves: `simulation` is another run of Linux.
    Unsteady(Difference),
    /// They differ.
    Differs(Difference),
    /// The program did not get through.
    Broken(String),
}

/// Waits while Linux holds so many closed connections in TIME_WAIT that it begins to forget them (beyond
/// `tcp_max_tw_buckets` their ports can be bound at once, which no program accounts for).
fn let_time_wait_pass() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let most: u64 = read("/proc/sys/net/ipv4/tcp_max_tw_buckets").trim().parse().unwrap_or(u64::MAX);
    let waiting = || {
        let stat = read("/proc/net/sockstat");
        let mut words = stat.split_whitespace().skip_while(|word| *word != "tw").skip(1);
        words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0)
    };
    while waiting() > most / 4 * 3 {
        let _ = Linux.poll(&mut [], Some(Duration::from_millis(500)), None);
    }
}

/// Compares programs, one after another.
pub struct Comparer {
    engine: Engine,
    programs: u32,
    rings: bool,
}

impl Default for Comparer {
    fn default() -> Self {
        keep_signals_out();
        let rings = Linux.io_uring_probe() == Advice::Available;
        Comparer { engine: Engine::default(), programs: 0, rings }
    }
}

impl Comparer {
    /// Whether Linux has rings here. Where it has not, programs must do without.
    pub fn has_rings(&self) -> bool {
        self.rings
    }

    /// A loopback address that was not used for a long while: ports of closed connections do not meet.
    fn address(&mut self) -> Ipv4Addr {
        self.programs = self.programs.wrapping_add(1);
        if self.programs.is_multiple_of(512) {
            let_time_wait_pass();
        }
        let number = std::process::id().wrapping_mul(2_654_435_761).wrapping_add(self.programs);
        Ipv4Addr::from(0x7f00_0000 | (number % 0x00ff_fffd + 1))
    }

    fn linux(&mut self, calls: &[Call]) -> Result<Log, String> {
        let mut log = Log::new();
        for _ in 0..ATTEMPTS {
            let address = self.address();
            let begun = Instant::now();
            on_linux(|kernel| {
                log = handoff::run(Machine::at(kernel, address), calls);
            })?;
            if begun.elapsed() < PROMPT {
                break;
            }
        }
        Ok(log)
    }

    fn simulation(&mut self, calls: &[Call]) -> Result<Log, String> {
        let shared = Arc::new(Mutex::new(Log::new()));
        let (inside, calls) = (shared.clone(), calls.to_vec());
        let report = in_simulation(&mut self.engine, move |kernel| {
            let log = handoff::run(Machine::new(kernel), &calls);
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = log;
        });
        match report.failure {
            Some(failure) => Err(format!("{} {}: {}", failure.oracle, failure.site, failure.message)),
            None => Ok(std::mem::take(&mut *shared.lock().unwrap_or_else(PoisonError::into_inner))),
        }
    }

    /// What a program comes to on both kernels.
    pub fn both(&mut self, calls: &[Call]) -> Result<[Log; 2], String> {
        Ok([self.linux(calls)?, self.simulation(calls)?])
    }

    /// One program on both kernels.
    pub fn compare(&mut self, calls: &[Call]) -> Verdict {
        let [linux, simulation] = match self.both(calls) {
            Ok(logs) => logs,
            Err(why) => return Verdict::Broken(why),
        };
        let Some(at) = first_difference(&linux, &simulation) else { return Verdict::Same };
        for _ in 0..3 {
            match self.linux(calls) {
                Ok(again) if again == linux => {}
                Ok(simulation) => {
                    let at = first_difference(&linux, &simulation).unwrap_or(at);
                    return Verdict::Unsteady(Difference { at, linux, simulation });
                }
                Err(why) => return Verdict::Broken(why),
            }
        }
        Verdict::Differs(Difference { at, linux, simulation })
    }
}

fn first_difference(one: &Log, other: &Log) -> Option<usize> {
    one.iter().zip(other).position(|(a, b)| a != b)
}
