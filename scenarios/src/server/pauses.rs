//! `CLIENT PAUSE`: what is put off is done when the pause is over or ended, not before it and not much later; what is not put off
//! does not notice.

use crate::client::Context;
use crate::client::OnKernel;
use crate::client::line::Line;
use crate::resp::Frame;
use crate::run::kernel::World;
use crate::script::KNOBS;
use eagain_net::{Instant, now, sleep};
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use eagain_sim::{Sim, fail};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "pauses",
    about: "CLIENT PAUSE: what is put off is done in time, and the rest does not notice",
    knobs: KNOBS,
    seeds: 64,
    body,
};

/// When the pause begins, from the beginning of the run.
const BEGINS: Instant = Instant(5_000_000_000);
/// How long it is meant to be.
const LONG: Duration = Duration::from_secs(6);
/// When it is ended early, where it is.
const CUT: Duration = Duration::from_secs(3);
/// How much later than it should be a reply may come: many times what threads and the way take.
const LATE: Duration = Duration::from_millis(900);

fn body(sim: &mut Sim) {
    // Nothing that takes long goes wrong, because time is measured.
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup, Family::WireSplit, Family::WireDelay]);
    let is_cut = sim.choose("cut", 0, 1) == 1;
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    world.client(sim, async move |context| {
        let k = context.runtime.k;
        let mut line = Line::open(&context, 0);
        sleep(k, BEGINS - now(k));
        let ok = Frame::Simple(b"OK".to_vec());
        line.expect(&[b"CLIENT", b"PAUSE", b"6000", b"WRITE"], &ok);
        if is_cut {
            sleep(k, BEGINS + CUT - now(k));
            line.expect(&[b"CLIENT", b"UNPAUSE"], &ok);
        }
    });
    for number in 0..sim.number("clients") {
        world.client(sim, async move |context| write(&context, number, is_cut));
    }
    world.client(sim, async |context| read(&context));
    world.run(sim, Duration::from_secs(10));
}

/// Writes in the middle of the pause, in a pipeline.
fn write(context: &Context<OnKernel>, number: u64, is_cut: bool) {
    let k = context.runtime.k;
    let key = format!("key {number}");
    let mut line = Line::open(context, 0);
    let at = BEGINS + Duration::from_secs(1) + Duration::from_millis(context.choose("at", 0, 1000));
    sleep(k, at - now(k));
    line.send(&[b"GET", key.as_bytes()]);
    line.send(&[b"SET", key.as_bytes(), b"1"]);
    line.send(&[b"INCR", key.as_bytes()]);
    if !line.expect_next(&[b"GET"], &Frame::Null) {
        return;
    }
    if now(k) - at > LATE {
        return fail("O13", "reply late", format!("a read took {:?} in a pause of writes", now(k) - at));
    }
    if !line.expect_next(&[b"SET"], &Frame::Simple(b"OK".to_vec())) {
        return;
    }
    let end = BEGINS + if is_cut { CUT } else { LONG };
    let came = now(k);
    if came < end {
        return fail("O11", "pause short", format!("a write came through {:?} before the end", end - came));
    }
    if came - end > LATE {
        return fail("O11", "pause long", format!("a write came through {:?} after the end", came - end));
    }
    line.expect_next(&[b"INCR"], &Frame::Integer(2));
}

/// Reads all the time.
fn read(context: &Context<OnKernel>) {
    let k = context.runtime.k;
    let mut line = Line::open(context, 0);
    while now(k) < BEGINS + LONG {
        let asked = now(k);
        line.expect(&[b"GET", b"nothing"], &Frame::Null);
        if now(k) - asked > LATE {
            return fail("O13", "reply late", format!("a read took {:?}", now(k) - asked));
        }
        sleep(k, Duration::from_millis(100));
    }
}
