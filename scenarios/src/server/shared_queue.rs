//! Producers and consumers of one list: each item is taken once, whoever waits or gives up meanwhile.

use crate::client::line::{Line, bulk};
use crate::client::{Behaviour, Context, OnKernel};
use crate::resp::Frame;
use crate::run::kernel::World;
use crate::script::KNOBS;
use eagain_net::sleep;
use eagain_sim::run::Scenario;
use eagain_sim::{Sim, USUAL_FAULTS, fail, sometimes};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "shared-queue",
    about: "producers and consumers of one list: each item is taken once",
    knobs: KNOBS,
    seeds: 64,
    body,
};

const PRODUCERS: u64 = 2;
const ITEMS: u64 = 20;
/// The last that a consumer takes.
const STOP: &[u8] = b"stop";

/// What was taken.
type Taken = Arc<Mutex<BTreeSet<Vec<u8>>>>;

fn body(sim: &mut Sim) {
    sim.faults(USUAL_FAULTS);
    crate::with_tightest_buffers(sim);
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    let taken = Taken::default();
    let consumers = sim.number("clients");
    for _ in 0..consumers {
        let taken = taken.clone();
        world.client(sim, async move |context| consume(&context, &taken));
    }
    for producer in 0..PRODUCERS {
        let taken = taken.clone();
        world.client(sim, async move |context| {
            produce(&context, producer);
            if producer == 0 {
                stop(&context, consumers, &taken);
            }
        });
    }
    world.client(sim, async |context| {
        context.must(Behaviour::Steady { rounds: 10 }.run(&context).await);
    });
    world.run(sim, Duration::from_secs(10));
}

fn produce(context: &Context<OnKernel>, producer: u64) {
    let mut line = Line::open(context, 0);
    let mut next = 0;
    while next < ITEMS {
        let count = context.choose("at once", 1, 3).min(ITEMS - next);
        let items: Vec<String> = (next..next + count).map(|item| format!("{producer}:{item}")).collect();
        let mut words: Vec<&[u8]> = vec![b"RPUSH", b"queue"];
        words.extend(items.iter().map(String::as_bytes));
        let in_transaction = context.choose("transaction", 0, 3) == 3;
        if in_transaction {
            line.expect(&[b"MULTI"], &Frame::Simple(b"OK".to_vec()));
            line.expect(&words, &Frame::Simple(b"QUEUED".to_vec()));
            line.send(&[b"EXEC"]);
        } else {
            line.send(&words);
        }
        if !matches!(line.hear(), Some(Frame::Integer(1..) | Frame::Array(_))) {
            return fail("O2", "other reply", format!("producer {producer} has not pushed {next}"));
        }
        next += count;
        sleep(context.runtime.k, Duration::from_micros(context.choose("pause", 0, 2000)));
    }
}

/// When all is taken, one last item for each consumer.
fn stop(context: &Context<OnKernel>, consumers: u64, taken: &Taken) {
    while count(taken) < PRODUCERS * ITEMS {
        sleep(context.runtime.k, Duration::from_millis(1));
    }
    let mut line = Line::open(context, 0);
    for _ in 0..consumers {
        line.ask(&[b"RPUSH", b"queue", STOP]);
    }
}

fn consume(context: &Context<OnKernel>, taken: &Taken) {
    let mut line = Line::open(context, 0);
    loop {
        let words: &[&[u8]] = match context.choose("how", 0, 5) {
            0 => &[b"BLPOP", b"queue", b"0.02"],
            1 => &[b"BRPOP", b"nothing", b"queue", b"0.001"],
            2 => &[b"BLMPOP", b"0.5", b"1", b"queue", b"LEFT", b"COUNT", b"1"],
            3 => &[b"BRPOPLPUSH", b"queue", b"done", b"0.02"],
            4 => &[b"LPOP", b"queue"],
            // For as long as it takes.
            _ => &[b"BLPOP", b"queue", b"0"],
        };
        let items = match line.ask(words) {
            Some(Frame::Null) => {
                sometimes!("a consumer waited for nothing", true);
                Vec::new()
            }
            Some(Frame::Bulk(item)) => vec![item],
            Some(Frame::Array(parts)) => match parts.as_slice() {
                [key, Frame::Bulk(item)] if *key == bulk(b"queue") => vec![item.clone()],
                [key, Frame::Array(items)] if *key == bulk(b"queue") => items
                    .iter()
                    .filter_map(|item| if let Frame::Bulk(item) = item { Some(item.clone()) } else { None })
                    .collect(),
                other => return fail("O2", "other reply", format!("{other:?}")),
            },
            other => return fail("O2", "other reply", format!("{other:?}")),
        };
        for item in items {
            if item == STOP {
                return;
            }
            // A std mutex: nobody makes a call while it is held, so that nobody ever waits here.
            let is_new = taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(item.clone());
            if !is_new {
                return fail("O1", "taken twice", String::from_utf8_lossy(&item).into_owned());
            }
        }
    }
}

fn count(taken: &Taken) -> u64 {
    taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).len() as u64
}
