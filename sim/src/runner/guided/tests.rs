//! Each operator does what its name says, to real runs; a search is a function of its first seed; and it finds what a sweep of
//! as many runs does not.

use super::explore::Guided;
use super::mutate::{Operator, Parent, focus, mutate};
use super::random::Random;
use super::recipe::Recipe;
use super::search::Search;
use crate::choice::{Base, Key, Overrides, actor_of};
use crate::run::{Record, RunReport, RunSpec, Scenario, Settings};
use crate::runner::engine;
use crate::runner::explore::Plan;
use crate::runner::shard::Shard;
use crate::{Sim, choose, feature};
use eagain_net::{Clock, ClockId, SocketAddr, TcpListener, TcpStream, Threads, sleep};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

const fn scenario(name: &'static str, body: fn(&mut Sim)) -> Scenario {
    Scenario { name, about: "", knobs: &[], seeds: 1, body }
}

/// Two clients talk to a server.
const TALK: Scenario = scenario("talk", |sim| {
    let host = sim.host("server");
    let address = sim.address(host, 7);
    sim.server(host, "server", |k| {
        let listener = TcpListener::bind(k, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7))).unwrap();
        while let Ok((stream, _)) = listener.accept() {
            let mut bytes = [0; 64];
            while let Ok(n @ 1..) = stream.read(&mut bytes) {
                let _ = stream.write_all(&bytes[..n]);
            }
        }
    });
    for name in ["client-1", "client-2"] {
        let host = sim.host(name);
        sim.client(host, name, move |k| {
            sleep(k, Duration::from_millis(1));
            let Ok(stream) = TcpStream::connect(k, address) else { return };
            for _ in 0..4 {
                let length = choose("length", 1, 64) as usize;
                let _ = stream.write_all(&vec![b'x'; length]);
                let _ = stream.read(&mut [0; 64]);
                sleep(k, Duration::from_micros(choose("pause", 0, 500)));
            }
        });
    }
});

/// Fails where three things happen one after the other, each once in 64 times: one plain run in 262,144.
const RARE: Scenario = scenario("rare", |sim| {
    let host = sim.host("host");
    sim.client(host, "client", |k| {
        for stage in 0..3 {
            k.clock_gettime(ClockId::Monotonic);
            if choose("step", 0, 63) != 17 {
                return;
            }
            feature("stage", stage);
            k.gettid();
        }
        crate::fail("O1", "all three", String::new());
    });
});

fn run_with(recipe: &Recipe, record: Record) -> RunReport {
    let like = RunSpec::seeded(TALK, Settings::new(), 0);
    engine::make().run_guided(&recipe.spec(&like, record), &recipe.mix).unwrap()
}

fn choices(report: &RunReport) -> BTreeMap<Key, u64> {
    report.choices.iter().cloned().collect()
}

fn plan(scenario: Scenario, seeds: u64, jobs: usize) -> Plan {
    let shard = Shard::ALL;
    Plan {
        scenarios: vec![scenario],
        settings: Settings::new(),
        from: 0,
        seeds: Some(seeds),
        jobs,
        shard,
        time: None,
    }
}

fn guided(plan: &Plan) -> Guided {
    plan.guided(engine::make, &Arc::default(), plan.searches()).unwrap()
}

/// Two runs, and one made of them.
struct Made {
    parent: (Recipe, RunReport),
    other: (Recipe, RunReport),
    child: (Recipe, RunReport),
}

