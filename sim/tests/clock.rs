//! Clocks that start anywhere, run at another speed, and are set.

mod common;

use common::{check, run, sweep};
use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

const STEP: Duration = Duration::from_millis(100);

/// No clock but the wall clock goes back, and no wait is shorter than was asked by the monotonic one.
fn watch(k: SimKernel) {
    let mut last = k.clock_gettime(ClockId::Monotonic);
    let mut wall = k.clock_gettime(ClockId::Realtime);
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    for _ in 0..300 {
        k.poll(&mut [PollFd::new(event, Events::IN)], Some(STEP), None).unwrap();
        let now = k.clock_gettime(ClockId::Monotonic);
        assert!(now >= last + STEP, "{last:?} {now:?}");
        let then = k.clock_gettime(ClockId::Realtime);
        eagain_sim::sometimes("the wall clock went back", then < wall);
        let wrapped = |shift: u32, by: u64| (last.0 / by) >> shift != (now.0 / by) >> shift;
        eagain_sim::sometimes("nanoseconds ran over 32 bits", wrapped(32, 1));
        eagain_sim::sometimes("milliseconds ran over 32 bits", wrapped(32, 1_000_000));
        (last, wall) = (now, then);
    }
}

fn world(sim: &mut Sim) {
    sim.faults(&[Family::ClockDrift, Family::ClockStep]);
    let host = sim.host("host");
    sim.client(host, "main", watch);
}

#[test]
fn clocks_are_odd() {
    sweep(world, 0..100, &["clock.drift", "clock.step"]);
    let mut reached = std::collections::BTreeMap::new();
    for seed in 0..100 {
        for (name, was) in run(world, Base::Seed(seed)).sometimes {
            *reached.entry(name).or_insert(false) |= was;
        }
    }
    assert!(reached.values().all(|&was| was), "{reached:?}");
}

/// Two hosts that drift apart: as much as 500 ppm allow.
fn apart(sim: &mut Sim) {
    sim.faults(&[Family::ClockDrift]);
    let host = sim.host("host");
    sim.client(host, "main", |k| {
        let before = k.clock_gettime(ClockId::Monotonic);
        k.nanosleep(100 * STEP).unwrap();
        let took = k.clock_gettime(ClockId::Monotonic) - before;
        assert!(took >= 100 * STEP && took < 101 * STEP);
    });
}

#[test]
fn a_sleep_is_as_long_as_its_own_clock_says() {
    sweep(apart, 0..60, &["clock.drift"]);
    let ends: std::collections::BTreeSet<u64> =
        (0..60).map(|seed| run(apart, Base::Seed(seed)).simulated).collect();
    assert!(ends.len() > 10, "all clocks ran alike");
    let (first, last) = (ends.first().unwrap(), ends.last().unwrap());
    assert!(last - first < 10_100_000, "more than 500 ppm either way");
}

/// Waits for moments of the wall clock while it is set.
fn appointments(sim: &mut Sim) {
    sim.faults(&[Family::ClockStep]);
    // Whoever waits for a moment of a clock that was set back a month is stuck, and here is to be.
    sim.knobs().stuck_after_ns = u64::MAX / 2;
    let host = sim.host("host");
    sim.client(host, "main", |k| {
        let timer = k.timerfd_create(ClockId::Realtime, SocketFlags::NONE).unwrap();
        for _ in 0..50 {
            let at = k.clock_gettime(ClockId::Realtime) + STEP;
            let spec = TimerSpec { value: Duration::from_nanos(at.0), interval: Duration::ZERO };
            k.timerfd_settime(timer, spec, true).unwrap();
            // A step back can put the appointment off for a month.
            if k.poll(&mut [PollFd::new(timer, Events::IN)], Some(10 * STEP), None) == Ok(1) {
                assert_eq!(k.read(timer, &mut [0; 8]), Ok(8));
            }
            let word = std::sync::atomic::AtomicU32::new(0);
            let at = k.clock_gettime(ClockId::Realtime) + STEP;
            let started = k.clock_gettime(ClockId::Monotonic);
            if at.0.is_multiple_of(2) {
                continue;
            }
            let waited = k.futex_wait(&word, 0, FutexTimeout::Absolute(ClockId::Realtime, at));
            assert_eq!(waited, Err(Errno::ETIMEDOUT));
            let took = k.clock_gettime(ClockId::Monotonic) - started;
            eagain_sim::sometimes("an appointment was brought forward", took < STEP / 2);
            eagain_sim::sometimes("an appointment was put off", took > 2 * STEP);
        }
    });
}

#[test]
fn who_waits_for_a_moment_of_the_wall_clock_waits_for_that_moment() {
    sweep(appointments, 0..150, &["clock.step"]);
    let mut reached = std::collections::BTreeMap::new();
    for seed in 0..150 {
        for (name, was) in run(appointments, Base::Seed(seed)).sometimes {
            *reached.entry(name).or_insert(false) |= was;
        }
    }
    assert!(reached.values().all(|&was| was), "{reached:?}");
}

/// `CLOCK_MONOTONIC` counts from the start of the machine, not of the process.
#[test]
fn monotonic_clock_begins_anew_with_the_host_alone() {
    check(|sim| {
        sim.faults(&[]);
        let (host, other) = (sim.host("server"), sim.host("client"));
        let server = sim.server_restarting(host, "server", |k, boot| {
            let shown = k.clock_gettime(ClockId::Monotonic).0 / 1_000_000_000;
            let wall = k.clock_gettime(ClockId::Realtime).0 / 1_000_000_000 - 1_767_225_600;
            let expected = [(1, 0), (11, 10), (1, 20)];
            assert_eq!((shown, wall), expected[boot as usize]);
            k.nanosleep(Duration::from_secs(3600)).unwrap();
        });
        sim.client(other, "client", move |k| {
            k.nanosleep(Duration::from_secs(10)).unwrap();
            eagain_sim::control::kill(server);
            k.nanosleep(Duration::from_secs(10)).unwrap();
            eagain_sim::control::crash(host);
            k.nanosleep(Duration::from_secs(10)).unwrap();
        });
    });
}
