//! Every scenario that runs on tokio holds over turmoil, and is the same run twice, also after other runs on the same thread;
//! and it holds over real sockets.

use eagain_scenarios::SCENARIOS;
use eagain_scenarios::cluster::on_turmoil;
use eagain_scenarios::run::sockets;
use eagain_scenarios::script::Script;
use eagain_scenarios::server;
use eagain_sim::Sim;
use eagain_sim::run::{RunReport, RunSpec, Scenario, Settings};
use eagain_sim::runner::{Execute, engine, settings};

/// Seeds of each; a sweep (`cargo eagain explore --set model=tokio`) runs more.
const SEEDS: u64 = 12;

fn run(executor: &mut dyn Execute, scenario: Scenario, settings: &Settings, seed: u64) -> RunReport {
    executor.run(&RunSpec::seeded(scenario, settings.clone(), seed))
}

#[test]
fn scenarios_hold_on_tokio_and_repeat() {
    let mut set = Settings::from([("model".to_owned(), "tokio".to_owned())]);
    let scenarios = settings::select(SCENARIOS, &mut set).unwrap().chosen;
    let mut executor = engine::make();
    let mut ran = 0;
    for scenario in scenarios {
        let mut hashes = Vec::new();
        for seed in 0..SEEDS {
            let report = run(&mut *executor, scenario, &set, seed);
            assert_eq!(report.failure, None, "{} seed {seed}", scenario.name);
            hashes.extend(report.refused.is_none().then_some(report.hash));
        }
        ran += usize::from(!hashes.is_empty());
        for (seed, hash) in hashes.iter().enumerate().rev() {
            let again = run(&mut *executor, scenario, &set, seed as u64);
            assert_eq!(again.hash, *hash, "{} seed {seed}", scenario.name);
        }
    }
    assert!(ran >= 11, "only {ran} scenarios");
}

/// A test for each scenario on `tokio::net`.
macro_rules! on_sockets {
    ($($test:ident: $name:ident, $seeds:literal;)+) => {
        $(
            #[test]
            fn $test() {
                const SCRIPT: Script = server::$name::SCRIPT;
                let body = |sim: &mut Sim| sockets::run(sim, &SCRIPT);
                let scenario = Scenario { name: SCRIPT.name, about: "", knobs: &[], seeds: 1, body };
                for seed in 0..$seeds {
                    let report = run(&mut *engine::make(), scenario, &Settings::new(), seed);
                    assert_eq!((report.failure, report.refused), (None, None), "seed {seed}");
                    assert!(report.calls > 0);
                }
            }
        )+
    };
}

on_sockets! {
    steady_load_on_sockets: steady_load, 3;
    pipelining_on_sockets: pipelining, 3;
    slow_reader_on_sockets: slow_reader, 3;
    half_closer_on_sockets: half_closer, 3;
    one_byte_writer_on_sockets: one_byte_writer, 3;
    connect_storm_on_sockets: connect_storm, 3;
    reset_in_mid_request_on_sockets: reset_in_mid_request, 3;
    // Five seconds of silence each.
    idle_timeout_on_sockets: idle_timeout, 1;
    graceful_stop_on_sockets: graceful_stop, 3;
    flooder_on_sockets: flooder, 3;
}

#[test]
fn the_cluster_on_sockets() {
    let scenario =
        Scenario { name: "cluster", about: "", knobs: &[], seeds: 1, body: on_turmoil::run_on_sockets };
    for seed in 0..3 {
        let report = run(&mut *engine::make(), scenario, &Settings::new(), seed);
        assert_eq!((report.failure, report.refused), (None, None), "seed {seed}");
        assert!(report.calls > 0);
    }
}
