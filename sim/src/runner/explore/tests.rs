//! What a sweep reports depends on what was asked, and not on threads, shards or their order.

use super::*;
use crate::Oracle;
use crate::runner::fake;
use crate::runner::summary::{FAILURES_KEPT, Failed};
use std::collections::BTreeMap;

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
    plan.explore(fake::make, &Arc::default())
}

fn failures(sweep: &Sweep) -> Vec<(&str, u64, u64)> {
    sweep.failed().into_iter().map(|(name, Failed { seed, hash, .. })| (name, *seed, *hash)).collect()
}

const BOTH: [Scenario; 2] = [fake::HOLDS, fake::FAILS];

#[test]
fn the_result_does_not_depend_on_the_number_of_jobs() {
    let one = explore(&plan(&BOTH, 200));
    let many = explore(&Plan { jobs: 7, ..plan(&BOTH, 200) });
    assert_eq!((one.sums.seeds, &one.sums), (400, &many.sums));
    assert!(!failures(&one).is_empty());
    assert_eq!(failures(&one), failures(&many));
    assert!(one.stopped.is_none() && many.stopped.is_none());
}

#[test]
fn shards_add_up_to_the_whole() {
    for count in [1, 2, 3, 5, 8] {
        let whole = explore(&plan(&BOTH, 101));
        let (mut seeds, mut hash, mut failed) = (0, 0_u64, Vec::new());
        for index in 0..count {
            let part = Plan { shard: Shard { index, count }, ..plan(&BOTH, 101) };
            let sweep = explore(&part);
            assert_eq!(Some(sweep.sums.seeds), part.runs());
            seeds += sweep.sums.seeds;
            hash = hash.wrapping_add(sweep.sums.hash);
            failed
                .extend(failures(&sweep).iter().map(|(name, seed, hash)| ((*name).to_owned(), *seed, *hash)));
        }
        let mut expected: Vec<_> =
            failures(&whole).iter().map(|(n, s, h)| ((*n).to_owned(), *s, *h)).collect();
        failed.sort();
        expected.sort();
        assert_eq!((seeds, hash, failed), (202, whole.sums.hash, expected), "{count} shards");
    }
}

#[test]
fn seeds_are_numbered_from_the_first_and_wrap() {
    let sweep = explore(&Plan { from: u64::MAX, ..plan(&[fake::HOLDS], 2) });
    let (last, first) =
        (explore(&Plan { from: u64::MAX, ..plan(&[fake::HOLDS], 1) }), explore(&plan(&[fake::HOLDS], 1)));
    assert_eq!(sweep.sums.hash, last.sums.hash.wrapping_add(first.sums.hash));
}

#[test]
fn the_configuration_is_part_of_the_hash() {
    let set = Settings::from([("model".to_owned(), "poll".to_owned())]);
    let sweep = explore(&Plan { settings: set, ..plan(&[fake::HOLDS], 5) });
    assert_ne!(sweep.sums.hash, explore(&plan(&[fake::HOLDS], 5)).sums.hash);
}

#[test]
fn a_refusal_is_no_failure_and_ends_the_scenario() {
    let set = Settings::from([("model".to_owned(), "io_uring".to_owned())]);
    let sweep = explore(&Plan { settings: set, jobs: 3, ..plan(&BOTH, 1_000_000_000) });
    assert_eq!((sweep.sums.seeds, sweep.sums.failures), (0, 0));
    assert_eq!(sweep.refused.len(), 2);
}

#[test]
fn a_panic_of_the_harness_is_listed_and_the_sweep_goes_on() {
    let sweep = explore(&plan(&[fake::BREAKS, fake::HOLDS], 4));
    let broken: Vec<_> = sweep.broken.iter().map(|b| (b.scenario, b.seed, b.text.as_str())).collect();
    assert_eq!(broken, [("harness-bug", 1, "planted"), ("harness-bug", 3, "planted")]);
    assert_eq!((sweep.sums.seeds, sweep.sums.harness_failures), (6, 2));
}

#[test]
fn a_sweep_that_is_stopped_is_not_complete() {
    let counters = Arc::new(Counters::default());
    counters.stop.store(true, Ordering::Relaxed);
    let sweep = plan(&BOTH, 10).explore(fake::make, &counters);
    assert_eq!((sweep.sums.seeds, sweep.stopped.as_deref()), (0, Some("interrupted")));

    let none = Some(Duration::ZERO);
    let stopped = explore(&Plan { time: none, ..plan(&BOTH, 10) }).stopped;
    assert_eq!(stopped.as_deref(), Some("--time 0ms"), "seeds were asked for");
    assert_eq!(explore(&Plan { time: none, seeds: None, ..plan(&BOTH, 0) }).stopped, None, "only time was");
}

#[test]
fn what_fails_in_the_same_way_is_one_kind_with_its_shortest_run() {
    let sweep = explore(&plan(&BOTH, 300));
    let [kind] = &sweep.kinds[..] else { panic!("{:?}", sweep.kinds) };
    assert_eq!((kind.scenario, kind.count), ("lost-reply", sweep.sums.failures));
    assert_eq!(kind.shortest.calls, sweep.failed().iter().map(|(_, failed)| failed.calls).min().unwrap());
}

#[test]
fn a_rare_failure_is_counted_and_kept_beside_a_frequent_one() {
    let jobs = |jobs| explore(&Plan { jobs, ..plan(&[fake::FAILS_TWICE], 2_000) });
    let sweep = jobs(1);
    let [frequent, rare] = &sweep.kinds[..] else { panic!("{:?}", sweep.kinds) };
    assert_eq!((frequent.shortest.failure.oracle, frequent.count), (Oracle::ByteIntegrity, 1_999));
    assert_eq!((rare.shortest.failure.oracle, rare.count, rare.first_seed()), (Oracle::Liveness, 1, 1_500));
    assert_eq!((sweep.sums.failures, frequent.kept.len()), (2_000, FAILURES_KEPT));
    assert_eq!(failures(&sweep), failures(&jobs(3)));
}

/// An executor to which each run is announced before it is asked for it, three at a time.
struct Announced {
    inner: Box<dyn Execute>,
    announced: VecDeque<(&'static str, Base)>,
}

impl Execute for Announced {
    fn run(&mut self, spec: &RunSpec) -> RunReport {
        assert_eq!(self.announced.pop_front(), Some((spec.scenario.name, spec.base)));
        self.inner.run(spec)
    }

    fn ahead(&self) -> usize {
        3
    }

    fn announce(&mut self, spec: &RunSpec) {
        self.announced.push_back((spec.scenario.name, spec.base));
        assert!(self.announced.len() <= 3);
    }

    fn took(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }

    fn heartbeat(&self) -> Arc<AtomicU64> {
        self.inner.heartbeat()
    }
}

#[test]
fn runs_are_announced_in_the_order_in_which_they_are_asked_for() {
    let plan = Plan { jobs: 2, ..plan(&BOTH, 100) };
    let make =
        || -> Box<dyn Execute> { Box::new(Announced { inner: fake::make(), announced: VecDeque::new() }) };
    let sweep = plan.explore(make, &Arc::default());
    assert_eq!(sweep.sums, explore(&plan).sums);
    assert_eq!(sweep.times, BTreeMap::from(BOTH.map(|scenario| (scenario.name, Duration::from_secs(100)))));
}
