//! What a sweep reports depends on what was asked, and not on threads, shards or their order.

use super::*;
use crate::runner::fake;
use crate::runner::summary::Failed;

fn plan(scenarios: &[Scenario], seeds: u64) -> Plan {
    Plan {
        scenarios: scenarios.to_vec(),
        settings: Settings::new(),
        from: 0,
        seeds: Some(seeds),
        jobs: 1,
        shard: Shard::ALL,
        time: None,
    }
}

fn explore(plan: &Plan) -> Sweep {
    plan.explore(fake::make, &Counters::default())
}

fn failures(sweep: &Sweep) -> Vec<(&str, u64, u64)> {
    sweep.failed().map(|(name, Failed { seed, hash, .. })| (name, *seed, *hash)).collect()
}

const BOTH: [Scenario; 2] = [fake::HOLDS, fake::FAILS];

#[test]
fn the_result_does_not_depend_on_the_number_of_jobs() {
    let one = explore(&plan(&BOTH, 200));
    let many = explore(&Plan { jobs: 7, ..plan(&BOTH, 200) });
    assert_eq!((one.seeds(), one.hash(), one.calls()), (400, many.hash(), many.calls()));
    assert!(!failures(&one).is_empty());
    assert_eq!(failures(&one), failures(&many));
    assert_eq!(one.faults(), many.faults());
    assert!(one.complete && many.complete);
}

#[test]
fn shards_add_up_to_the_whole() {
    for count in [1, 2, 3, 5, 8] {
        let whole = explore(&plan(&BOTH, 101));
        let (mut seeds, mut hash, mut failed) = (0, 0_u64, Vec::new());
        for index in 0..count {
            let part = Plan { shard: Shard { index, count }, ..plan(&BOTH, 101) };
            let sweep = explore(&part);
            assert_eq!(Some(sweep.seeds()), part.runs());
            seeds += sweep.seeds();
            hash = hash.wrapping_add(sweep.hash());
            failed
                .extend(failures(&sweep).iter().map(|(name, seed, hash)| ((*name).to_owned(), *seed, *hash)));
        }
        let mut expected: Vec<_> =
            failures(&whole).iter().map(|(n, s, h)| ((*n).to_owned(), *s, *h)).collect();
        failed.sort();
        expected.sort();
        assert_eq!((seeds, hash, failed), (202, whole.hash(), expected), "{count} shards");
    }
}

#[test]
fn seeds_are_numbered_from_the_first_and_wrap() {
    let sweep = explore(&Plan { from: u64::MAX, ..plan(&[fake::HOLDS], 2) });
    let (last, first) =
        (explore(&Plan { from: u64::MAX, ..plan(&[fake::HOLDS], 1) }), explore(&plan(&[fake::HOLDS], 1)));
    assert_eq!(sweep.hash(), last.hash().wrapping_add(first.hash()));
}

#[test]
fn the_configuration_is_part_of_the_hash() {
    let set = Settings::from([("model".to_owned(), "poll".to_owned())]);
    let sweep = explore(&Plan { settings: set, ..plan(&[fake::HOLDS], 5) });
    assert_ne!(sweep.hash(), explore(&plan(&[fake::HOLDS], 5)).hash());
}

#[test]
fn a_refusal_is_no_failure_and_ends_the_scenario() {
    let set = Settings::from([("model".to_owned(), "io_uring".to_owned())]);
    let sweep = explore(&Plan { settings: set, jobs: 3, ..plan(&BOTH, 1_000_000_000) });
    assert_eq!((sweep.seeds(), sweep.failures()), (0, 0));
    assert_eq!(sweep.refused().len(), 2);
}

#[test]
fn a_panic_of_the_harness_is_listed_and_the_sweep_goes_on() {
    let sweep = explore(&plan(&[fake::BREAKS, fake::HOLDS], 4));
    let broken: Vec<_> = sweep.broken.iter().map(|b| (b.scenario, b.seed, b.text.as_str())).collect();
    assert_eq!(broken, [("harness-bug", 1, "planted"), ("harness-bug", 3, "planted")]);
    assert_eq!(sweep.seeds(), 6);
}

#[test]
fn a_sweep_that_is_stopped_is_not_complete() {
    let counters = Counters::default();
    counters.stop.store(true, Ordering::Relaxed);
    let sweep = plan(&BOTH, 10).explore(fake::make, &counters);
    assert_eq!((sweep.seeds(), sweep.complete), (0, false));

    let none = Some(Duration::ZERO);
    assert!(!explore(&Plan { time: none, ..plan(&BOTH, 10) }).complete, "seeds were asked for");
    assert!(explore(&Plan { time: none, seeds: None, ..plan(&BOTH, 0) }).complete, "only time was");
}

#[test]
fn what_fails_in_the_same_way_is_one_failure_with_its_cheapest_seed() {
    let sweep = explore(&plan(&BOTH, 300));
    let distinct = sweep.distinct();
    let [(name, first, count)] = distinct[..] else { panic!("{distinct:?}") };
    assert_eq!((name, count as u64), ("lost-reply", sweep.failures()));
    assert_eq!(first.calls, sweep.failed().map(|(_, failed)| failed.calls).min().unwrap());
}
