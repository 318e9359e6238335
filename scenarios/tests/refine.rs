//! Programs under adversity, judged: everything that they show is Linux with later arrivals, and what was refused or cut
//! is followed by its edge. Linux itself is judged by the same rules.
#![cfg(target_os = "linux")]

use eagain_scenarios::conform::refine::{PATIENCE_ON_LINUX, judge};
use eagain_scenarios::conform::sides::{in_adversity, on_linux, on_simulation};
use eagain_sim::Engine;

#[path = "refine/liar.rs"]
mod liar;

/// A judge that believes everything would be worth nothing: each of these kernels lies about one thing, and is found out.
#[test]
fn a_kernel_that_lies_is_found_out() {
    for (lie, verdicts) in liar::LIES {
        let caught = (0..60).find_map(|seed| {
            let (lie, told) = (*lie, Box::leak(Box::default()));
            let result = on_simulation(move |k| judge(liar::Liar { k, lie, told }, seed, None));
            result.err()
        });
        let why = caught.unwrap_or_else(|| panic!("{lie:?} is believed"));
        assert!(verdicts.iter().any(|verdict| why.contains(verdict)), "{lie:?}: {why}");
    }
}

#[test]
fn linux_satisfies_the_judge() {
    for seed in 0..60 {
        let result = on_linux(move |k| judge(k, seed, Some(PATIENCE_ON_LINUX)));
        assert_eq!(result, Ok(()), "seed {seed}");
    }
}

#[test]
fn the_quiet_simulation_satisfies_the_judge() {
    for seed in 0..60 {
        let result = on_simulation(move |k| judge(k, seed, None));
        assert_eq!(result, Ok(()), "seed {seed}");
    }
}

#[test]
fn the_adversarial_simulation_satisfies_the_judge() {
    let mut engine = Engine::new();
    let mut fired = 0;
    for seed in 0..120 {
        let report = in_adversity(&mut engine, seed, move |k| judge(k, seed, None));
        assert_eq!(report.failure, None, "seed {seed}");
        fired += report.faults.values().sum::<u64>();
    }
    assert!(fired > 500, "only {fired} faults in all");
}
