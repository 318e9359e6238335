//! A quantum of virtual time: threads take turns less often, and what their calls cost is charged at the latest when they wait.

mod common;

use common::{check, run, sweep};
use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CALLS: usize = 200;

/// A reading of the clock costs so much.
const READING: u64 = 30;

fn read_clock(k: &SimKernel) -> u64 {
    k.clock_gettime(ClockId::Monotonic).0
}

#[test]
fn time_goes_on_once_calls_have_cost_a_quantum() {
    fn readings(sim: &mut Sim, quantum: u64) {
        sim.faults(&[]);
        sim.knobs().quantum_ns = quantum;
        let host = sim.host("host");
        sim.client(host, "main", move |k| {
            let began = read_clock(&k);
            // The first reading has cost something, and what came before it maybe too.
            let passed: Vec<u64> = (0..CALLS).map(|_| read_clock(&k) - began).collect();
            let steps = passed.windows(2).filter(|two| two[0] != two[1]).count() as u64;
            let step = quantum.max(READING).next_multiple_of(READING);
            assert_eq!(steps, CALLS as u64 * READING / step - u64::from(step == READING), "{passed:?}");
            assert!(passed.iter().all(|passed| passed % step == 0), "{passed:?}");
        });
    }
    check(|sim| readings(sim, 0));
    check(|sim| readings(sim, READING));
    check(|sim| readings(sim, READING + 1));
    check(|sim| readings(sim, 10 * READING));
}

/// Two hosts that are always busy, and how often they take turns.
fn busy(sim: &mut Sim, quantum: u64, turns: std::ops::Range<usize>) {
    sim.faults(&[]);
    sim.knobs().quantum_ns = quantum;
    let order = Arc::new(Mutex::new(Vec::new()));
    for name in ["one", "two"] {
        let (host, order) = (sim.host(name), order.clone());
        let turns = turns.clone();
        sim.client(host, name, move |k| {
            for _ in 0..CALLS {
                k.sched_yield();
                order.lock().unwrap().push(name);
            }
            k.nanosleep(Duration::from_millis(1)).unwrap();
            let took = order.lock().unwrap().windows(2).filter(|two| two[0] != two[1]).count();
            assert!(turns.contains(&took), "{took} turns");
        });
    }
}

#[test]
fn with_a_quantum_busy_threads_take_turns_less_often_and_need_as_long() {
    fn each(sim: &mut Sim) {
        busy(sim, 0, 2 * CALLS - 10..2 * CALLS);
    }
    fn some(sim: &mut Sim) {
        busy(sim, 10_000, 2..CALLS / 4);
    }
    check(each);
    check(some);
    assert_eq!(run(each, Base::Zero).simulated, run(some, Base::Zero).simulated);
}

#[test]
fn who_waits_is_charged_for_the_calls_before() {
    fn world(sim: &mut Sim) {
        sim.faults(&[]);
        sim.knobs().quantum_ns = 1_000_000;
        let host = sim.host("host");
        sim.client(host, "main", |k| {
            let began = read_clock(&k);
            (1..CALLS).for_each(|_| assert_eq!(read_clock(&k), began));
            // Nothing comes, and the wait is over after a nanosecond: less than the readings have taken.
            let event = k.eventfd(0, SocketFlags::NONE).unwrap();
            k.poll(&mut [PollFd::new(event, Events::IN)], Some(Duration::from_nanos(1)), None).unwrap();
            let passed = read_clock(&k) - began;
            assert!(passed >= CALLS as u64 * READING, "{passed} ns");
        });
    }
    check(world);
}

#[test]
fn within_a_quantum_faults_still_take_the_processor() {
    fn world(sim: &mut Sim) {
        sim.faults(&[Family::OffCpu, Family::Interrupt]);
        sim.knobs().quantum_ns = 20_000;
        let turns = Arc::new(Mutex::new(Vec::new()));
        let host = sim.host("host");
        for name in ["one", "two"] {
            let turns = turns.clone();
            sim.client(host, name, move |k| {
                for _ in 0..CALLS {
                    k.sched_yield();
                    let mut turns = turns.lock().unwrap();
                    // A switch after less than a quantum's calls.
                    let alone = turns.iter().rev().take_while(|&&who| who != name).count();
                    eagain_sim::sometimes("another went on in the middle", (1..5).contains(&alone));
                    turns.push(name);
                }
            });
        }
    }
    sweep(world, 0..40, &["thread.off-cpu"]);
    let reached = (0..40).filter(|&seed| run(world, Base::Seed(seed)).sometimes.values().all(|&was| was));
    assert!(reached.count() > 0);
}
