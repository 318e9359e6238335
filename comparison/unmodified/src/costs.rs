//! What a call costs through the symbols and on the traits, what a switch between processes costs more than one between threads,
//! and whether a worker's memory grows. Figures of the page, and of `docs/SPEED.md`.

use crate::speed::small;
use eagain::net::{Clock, ClockId, Domain, RecvFlags, SocketFlags, Sockets, Threads};
use eagain::sim::run::{RunReport, RunSpec, Scenario, Settings};
use eagain::sim::{Engine, Sim, SimKernel, run_spec};
use eagain::{World, net};
use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::net::UdpSocket;
use std::time::Instant;

const CALLS: u64 = 200_000;
const ROUNDS: usize = 20;
const WORLDS: u64 = 100_000;

fn patient(sim: &mut Sim) {
    sim.faults(&[]);
    sim.knobs().spin_limit = u32::MAX;
}

/// A program, and the same on the traits.
macro_rules! same {
    ($($name:ident, $of:literal: $symbols:expr, $traits:expr;)*) => {
        $(
            mod $name {
                use super::*;

                fn symbols(world: &mut World<'_>) {
                    patient(world.sim());
                    world.host("host").client($symbols);
                }

                fn traits(sim: &mut Sim) {
                    patient(sim);
                    let host = sim.host("host");
                    sim.client(host, "host", $traits);
                }

                pub const SYMBOLS: Scenario = scenario($of, |sim| World::build(sim, symbols));
                pub const TRAITS: Scenario = scenario($of, traits);
            }
        )*
        const SAME: &[(Scenario, Scenario)] = &[$(($name::SYMBOLS, $name::TRAITS)),*];
    };
}

const fn scenario(name: &'static str, body: fn(&mut Sim)) -> Scenario {
    Scenario { name, about: "", knobs: &[], seeds: 1, body }
}

same! {
    recv, "recv that finds nothing":
        || {
            let socket = UdpSocket::bind("0.0.0.0:7").unwrap();
            socket.set_nonblocking(true).unwrap();
            for _ in 0..CALLS {
                assert_eq!(socket.recv(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
            }
        },
        |k: SimKernel| {
            let socket = k.socket(Domain::Inet, SocketFlags::DGRAM | SocketFlags::NONBLOCK).unwrap();
            k.bind(socket, "0.0.0.0:7".parse().unwrap()).unwrap();
            for _ in 0..CALLS {
                assert_eq!(k.recv(socket, &mut [0; 64], RecvFlags::NONE), Err(net::Errno::EAGAIN));
            }
        };
    clock, "clock_gettime":
        || {
            for _ in 0..CALLS {
                std::hint::black_box(Instant::now());
            }
        },
        |k: SimKernel| {
            for _ in 0..CALLS {
                std::hint::black_box(k.clock_gettime(ClockId::Monotonic));
            }
        };
    pipe, "send and recv of 64 bytes":
        || {
            let (one, mut two) = std::os::unix::net::UnixStream::pair().unwrap();
            for _ in 0..CALLS / 2 {
                std::io::Write::write_all(&mut &one, &[7; 64]).unwrap();
                two.read_exact(&mut [0; 64]).unwrap();
            }
        },
        |k: SimKernel| {
            let (one, two) = net::UnixSockets::socketpair(&k, SocketFlags::NONE).unwrap();
            for _ in 0..CALLS / 2 {
                k.send(one, &[7; 64], net::SendFlags::NOSIGNAL).unwrap();
                k.recv(two, &mut [0; 64], RecvFlags::NONE).unwrap();
            }
        };
}

/// Two who take turns at each call.
fn turns() {
    (0..CALLS / 2).for_each(|_| std::thread::yield_now());
}

const THREADS: Scenario = scenario("turns of two threads", |sim| {
    World::build(sim, |world| {
        patient(world.sim());
        world.host("host").client(|| {
            std::thread::spawn(turns);
            turns();
        });
    });
});

const PROCESSES: Scenario = scenario("turns of two processes", |sim| {
    World::build(sim, |world| {
        patient(world.sim());
        world.host("one").client(turns);
        world.host("two").client(turns);
    });
});

const TRAITS: Scenario = scenario("turns of two threads on the traits", |sim| {
    patient(sim);
    let host = sim.host("host");
    for name in ["one", "two"] {
        sim.client(host, name, |k| (0..CALLS / 2).for_each(|_| k.sched_yield()));
    }
});

/// Nanoseconds a call of `scenario`, in one run.
fn once(scenario: Scenario, run: &mut dyn FnMut(&RunSpec) -> RunReport) -> f64 {
    let spec = RunSpec::seeded(scenario, Settings::new(), 1);
    let begun = Instant::now();
    let report = run(&spec);
    let took = begun.elapsed();
    assert_eq!(report.failure, None, "{}", report.output);
    took.as_nanos() as f64 / CALLS as f64
}

/// `costs`.
pub fn main(_: &[OsString]) -> u8 {
    let mut executor = eagain::executor();
    let mut engine = Engine::new();
    // The fastest runs of each, by turns, so that what else the machine does concerns all of them.
    let mut fastest = |of: &[(Scenario, bool)]| {
        let mut times = vec![f64::INFINITY; of.len()];
        for _ in 0..=ROUNDS {
            for (&(scenario, through_symbols), time) in of.iter().zip(&mut times) {
                *time = time.min(match through_symbols {
                    true => once(scenario, &mut |spec| executor.run(spec)),
                    false => once(scenario, &mut |spec| run_spec(spec, &mut engine)),
                });
            }
        }
        times
    };
    for &(symbols, traits) in SAME {
        let times = fastest(&[(symbols, true), (traits, false)]);
        let (on_symbols, on_traits) = (times[0], times[1]);
        let ratio = on_symbols / on_traits;
        println!("{}: {on_symbols:.0} ns through the symbols, {on_traits:.0} ns on the traits, {ratio:.2}", symbols.name);
    }
    let times = fastest(&[(TRAITS, false), (THREADS, true), (PROCESSES, true)]);
    let (traits, threads, processes) = (times[0], times[1], times[2]);
    println!("a turn of two threads: {threads:.0} ns, on the traits {traits:.0} ns; of two processes: {processes:.0} ns, {:.0} more", processes - threads);
    let mut small = small();
    for seed in 0..=WORLDS {
        small(&mut *executor, seed);
        if [1_000, 5_000, 9_999, WORLDS / 2, WORLDS - 1].contains(&seed) {
            println!("after {seed} small worlds: the worker has {} KiB, this process {} KiB", resident(&worker()), resident("self"));
        }
    }
    0
}

/// The process that runs the worlds.
fn worker() -> String {
    let children = std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id()));
    children.unwrap_or_default().split_whitespace().last().unwrap_or("self").to_owned()
}

fn resident(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
