//! Worlds on several OS threads at once, as a sweep with more than one job has them, share the allocator of the process.

use eagain_net::{Clock, Threads};
use eagain_sim::run::{RunReport, RunSpec, Scenario};
use eagain_sim::{Engine, Sim, SimKernel, run_spec};
use std::time::Duration;

/// Allocates and frees small pieces, between calls.
fn churn(k: SimKernel) {
    let mut kept = Vec::new();
    for round in 0..200_usize {
        kept.extend((0..20).map(|size| vec![0_u8; 16 + (round * 7 + size * 13) % 100]));
        kept.retain(|piece| piece.len() % 3 != round % 3);
        k.sched_yield();
    }
    k.nanosleep(Duration::from_micros(1)).unwrap();
}

fn world(sim: &mut Sim) {
    let host = sim.host("host");
    for client in 0..24 {
        sim.client(host, &format!("client-{client}"), churn);
    }
}

#[test]
fn worlds_on_several_threads_are_the_worlds_that_one_thread_has() {
    let scenario = Scenario { name: "churn", about: "", knobs: &[], seeds: 1, body: world };
    let run = move |seed| -> RunReport {
        run_spec(&RunSpec::seeded(scenario, Default::default(), seed), &mut Engine::new())
    };
    let alone: Vec<u64> = (0..6).map(|seed| run(seed).hash).collect();
    let expected = &alone;
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(move || {
                for (seed, hash) in expected.iter().enumerate() {
                    assert_eq!(run(seed as u64).hash, *hash);
                }
            });
        }
    });
}
