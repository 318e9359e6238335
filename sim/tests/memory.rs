//! O4: a process that grows without bound is found, one that does not is left alone, and nobody pays for another.

use eagain_net::{Clock, Descriptors, Readiness, SocketFlags};
use eagain_sim::run::{RunReport, RunSpec, Scenario};
use eagain_sim::{Engine, Sim, SimKernel, run_spec};
use std::time::Duration;

eagain_sim::count_memory!();

const LIMIT: u64 = 1 << 20;

fn run(body: fn(&mut Sim)) -> RunReport {
    let scenario = Scenario { name: "memory", about: "", knobs: &[], seeds: 1, body };
    let spec = RunSpec::seeded(scenario, Default::default(), 1);
    run_spec(&spec, &mut Engine::new())
}

fn allocate(k: SimKernel, blocks: usize, keep: bool) {
    let bell = k.eventfd(0, SocketFlags::NONE).unwrap();
    let mut kept = Vec::new();
    for _ in 0..blocks {
        let block = vec![0_u8; 64 << 10];
        if keep {
            kept.push(block);
        }
        k.nanosleep(Duration::from_millis(1)).unwrap();
        k.write(bell, &1_u64.to_ne_bytes()).unwrap();
    }
}

#[test]
fn a_process_that_keeps_everything_is_found() {
    let report = run(|sim| {
        let host = sim.host("server");
        let hoarder = sim.client(host, "hoarder", |k| allocate(k, 100, true));
        sim.memory_limit(hoarder, LIMIT);
    });
    let failure = report.failure.expect("more than the limit was kept");
    assert_eq!((failure.oracle.code(), failure.site.as_str()), ("O4", "memory"));
    assert_eq!(failure.message, "hoarder holds more than 1048576 bytes");
}

#[test]
fn a_process_that_lets_go_is_not_blamed_nor_is_the_neighbour_of_a_hoarder() {
    let report = run(|sim| {
        let host = sim.host("server");
        let frugal = sim.client(host, "frugal", |k| allocate(k, 100, false));
        sim.memory_limit(frugal, LIMIT);
        sim.client(host, "hoarder", |k| allocate(k, 100, true));
    });
    assert_eq!(report.failure, None);
}
