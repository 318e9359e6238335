//! The comparison's worlds on our simulated kernel, and on our layer over turmoil. `speed MILLISECONDS` measures, as the
//! peers' programs do; the rest is the `eagain` command, with `bugs` over what is planted here: programs with calls on our
//! kernel (those that `cargo eagain bugs` has not already), and the peers' very programs on turmoil with our layer.

mod calls;
mod layered;
#[path = "../../../sim/benches/throughput/worlds.rs"]
mod worlds;

use eagain_sim::Engine;
use eagain_sim::cli::{Extra, Registry, main_with};
use eagain_sim::run::Settings;
use eagain_sim::runner::engine;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use worlds::{BULK, COPY, ECHO, echoed, one};

const TRIPS: u64 = 20_000;

/// Prints how often a second `run` did its `units`.
fn rate(what: &str, time: Duration, units: f64, mut run: impl FnMut(u64)) {
    let run = |world| {
        run(world);
        Ok(())
    };
    let rate = comparison_work::speed::rate(time, units, run).unwrap_or(0.0);
    println!("speed\teagain\tfaults, keyed choices, trace hash\t{what}\t{rate:.0}");
}

fn speed(arguments: &[OsString]) -> u8 {
    let time = arguments.first().and_then(|time| time.to_str()).and_then(|time| time.parse().ok());
    let Some(time) = time.map(Duration::from_millis) else {
        eprintln!("speed MILLISECONDS");
        return 2;
    };
    let mut engine = Engine::new();
    for (what, clients) in [("echo-1", 1), ("echo-10", 10), ("echo-100", 100)] {
        let run = |seed| drop(echoed(seed, clients, TRIPS / clients, &mut engine));
        rate(what, time, TRIPS as f64, run);
    }
    rate("worlds", time, 1.0, |seed| drop(one(ECHO, seed, Settings::new(), &mut engine)));
    rate("bulk", time, BULK as f64, |seed| drop(one(COPY, seed, Settings::new(), &mut engine)));
    0
}

fn main() -> ExitCode {
    let bugs = [calls::PLANTED, layered::PLANTED].concat();
    main_with(&Registry {
        scenarios: &[],
        bugs: &bugs,
        extras: &[Extra { name: "speed", about: "Measure", run: speed }],
        regressions: "regressions",
        executor: engine::make,
    })
}
