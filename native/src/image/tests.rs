//! Statics of processes that take turns: each finds what it wrote itself, wherever and whenever that was.

use crate::{Main, Program, register, start, worker};
use eagain_sim::Sim;
use eagain_sim::choice::Base;
use eagain_sim::run::{RunSpec, Scenario};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const WORDS: usize = 2_000;
const PROCESSES: usize = 3;
static NUMBERS: [AtomicUsize; WORDS] = [const { AtomicUsize::new(7) }; WORDS];
static ZEROS: [AtomicUsize; WORDS] = [const { AtomicUsize::new(0) }; WORDS];

/// Writes here and there, and lets the others go on each time. Its first writes are near the beginning, and those of each process
/// elsewhere.
fn writes_and_looks(process: usize) {
    let (mut numbers, mut zeros) = ([7; WORDS], [0; WORDS]);
    for round in 0..40 {
        let place = (round * round * 3 + process * 17) % WORDS;
        for (all, expected) in [(&NUMBERS, &mut numbers), (&ZEROS, &mut zeros)] {
            all[place].store(1_000 * round + process, Relaxed);
            expected[place] = 1_000 * round + process;
            std::thread::yield_now();
            let found = all.each_ref().map(|word| word.load(Relaxed));
            assert!(found == *expected, "process {process}, round {round}");
        }
    }
}

fn three(sim: &mut Sim) {
    for process in 0..PROCESSES {
        let name = format!("machine-{process}");
        let main = move || {
            writes_and_looks(process);
            true
        };
        let (arguments, environment) = (vec![name.clone()], Vec::new());
        register(&name, Program { arguments, environment, main: Main::Function(Box::new(main)) });
        let host = sim.host(&name);
        sim.client(host, &name, start);
    }
}

#[test]
fn each_process_has_statics_of_its_own() {
    let scenario = Scenario { name: "statics", about: "turns", knobs: &[], seeds: 1, body: three };
    let mut used = worker::make();
    for seed in 0..5 {
        let spec = RunSpec::new(scenario, Default::default(), Base::Seed(seed));
        let [one, other] = [&mut used, &mut worker::make()].map(|worker| worker.run(&spec));
        assert_eq!(one.failure, None, "{}", one.output);
        assert_eq!(one.hash, other.hash);
    }
}
