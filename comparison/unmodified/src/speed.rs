//! What is timed.

use crate::{Tokio, block_on};
use comparison_work::speed::{BULK, ask, give, serve, take};
use eagain::World;
use eagain::sim::choice::Base;
use eagain::sim::fault::Family;
use eagain::sim::run::{Knob, KnobValues, RunSpec, Scenario, Settings};
use eagain::sim::runner::Execute;
use std::ffi::OsString;
use std::time::Duration;

const TRIPS: u64 = 20_000;

const KNOBS: &[Knob] = &[
    Knob { name: "clients", about: "", values: KnobValues::Number { low: 1, high: 1000, default: 2 } },
    Knob { name: "rounds", about: "", values: KnobValues::Number { low: 1, high: 1 << 40, default: 10 } },
    Knob { name: "processes", about: "of the clients", values: KnobValues::Words(&["each", "one"]) },
    Knob { name: "faults", about: "", values: KnobValues::Words(&["some", "none"]) },
    Knob { name: "quantum", about: "of virtual time, in ns", values: KnobValues::Number { low: 0, high: 50_000, default: 0 } },
];

/// Those of the worlds of eagain's own calls.
const FAULTS: &[Family] =
    &[Family::OffCpu, Family::WireDelay, Family::WireSplit, Family::WireStall, Family::Interrupt];

/// A server that echoes, and clients that ask 64 bytes at a time.
#[eagain::scenario(knobs = KNOBS)]
pub fn echo(world: &mut World<'_>) {
    let (clients, rounds) = (world.number("clients"), world.number("rounds"));
    let faults = if world.word("faults") == "some" { FAULTS } else { &[] };
    world.sim().faults(faults);
    world.sim().knobs().quantum_ns = world.number("quantum");
    world.host("server").server(|| block_on(serve(Tokio)));
    if world.word("processes") == "each" {
        for which in 0..clients {
            world.host(format!("client-{which}")).client(move || block_on(ask(Tokio, rounds)));
        }
        return;
    }
    world.host("clients").client(move || {
        block_on(async {
            let all: Vec<_> = (0..clients).map(|_| tokio::spawn(ask(Tokio, rounds))).collect();
            for one in all {
                one.await.map_err(|error| error.to_string())??;
            }
            Ok::<(), String>(())
        })
    });
}

/// Bytes from one to the other, without faults.
#[eagain::scenario(knobs = KNOBS)]
pub fn bulk(world: &mut World<'_>) {
    world.sim().faults(&[]);
    world.host("server").server(|| block_on(take(Tokio)));
    world.host("client").client(|| block_on(give(Tokio)));
}

/// Prints how often a second `run` did its `units`.
fn rate(setting: &str, what: &str, time: Duration, units: f64, mut run: impl FnMut(u64)) {
    let run = |world| {
        run(world);
        Ok(())
    };
    let rate = comparison_work::speed::rate(time, units, run).unwrap_or(0.0);
    println!("speed\teagain, unmodified tokio\t{setting}\t{what}\t{rate:.0}");
}

/// Worlds of one scenario, seed after seed. As in a sweep, the executor knows some of them ahead.
struct Worlds {
    spec: RunSpec,
    /// The first seed that was not announced.
    next: u64,
}

impl Worlds {
    fn new(scenario: Scenario, settings: Settings) -> Worlds {
        Worlds { spec: RunSpec::seeded(scenario, settings, 0), next: 0 }
    }

    /// The world of this seed, which has to hold.
    fn run(&mut self, executor: &mut dyn Execute, seed: u64) {
        if seed == self.next {
            self.next += executor.ahead() as u64;
            for ahead in seed..self.next {
                self.spec.base = Base::Seed(ahead);
                executor.announce(&self.spec);
            }
        }
        self.spec.base = Base::Seed(seed);
        let report = executor.run(&self.spec);
        assert_eq!(report.failure, None, "seed {seed}: {}", report.output);
    }
}

/// Small worlds without faults.
pub fn small() -> impl FnMut(&mut dyn Execute, u64) {
    let mut worlds = Worlds::new(echo::SCENARIO, [("faults".to_owned(), "none".to_owned())].into());
    move |executor, seed| worlds.run(executor, seed)
}

/// `speed MILLISECONDS`.
pub fn main(arguments: &[OsString]) -> u8 {
    let time = arguments.first().and_then(|time| time.to_str()).and_then(|time| time.parse().ok());
    let Some(time) = time.map(Duration::from_millis) else {
        eprintln!("speed MILLISECONDS");
        return 2;
    };
    let mut executor = eagain::executor();
    let executor = &mut *executor;
    for (setting, faults, processes, quantum) in [
        ("faults, keyed choices, trace hash, a process each", "some", "each", "0"),
        ("a process each", "none", "each", "0"),
        ("clients in one process", "none", "one", "0"),
        ("clients in one process, a quantum of 20 us", "none", "one", "20000"),
    ] {
        let settings = |clients: u64, rounds: u64| -> Settings {
            let (clients, rounds) = (clients.to_string(), rounds.to_string());
            let all = [
                ("clients", &*clients),
                ("rounds", &rounds),
                ("faults", faults),
                ("processes", processes),
                ("quantum", quantum),
            ];
            all.map(|(knob, value)| (knob.to_owned(), value.to_owned())).into()
        };
        for (what, clients) in [("echo-1", 1), ("echo-10", 10), ("echo-100", 100)] {
            let mut worlds = Worlds::new(echo::SCENARIO, settings(clients, TRIPS / clients));
            rate(setting, what, time, TRIPS as f64, |seed| worlds.run(executor, seed));
        }
        let mut worlds = Worlds::new(echo::SCENARIO, settings(2, 10));
        rate(setting, "worlds", time, 1.0, |seed| worlds.run(executor, seed));
        let mut worlds = Worlds::new(bulk::SCENARIO, Settings::new());
        rate(setting, "bulk", time, BULK as f64, |seed| worlds.run(executor, seed));
    }
    0
}
