//! Running a program on both kernels, line by line, and what counts as a difference: one that three more runs on Linux
//! agree about. Under load a packet may wait for a lock that another thread holds; such a run of Linux is alone.

use super::call::Call;
use super::hands::{self, Hands};
use super::machine::Machine;
use super::outcome::Outcome;
use super::sides::{in_simulation, on_linux};
use eagain_net::{Linux, Readiness};
use eagain_sim::Engine;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What each call of a program came to.
pub type Log = Vec<Outcome>;

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
    /// They differ, and so do runs of Linux among themselves.
    Unsteady,
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
#[derive(Default)]
pub struct Comparer {
    engine: Engine,
    programs: u32,
    hands: Hands,
}

impl Comparer {
    /// One whose programs are run by so many threads.
    pub fn new(hands: Hands) -> Comparer {
        Comparer { hands, ..Comparer::default() }
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
        let (address, hands) = (self.address(), self.hands);
        let mut log = Log::new();
        on_linux(|kernel| {
            log = hands::run(Machine::at(kernel, address), calls, hands);
        })?;
        Ok(log)
    }

    fn simulation(&mut self, calls: &[Call]) -> Result<Log, String> {
        let hands = self.hands;
        let shared = Arc::new(Mutex::new(Log::new()));
        let (inside, calls) = (shared.clone(), calls.to_vec());
        let report = in_simulation(&mut self.engine, move |kernel| {
            let log = hands::run(Machine::new(kernel), &calls, hands);
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = log;
        });
        match report.failure {
            Some(failure) => Err(format!("{} {}: {}", failure.oracle, failure.site, failure.message)),
            None => Ok(std::mem::take(&mut *shared.lock().unwrap_or_else(PoisonError::into_inner))),
        }
    }

    /// One program on both kernels.
    pub fn compare(&mut self, calls: &[Call]) -> Verdict {
        let both = self.linux(calls).and_then(|linux| Ok((linux, self.simulation(calls)?)));
        let (linux, simulation) = match both {
            Ok(logs) => logs,
            Err(why) => return Verdict::Broken(why),
        };
        let Some(at) = first_difference(&linux, &simulation) else { return Verdict::Same };
        for _ in 0..3 {
            match self.linux(calls) {
                Ok(again) if again == linux => {}
                Ok(_) => return Verdict::Unsteady,
                Err(why) => return Verdict::Broken(why),
            }
        }
        Verdict::Differs(Difference { at, linux, simulation })
    }
}

fn first_difference(one: &Log, other: &Log) -> Option<usize> {
    one.iter().zip(other).position(|(a, b)| a != b)
}
