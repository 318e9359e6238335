//! Random programs that wait: calls made by worker threads, on descriptors that the program closes, duplicates, shuts and
//! sets meanwhile, with signals and timeouts. After each step every worker has returned or is asleep inside its call; what
//! came of it is compared with Linux. No two workers wait for what only one of them can have, but in `accept4`.
//!
//! `run` is the interpreter, `table` what was covered.

mod run;
mod table;

use super::sides::{in_simulation, on_linux};
use super::sweep::Report;
use eagain_net::{Events, RecvFlags};
use eagain_sim::Engine;
use eagain_sim::choice::{Base, Choices, Distribution, Domain, Overrides, Stream};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use table::Table;

const PROGRAM: Domain = Domain("conform.waiting");

/// The slots of a program: a listener, two connections, a counter, a set, a pipe, an unconnected socket, and room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Slot {
    L,
    A,
    B,
    C,
    D,
    V,
    E,
    P,
    Q,
    N,
    X,
    Y,
}

use Slot::{A, B, C, D, E, L, N, P, Q, V, X, Y};

/// How many slots there are.
const SLOTS: usize = Y as usize + 1;
/// How many workers.
const WORKERS: usize = 3;

/// One step. The first group is made by a worker, and may wait.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    Recv(Slot, usize, RecvFlags),
    Read(Slot, usize),
    Accept(Slot, Slot),
    Connect(Slot),
    /// With a timeout, or for ever.
    Poll(Slot, Events, bool),
    Select(Slot, bool),
    Wait(Slot, usize, bool),
    /// Without waiting, from here on.
    Send(Slot, usize),
    Take(Slot, usize, RecvFlags),
    Count(Slot, u64),
    Dial(Slot),
    Ask(Slot),
    Close(Slot),
    Dup(Slot, Slot),
    Replace(Slot, Slot),
    Shutdown(Slot, u8),
    LowAt(Slot, u32),
    RecvTimeout(Slot, bool),
    SendTimeout(Slot, bool),
    Nonblocking(Slot, bool),
    Watch(Slot, Events),
    Forget(Slot),
    /// A signal to a worker; its handler has `SA_RESTART` or not.
    Poke(u8, bool),
    /// Until timeouts are over.
    Later,
}

struct Draw {
    choices: Choices,
    stream: Stream,
}

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        let any = Distribution::uniform(0, n as u64 - 1);
        self.choices.choose(&mut self.stream, PROGRAM, true, any, || "program".to_owned()) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

const ENDS: &[Slot] = &[A, B, B, C, D, D, X, N];
const ANY: &[Slot] = &[L, A, B, B, C, D, D, V, E, P, P, Q, N, X, Y];

fn step(draw: &mut Draw) -> Step {
    let flags = |draw: &mut Draw| {
        let all = [RecvFlags::PEEK, RecvFlags::TRUNC, RecvFlags::WAITALL, RecvFlags::DONTWAIT];
        let mut flags = RecvFlags::NONE;
        while draw.chance(3) {
            flags |= draw.pick(&all);
        }
        flags
    };
    let length = |draw: &mut Draw| draw.pick(&[0, 1, 3, 10, 10, 100, 100]);
    match draw.below(46) {
        0..=6 => Step::Recv(draw.pick(ENDS), length(draw), flags(draw)),
        7..=8 => Step::Read(draw.pick(&[V, V, P, P, B, D, Q]), draw.pick(&[8, 8, 100, 7])),
        9..=11 => Step::Accept(draw.pick(&[L, L, L, A]), draw.pick(&[X, Y])),
        12 => Step::Connect(draw.pick(&[N, N, X, A])),
        13..=15 => {
            let events =
                draw.pick(&[Events::IN, Events::IN | Events::RDHUP, Events::IN | Events::OUT, Events::NONE]);
            Step::Poll(draw.pick(ANY), events, draw.chance(2))
        }
        16 => Step::Select(draw.pick(ANY), draw.chance(2)),
        17..=19 => Step::Wait(draw.pick(&[E, E, E, E, V]), draw.pick(&[1, 4, 4, 0]), draw.chance(2)),
        20..=24 => Step::Send(draw.pick(&[A, A, C, C, B, D, X]), draw.pick(&[1, 2, 7, 10, 50])),
        25..=26 => Step::Take(draw.pick(&[B, D, A, X]), length(draw), flags(draw)),
        27 => Step::Count(draw.pick(&[V, V, Q]), draw.pick(&[0, 1, 2])),
        28..=29 => Step::Dial(draw.pick(&[X, Y])),
        30 => Step::Ask(draw.pick(ANY)),
        31..=33 => Step::Close(draw.pick(ANY)),
        34 => Step::Dup(draw.pick(ANY), draw.pick(&[X, Y])),
        35 => Step::Replace(draw.pick(ANY), draw.pick(ANY)),
        36..=37 => Step::Shutdown(draw.pick(&[A, B, C, D, L, X, N]), draw.below(3) as u8),
        38 => Step::LowAt(draw.pick(&[B, D]), draw.pick(&[1, 2, 5, 20])),
        39 => Step::RecvTimeout(draw.pick(&[B, D, L, A]), draw.chance(2)),
        40 => Step::SendTimeout(draw.pick(&[N, A]), draw.chance(2)),
        41 => Step::Nonblocking(draw.pick(ANY), draw.chance(2)),
        42..=43 => {
            let how = draw.pick(&[Events::NONE, Events::NONE, Events::ET, Events::ONESHOT]);
            let events = draw.pick(&[Events::IN, Events::IN | Events::OUT, Events::IN | Events::RDHUP]);
            Step::Watch(draw.pick(ANY), events | how)
        }
        44 if draw.chance(2) => Step::Forget(draw.pick(ANY)),
        _ => Step::Poke(draw.below(WORKERS) as u8, draw.chance(2)),
    }
}