fn made(operator: Operator, seeds: (u64, u64), moment: u64, random: u64) -> Option<Made> {
    let whole = |seed| {
        let recipe = Recipe::plain(seed);
        let report = run_with(&recipe, Record::Trace);
        (recipe, report)
    };
    let (parent, other) = (whole(seeds.0), whole(seeds.1));
    let as_parent = |(recipe, report): &'_ (Recipe, RunReport), moment| {
        let families: Vec<&'static str> = report.faults.keys().copied().collect();
        (recipe.clone(), report.calls, moment, families, report.choices.clone())
    };
    let (p, o) = (as_parent(&parent, moment.min(parent.1.calls)), as_parent(&other, 0));
    let child = mutate(
        operator,
        Parent { recipe: &p.0, calls: p.1, moment: p.2, families: &p.3, choices: &p.4 },
        Parent { recipe: &o.0, calls: o.1, moment: o.2, families: &o.3, choices: &o.4 },
        &mut Random::new(random),
    )?;
    let report = run_with(&child, Record::Trace);
    Some(Made { parent, other, child: (child, report) })
}

/// The events before the `calls`-th call has ended.
fn beginning(report: &RunReport, calls: u64) -> Vec<(u64, u64, i64)> {
    let events = &report.trace.as_ref().unwrap().events;
    let mut seen = 0;
    let before = |event: &&crate::trace::Event| {
        let before = seen < calls;
        seen += u64::from(event.kind.is_call());
        before
    };
    events.iter().take_while(before).map(|event| (event.time, event.kind.code(), event.result)).collect()
}

