//! Clients wait for an item of a list: they are served in the order in which they came, those who gave up or have gone are passed
//! over, nobody waits longer than it asked for, and an item that is there is not waited for.

use crate::client::line::{Line, bulk};
use crate::client::{Behaviour, Context, OnKernel};
use crate::resp::Frame;
use crate::run::kernel::World;
use crate::script::KNOBS;
use eagain_net::{now, sleep};
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use eagain_sim::{Sim, fail, sometimes};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "waiting-line",
    about: "clients wait for items of a list: served in their order, without those who gave up, and in time",
    knobs: KNOBS,
    seeds: 64,
    body,
};

/// Between two who come.
const APART: Duration = Duration::from_secs(2);
/// How long one waits that gives up.
const WAITS_FOR: Duration = Duration::from_secs(1);
/// No reply takes longer than this, once there is something to reply: many times what threads and the way take.
const LATE: Duration = Duration::from_millis(900);

fn body(sim: &mut Sim) {
    // Nothing that takes long goes wrong, because time is measured.
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup, Family::WireSplit, Family::WireDelay]);
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    // Client n comes at n times APART, and has left by then + WAITS_FOR + LATE, or waits.
    let waiting = sim.number("clients") + 3;
    let served = Arc::new(AtomicU64::new(0));
    // A bit a client.
    let stay = sim.choose("stay", 0, u32::MAX.into());
    let stays: Vec<bool> = (0..waiting).map(|number| stay >> (number % 32) & 1 == 1).collect();
    let end = APART * (waiting as u32 + 1);
    let mut ahead = 0;
    for (number, stays) in (0..).zip(stays.iter().copied()) {
        let (served, its_place) = (served.clone(), ahead);
        world.client(sim, async move |context| {
            sleep(context.runtime.k, APART * number);
            if stays { wait(&context, its_place, &served) } else { give_up(&context, end) }
        });
        ahead += usize::from(stays);
    }
    let staying = stays.iter().filter(|stays| **stays).count();
    world.client(sim, async move |context| push(&context, staying, end, &served));
    world.client(sim, async |context| {
        context.must(Behaviour::Steady { rounds: 10 }.run(&context).await);
    });
    world.run(sim, Duration::from_secs(10));
}

/// What is around the item in a reply.
type Shape = fn(Frame) -> Frame;

/// Waits until it is served, with so many ahead of it.
fn wait(context: &Context<OnKernel>, ahead: usize, served: &AtomicU64) {
    let mut line = Line::open(context, 0);
    let item = bulk(format!("item {ahead}").as_bytes());
    let (words, shape): (&[&[u8]], Shape) = match context.choose("how", 0, 3) {
        0 => (&[b"BLPOP", b"other", b"queue", b"0"], |item| Frame::Array(vec![bulk(b"queue"), item])),
        1 => (&[b"BLPOP", b"queue", b"100000"], |item| Frame::Array(vec![bulk(b"queue"), item])),
        2 => (&[b"BLMOVE", b"queue", b"done", b"LEFT", b"RIGHT", b"0"], |item| item),
        _ => (&[b"BLMPOP", b"0", b"1", b"queue", b"LEFT"], |item| {
            Frame::Array(vec![bulk(b"queue"), Frame::Array(vec![item])])
        }),
    };
    line.send(words);
    // Behind it, in the same pipeline: answered behind it.
    line.send(&[b"ECHO", b"next"]);
    let got = line.hear();
    served.fetch_add(1, SeqCst);
    if got != Some(shape(item)) {
        let message = format!("client {} came behind {ahead} others, and got {got:?}", context.number);
        return fail("O13", "not in order", message);
    }
    line.expect_next(&[b"ECHO"], &bulk(b"next"));
}

/// Comes, and goes before there is anything; until the end it is there again, and has the place of the one that went.
fn give_up(context: &Context<OnKernel>, end: Duration) {
    let k = context.runtime.k;
    let mut line = Line::open(context, 0);
    let begun = now(k);
    match context.choose("how", 0, 3) {
        3 => {
            let got = line.ask(&[b"BRPOP", b"queue", b"1"]);
            let took = now(k) - begun;
            if got != Some(Frame::Null) {
                return fail("O2", "other reply", format!("a timeout came to {got:?}"));
            }
            if took < WAITS_FOR {
                return fail("O11", "timeout early", format!("gave up after {took:?}"));
            }
            if took > WAITS_FOR + LATE {
                fail("O11", "timeout late", format!("gave up after {took:?}"));
            }
        }
        how => {
            line.send(&[b"BLPOP", b"queue", b"0"]);
            sleep(k, WAITS_FOR);
            line.leave(how);
            sometimes!("one left that waited", true);
            sleep(k, LATE / 2);
            let _again = Line::open(context, 0);
            sleep(k, end);
        }
    }
}

/// Pushes as many items as there are who wait, one after the other or at once, when the last of them waits.
fn push(context: &Context<OnKernel>, waiting: usize, end: Duration, served: &AtomicU64) {
    let k = context.runtime.k;
    sleep(k, end);
    let mut line = Line::open(context, 0);
    let mut pushed = 0;
    while pushed < waiting {
        let count = context.choose("at once", 1, 3).min((waiting - pushed) as u64) as usize;
        let items: Vec<String> = (pushed..pushed + count).map(|number| format!("item {number}")).collect();
        let mut words: Vec<&[u8]> = vec![b"RPUSH", b"queue"];
        words.extend(items.iter().map(String::as_bytes));
        if !line.expect(&words, &Frame::Integer(count as i64)) {
            return;
        }
        pushed += count;
        let begun = now(k);
        while served.load(SeqCst) < pushed as u64 {
            if now(k) - begun > LATE {
                let message =
                    format!("{} of {pushed} are served {LATE:?} after the push", served.load(SeqCst));
                return fail("O13", "served late", message);
            }
            sleep(k, Duration::from_millis(1));
        }
    }
    line.expect(&[b"LLEN", b"queue"], &Frame::Integer(0));
}