/// The program of a seed. Few let time pass: that takes as long on Linux.
fn program(seed: u64) -> Vec<Step> {
    let choices = Choices::new(Base::Seed(seed), &Overrides::new());
    let mut draw = Draw { choices, stream: Stream::default() };
    let count = 15 + draw.below(30);
    let mut steps: Vec<Step> = (0..count).map(|_| step(&mut draw)).collect();
    if draw.chance(16) {
        steps.insert(5 + draw.below(count - 5), Step::Later);
        steps.push(Step::Later);
    }
    steps
}

/// What each step came to, and the cells of the table that it was in.
type Log = Vec<String>;

struct Sides {
    engine: Engine,
    runs: u32,
}

impl Sides {
    fn linux(&mut self, steps: &[Step]) -> Result<Log, String> {
        self.runs = self.runs.wrapping_add(1);
        let number = std::process::id().wrapping_mul(2_654_435_761).wrapping_add(self.runs);
        let address = Ipv4Addr::from(0x7f00_0000 | (number % 0x00ff_fffd + 1));
        let mut log = Log::new();
        on_linux(|kernel| log = run::run(kernel, address, steps, &mut Table::default()))?;
        Ok(log)
    }

    fn simulation(&mut self, steps: &[Step], table: &mut Table) -> Result<Log, String> {
        let shared = Arc::new(Mutex::new((Log::new(), Table::default())));
        let (inside, steps) = (shared.clone(), steps.to_vec());
        let report = in_simulation(&mut self.engine, move |kernel| {
            let mut table = Table::default();
            let log = run::run(kernel, Ipv4Addr::LOCALHOST, &steps, &mut table);
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = (log, table);
        });
        if let Some(failure) = report.failure {
            return Err(format!("{} {}: {}", failure.oracle, failure.site, failure.message));
        }
        let (log, seen) = std::mem::take(&mut *shared.lock().unwrap_or_else(PoisonError::into_inner));
        table.add(seen);
        Ok(log)
    }

    /// Where the two differ, in three more runs of Linux too; `Ok(Err)`: where Linux differs from itself.
    fn differs(&mut self, steps: &[Step], table: &mut Table) -> Result<Option<Verdict>, String> {
        let (linux, simulation) = (self.linux(steps)?, self.simulation(steps, table)?);
        if linux == simulation {
            return Ok(None);
        }
        for _ in 0..3 {
            if self.linux(steps)? != linux {
                return Ok(Some(Verdict::Unsteady));
            }
        }
        let at = linux.iter().zip(&simulation).position(|(a, b)| a != b).unwrap_or(0);
        Ok(Some(Verdict::Differs { at, linux, simulation }))
    }
}

enum Verdict {
    Unsteady,
    Differs { at: usize, linux: Log, simulation: Log },
}

/// Leaves out steps as long as the kernels still differ, and prints what is left.
fn show(sides: &mut Sides, seed: u64, mut steps: Vec<Step>, mut verdict: Verdict) {
    let mut at = steps.len();
    while at > 0 {
        at -= 1;
        let mut fewer = steps.clone();
        fewer.remove(at);
        if let Ok(Some(found @ Verdict::Differs { .. })) = sides.differs(&fewer, &mut Table::default()) {
            if let Verdict::Differs { at: end, .. } = &found {
                fewer.truncate(end + 1);
                at = at.min(fewer.len());
            }
            (steps, verdict) = (fewer, found);
        }
    }
    let Verdict::Differs { at, linux, simulation } = verdict else { return };
    println!("program {seed}:");
    for (step, outcome) in steps.iter().zip(&linux).take(at + 1) {
        println!("    {step:?} = {outcome}");
    }
    println!("    // the simulator says: {}", simulation.get(at).map_or("", String::as_str));
}

/// Runs programs `from` to `from + programs`; prints the first `shown` differences, and what was covered.
pub fn sweep(programs: u64, from: u64, shown: u64) -> Report {
    super::keep_signals_out();
    let mut sides = Sides { engine: Engine::default(), runs: 0 };
    let (mut report, mut table) = (Report::default(), Table::default());
    for seed in from..from.saturating_add(programs) {
        let steps = program(seed);
        report.programs += 1;
        report.calls += steps.len() as u64;
        match sides.differs(&steps, &mut table) {
            Ok(None) => {}
            Ok(Some(Verdict::Unsteady)) => report.unsteady += 1,
            Ok(Some(verdict)) => {
                report.differences += 1;
                if report.differences <= shown {
                    show(&mut sides, seed, steps, verdict);
                }
            }
            Err(why) => {
                report.differences += 1;
                println!("program {seed} did not get through: {why}");
            }
        }
    }
    println!("{table}");
    report
}
