//! Programs under adversity, checked: everything that they show is Linux with later arrivals, and what was refused or cut
//! is followed by its edge. Linux itself is checked by the same rules.
#![cfg(target_os = "linux")]

use eagain_scenarios::conform::refine::{TIMEOUT_ON_LINUX, check};
use eagain_scenarios::conform::sides::{in_adversity, on_linux, on_simulation};
use eagain_sim::Engine;

#[path = "refine/faulty_kernel.rs"]
mod faulty_kernel;

/// Each of these kernels misreports one thing, and the checker has to find it.
#[test]
fn each_fault_of_a_kernel_is_found() {
    for (fault, verdicts) in faulty_kernel::FAULTS {
        let caught = (0..60).find_map(|seed| {
            let (fault, calls) = (*fault, Box::leak(Box::default()));
            let result =
                on_simulation(move |k| check(faulty_kernel::FaultyKernel { k, fault, calls }, seed, None));
            result.err()
        });
        let why = caught.unwrap_or_else(|| panic!("{fault:?} is not found"));
        assert!(verdicts.iter().any(|verdict| why.contains(verdict)), "{fault:?}: {why}");
    }
}

#[test]
fn linux_satisfies_the_checker() {
    for seed in 0..60 {
        let result = on_linux(move |k| check(k, seed, Some(TIMEOUT_ON_LINUX)));
        assert_eq!(result, Ok(()), "seed {seed}");
    }
}

#[test]
fn the_quiet_simulation_satisfies_the_checker() {
    for seed in 0..60 {
        let result = on_simulation(move |k| check(k, seed, None));
        assert_eq!(result, Ok(()), "seed {seed}");
    }
}

#[test]
fn the_adversarial_simulation_satisfies_the_checker() {
    let mut engine = Engine::new();
    let mut fired = 0;
    for seed in 0..120 {
        let report = in_adversity(&mut engine, seed, move |k| check(k, seed, None));
        assert_eq!(report.failure, None, "seed {seed}");
        fired += report.faults.values().sum::<u64>();
    }
    assert!(fired > 500, "only {fired} faults in all");
}
