//! Timers that send signals: what depends on the world, and not on the calls alone.

mod common;

use common::{check, run, sweep};
use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

const STEP: Duration = Duration::from_millis(100);
const SIGNAL: Signal = Signal(40);

fn once(value: Duration) -> TimerSpec {
    TimerSpec { value, interval: Duration::ZERO }
}

fn blocked(k: SimKernel) -> SigSet {
    let set = SigSet::of(&[SIGNAL, Signal::SIGALRM]);
    k.sigprocmask(MaskHow::Block, set).unwrap();
    set
}

/// Waits for moments of the wall clock while it is set.
fn appointments(sim: &mut Sim) {
    sim.faults(&[Family::ClockStep]);
    sim.knobs().stuck_after_ns = u64::MAX / 2;
    let host = sim.host("host");
    sim.client(host, "main", |k| {
        let set = blocked(k);
        let timer = k.timer_create(ClockId::Realtime, TimerEvent::Signal(SIGNAL, 0)).unwrap();
        for _ in 0..50 {
            let at = k.clock_gettime(ClockId::Realtime) + STEP;
            let started = k.clock_gettime(ClockId::Monotonic);
            k.timer_settime(timer, once(Duration::from_nanos(at.0)), true).unwrap();
            // A step back can put the appointment off for a month.
            if k.sigtimedwait(set, Some(10 * STEP)).is_ok() {
                let took = k.clock_gettime(ClockId::Monotonic) - started;
                assert!(k.clock_gettime(ClockId::Realtime) >= at);
                eagain_sim::sometimes("an appointment was brought forward", took < STEP / 2);
            } else {
                eagain_sim::sometimes("an appointment was put off", true);
            }
        }
    });
}

#[test]
fn timer_of_the_wall_clock_waits_for_its_moment() {
    sweep(appointments, 0..150, &["clock.step"]);
    let mut reached = std::collections::BTreeMap::new();
    for seed in 0..150 {
        for (name, was) in run(appointments, Base::Seed(seed)).sometimes {
            *reached.entry(name).or_insert(false) |= was;
        }
    }
    assert!(reached.len() == 2 && reached.values().all(|&was| was), "{reached:?}");
}

row!(each_timer_keeps_a_place_in_the_queue_of_signals, |k| {
    let create = || k.timer_create(ClockId::Monotonic, TimerEvent::Signal(SIGNAL, 0));
    let mut timers = Vec::new();
    while timers.len() < 1_000_000 {
        match create() {
            Ok(timer) => timers.push(timer),
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                break;
            }
        }
    }
    k.timer_delete(timers.pop().unwrap()).unwrap();
    timers.push(create().unwrap());
    assert_eq!(create(), Err(Errno::EAGAIN));
});

row!(overrun_is_how_often_it_expired_beyond_the_signal, |k| {
    let set = blocked(k);
    let timer = k.timer_create(ClockId::Monotonic, TimerEvent::Signal(SIGNAL, 0)).unwrap();
    k.timer_settime(timer, TimerSpec { value: STEP, interval: STEP }, false).unwrap();
    for _ in 0..2 {
        k.nanosleep(STEP * 10).unwrap();
        assert_eq!(k.sigtimedwait(set, None).map(|info| info.overrun), Ok(9));
    }
});

row!(periodic_timer_goes_on_while_its_signal_is_ignored, |k| {
    k.sigaction(SIGNAL, SigAction::ignore()).unwrap();
    let timer = k.timer_create(ClockId::Monotonic, TimerEvent::Signal(SIGNAL, 0)).unwrap();
    k.timer_settime(timer, TimerSpec { value: STEP, interval: STEP }, false).unwrap();
    k.nanosleep(STEP * 10).unwrap();
    let set = blocked(k);
    let info = k.sigtimedwait(set, None).unwrap();
    assert_eq!((info.timer, info.overrun), (timer, 10));
    assert_eq!(k.sigtimedwait(set, None).map(|info| info.overrun), Ok(0));
    // What is discarded is as if it was ignored.
    k.nanosleep(STEP).unwrap();
    k.sigaction(SIGNAL, SigAction::ignore()).unwrap();
    assert_eq!(k.sigpending(), Ok(SigSet::EMPTY));
    k.nanosleep(STEP * 2).unwrap();
    assert!(k.sigpending().unwrap().contains(SIGNAL));
});

row!(alarm_that_is_ignored_never_comes_again, |k| {
    k.sigaction(Signal::SIGALRM, SigAction::ignore()).unwrap();
    k.setitimer(TimerSpec { value: STEP, interval: STEP }).unwrap();
    k.nanosleep(STEP * 2).unwrap();
    assert_eq!(k.getitimer(), Ok(TimerSpec { value: Duration::ZERO, interval: STEP }));
});

/// What begins in its place has none of its timers.
#[test]
fn alarm_ends_a_process_that_does_not_handle_it() {
    check(|sim| {
        sim.faults(&[]);
        let host = sim.host("host");
        let server = sim.server_restarting(host, "server", |k, boot| {
            assert_eq!(k.getitimer(), Ok(TimerSpec::default()));
            assert_eq!(k.timer_gettime(TimerId(0)), Err(Errno::EINVAL));
            let timer = k.timer_create(ClockId::Monotonic, TimerEvent::Default).unwrap();
            if boot == 0 {
                k.timer_settime(timer, TimerSpec { value: STEP, interval: STEP }, false).unwrap();
            }
            k.nanosleep(Duration::from_secs(60)).unwrap();
        });
        sim.may_panic(server);
        sim.client(host, "client", |k| k.nanosleep(Duration::from_secs(30)).unwrap());
    });
}

/// Else they would go on for ever, and a world in which nobody can run again would not be known as one.
#[test]
fn timers_end_with_their_process() {
    let world = |sim: &mut Sim| {
        sim.faults(&[]);
        let host = sim.host("host");
        sim.server(host, "server", |k| {
            k.sigaction(SIGNAL, SigAction::ignore()).unwrap();
            let timer = k.timer_create(ClockId::Monotonic, TimerEvent::Signal(SIGNAL, 0)).unwrap();
            k.timer_settime(timer, TimerSpec { value: STEP, interval: STEP }, false).unwrap();
            k.nanosleep(STEP * 5).unwrap();
        });
        sim.client(host, "client", |k| {
            k.sigtimedwait(blocked(k), None).unwrap();
        });
    };
    let failure = run(world, Base::Zero).failure.expect("the client waits for ever");
    assert_eq!(failure.site, "deadlock", "{}", failure.message);
}