/// What was chosen in both has the same value, where `of` says that it comes from both.
fn agree(a: &RunReport, b: &RunReport, of: impl Fn(&Key) -> bool) {
    let (a, b) = (choices(a), choices(b));
    for (key, value) in a.iter().filter(|(key, _)| of(key)) {
        if let Some(other) = b.get(key) {
            assert_eq!(value, other, "{key}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Feedback changes nothing, and whatever a run is made of, its choices on the zero base are the same run.
    #[test]
    fn a_changed_run_is_an_ordinary_run_of_its_choices(
        at in 0..Operator::CHANGES.len(), a in 0_u64..500, b in 0_u64..500, moment in 1_u64..60, random: u64,
    ) {
        let plain = RunSpec::seeded(TALK, Settings::new(), a);
        prop_assert_eq!(engine::make().run(&plain).hash, run_with(&Recipe::plain(a), Record::Hash).hash);
        let Some(Made { child: (recipe, report), .. }) = made(Operator::CHANGES[at], (a, b), moment, random) else {
            return Ok(());
        };
        let same = RunSpec { base: Base::Zero, overrides: choices(&report), ..plain };
        prop_assert_eq!(engine::make().run(&same).hash, report.hash);
        prop_assert_eq!(run_with(&recipe, Record::Hash).hash, report.hash);
    }

    #[test]
    fn a_fork_keeps_the_beginning_and_draws_the_end_anew(a in 0_u64..500, moment in 1_u64..60, random: u64) {
        for operator in [Operator::ForkAtFeature, Operator::ForkAnywhere, Operator::SameWorld, Operator::Splice] {
            let made = made(operator, (a, a + 1), moment, random).unwrap();
            let &[(call, seed)] = &made.child.0.mix.forks[..] else { panic!("one fork") };
            prop_assert_eq!(beginning(&made.parent.1, call), beginning(&made.child.1, call));
            match operator {
                Operator::ForkAtFeature => prop_assert!(call <= moment.max(1)),
                Operator::SameWorld => prop_assert_eq!(call, 1),
                Operator::Splice => prop_assert_eq!(seed, made.other.0.seed),
                _ => prop_assert!(call <= made.parent.1.calls.max(1)),
            }
            // The world and the mix of faults are made before the first call.
            agree(&made.parent.1, &made.child.1, |key| key.domain == "swarm" || key.domain == "world");
        }
    }

    #[test]
    fn a_family_is_drawn_elsewhere_and_the_others_are_not(a in 0_u64..500, random: u64) {
        let made = made(Operator::Family, (a, a + 1), 1, random).unwrap();
        let [(name, _)] = &made.child.0.mix.domains[..] else { panic!("one family") };
        // What is drawn from the stream of a group has other names: these are families with streams of their own.
        agree(&made.parent.1, &made.child.1, |key| key.domain != *name && ["swarm", "workload"].contains(&&*key.domain));
    }

    #[test]
    fn an_actor_chooses_as_in_the_other_run_and_nobody_else_does(a in 0_u64..500, random: u64) {
        let Some(made) = made(Operator::Actor, (a, a + 1), 1, random) else { return Ok(()) };
        let [(name, seed)] = &made.child.0.mix.actors[..] else { panic!("one actor") };
        prop_assert_eq!(*seed, a + 1);
        let workload = |key: &Key| key.domain == "workload";
        agree(&made.other.1, &made.child.1, |key| workload(key) && actor_of(&key.object) == name);
        agree(&made.parent.1, &made.child.1, |key| workload(key) && actor_of(&key.object) != name);
    }

    #[test]
    fn single_choices_are_dropped_added_moved_and_widened(a in 0_u64..500, random: u64) {
        let first = choices(&run_with(&Recipe::plain(a), Record::Choices));
        for operator in [Operator::Drop, Operator::Add, Operator::Move, Operator::Widen] {
            let Some(Made { other, child: (recipe, report), .. }) = made(operator, (a, a + 1), 1, random) else { continue };
            let (fixed, chosen) = (&recipe.overrides, choices(&report));
            let theirs = choices(&other.1);
            match (operator, fixed.len()) {
                (Operator::Drop, 1) => {
                    let (key, value) = fixed.first_key_value().unwrap();
                    prop_assert!(*value == 0 && first.contains_key(key) && !chosen.contains_key(key));
                }
                (Operator::Add, 1) => {
                    let (key, value) = fixed.first_key_value().unwrap();
                    prop_assert!(!first.contains_key(key) && theirs[key] == *value);
                }
                (Operator::Move, 2) => {
                    let (gone, there): (Vec<_>, Vec<_>) = fixed.iter().partition(|(_, value)| **value == 0);
                    let [(from, _)] = &gone[..] else { panic!("one is dropped") };
                    let [(to, value)] = &there[..] else { panic!("one is made") };
                    prop_assert!(first[*from] == **value && from.ordinal != to.ordinal);
                    prop_assert_eq!((&from.domain, &from.object), (&to.domain, &to.object));
                }
                (Operator::Widen, 1) => {
                    let (key, value) = fixed.first_key_value().unwrap();
                    let before = first[key];
                    let by_a_power = |by: u32| *value == before.saturating_mul(1 << by) || *value == (before >> by).max(1);
                    prop_assert!((1..=17).any(by_a_power), "{before} became {value}");
                }
                (_, count) => panic!("{operator:?} fixes {count} choices"),
            }
        }
    }

    #[test]
    fn a_focused_run_has_few_families_on_and_strongly(random: u64) {
        let families = ["thread.off-cpu", "wire.split", "wire.delay", "signal.interrupt"];
        let recipe = focus(&families, &mut Random::new(random)).unwrap();
        let on = recipe.overrides.values().filter(|&&weight| weight != 0).count();
        prop_assert!((1..=3).contains(&on) && recipe.overrides.len() == families.len());
        let report = run_with(&recipe, Record::Choices);
        for (key, value) in choices(&report).iter().filter(|(key, _)| key.domain == "swarm") {
            if let Some(weight) = recipe.overrides.get(key) {
                prop_assert_eq!(value, weight);
            }
        }
        // Once the mix of faults is drawn, such a run is as quick as any: its values are those of the seed all the same.
        let same = RunSpec { overrides: choices(&report), ..RunSpec::seeded(TALK, Settings::new(), 0) };
        let same = RunSpec { base: Base::Zero, ..same };
        prop_assert_eq!(engine::make().run(&same).hash, run_with(&recipe, Record::Hash).hash);
    }
}

#[test]
fn what_needs_three_rare_things_in_a_row_is_found_where_a_sweep_does_not() {
    let runs = 10_000;
    for from in [0, 1 << 32, 1 << 40] {
        let plan = Plan { from, ..plan(RARE, runs, 2) };
        let Guided { sweep, finds, .. } = guided(&plan);
        assert!(sweep.sums.failures > 0, "not found in {runs} runs from {from}");
        let [find] = &finds[..] else { panic!("{} kinds", finds.len()) };
        let again = engine::make().run(&find.spec);
        assert_eq!((again.hash, again.failure.as_ref()), (find.hash, Some(&find.failure)));
        let plain = Plan { seeds: Some(runs), ..plan }.explore(engine::make, &Arc::default());
        assert_eq!((plain.sums.seeds, plain.sums.failures), (runs, 0));
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_jobs() {
    let of = |jobs| {
        let Guided { sweep, searches, .. } = guided(&plan(TALK, 300, jobs));
        let kept: Vec<_> = searches[0].corpus().iter().map(|entry| entry.recipe.clone()).collect();
        (sweep.sums, kept, searches[0].standing())
    };
    let one = of(1);
    assert_eq!(one.0.seeds, 300);
    assert!(one.1.len() > 5 && one.1.iter().any(|recipe| !recipe.is_plain()), "changed runs are kept too");
    assert_eq!(one, of(1));
    assert_eq!(one, of(5));
    let elsewhere = guided(&Plan { from: 1 << 40, ..plan(TALK, 300, 1) });
    assert_ne!(one.0, elsewhere.sweep.sums);
}

#[test]
fn at_least_half_of_the_runs_are_plain_ones_in_the_order_of_their_seeds() {
    let mut search = Search::new("talk", 100, 3);
    let mut seeds = Vec::new();
    let mut trials = 0;
    for _ in 0..20 {
        for trial in search.plan(32) {
            trials += 1;
            let report = run_with(&trial.recipe, Record::Hash);
            if trial.operator == Operator::Fresh {
                seeds.push(trial.recipe.seed);
            }
            search.learn(trial, &report);
        }
    }
    assert!(seeds.iter().enumerate().all(|(at, &seed)| seed == 100 + 3 * at as u64), "{seeds:?}");
    assert!(seeds.len() * 100 >= trials * 45, "{} of {trials}", seeds.len());
}

#[test]
fn estimates_are_those_of_good_and_turing_and_of_chao() {
    let standing = super::search::Standing {
        runs: 90,
        plain: 50,
        features: 40,
        once: 6,
        plain_once: 10,
        plain_twice: 5,
    };
    assert_eq!((standing.next(), standing.unseen()), (0.2, 10.0));
    let none = super::search::Standing { plain_once: 0, plain_twice: 0, ..standing };
    assert_eq!((none.next(), none.unseen()), (0.0, 0.0));
    // Of a search that is over what may be left is little: 300 runs of a small world have seen nearly everything.
    let few = guided(&plan(TALK, 20, 1)).searches[0].standing();
    let many = guided(&plan(TALK, 600, 1)).searches[0].standing();
    assert!(many.next() < few.next() / 3.0, "{} and {}", many.next(), few.next());
}

#[test]
fn overrides_and_mix_of_a_recipe_make_its_number() {
    let plain = Recipe::plain(7);
    assert_eq!(plain.number(), 7);
    let mut forked = plain.clone();
    forked.fork(3, 9);
    forked.fork(5, 11);
    assert_eq!(forked.mix.forks, [(3, 9), (5, 11)]);
    let mut again = forked.clone();
    again.fork(4, 2);
    assert_eq!(again.mix.forks, [(3, 9), (4, 2)], "what came behind is another run's");
    let fixed = Recipe { overrides: Overrides::from([("swarm wire.split 0".parse().unwrap(), 0)]), ..plain };
    let numbers = [forked.number(), again.number(), fixed.number()];
    assert!(
        numbers.iter().all(|&number| number != 7) && numbers[0] != numbers[1] && numbers[1] != numbers[2]
    );
}
