//! A listener takes none of its messages: no more than a bound is kept for it, and it is disconnected for that, at once or after a while
//! (`client-output-buffer-limit pubsub`). Publishers and the other listeners do not notice.

use crate::client::line::Line;
use crate::client::{Context, OnKernel};
use crate::resp::Frame;
use crate::run::kernel::World;
use crate::script::KNOBS;
use eagain_net::{now, sleep};
use eagain_server::config::Config;
use eagain_server::limits::OutputLimit;
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use eagain_sim::{Sim, fail};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "slow-listener",
    about: "a subscriber reads no messages and is disconnected; publishers and other subscribers are not delayed",
    knobs: KNOBS,
    seeds: 24,
    body: |sim| run(sim, |_| {}),
};

/// Bytes of a message, and how many: more than sockets hold.
const LENGTH: usize = 64 << 10;
const MESSAGES: u64 = 128;
/// More than this is not kept for anybody.
const HARD: usize = 512 << 10;
/// What the server may hold: that, in buffers that double, for two listeners, and what else it holds.
const MEMORY_MAX: u64 = 5 << 20;
/// More than this may wait for so long.
const SOFT: usize = 64 << 10;
const SOFT_FOR: Duration = Duration::from_secs(5);
/// A send that blocks says late that it has got nowhere: by a quarter of that time.
const REPORTED_LATE: Duration = Duration::from_secs(2);
/// No reply takes longer: many times what threads and the way take.
const LATE: Duration = Duration::from_secs(1);

/// How many listen, and how many messages the one who takes them has.
#[derive(Default)]
struct Shared {
    listening: AtomicU64,
    taken: AtomicU64,
}

/// The scenario, with what is special about the server. Nothing that takes long goes wrong, because time is measured.
pub fn run(sim: &mut Sim, mutate: fn(&mut Config)) {
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup]);
    sim.knobs().events_max = 200_000_000;
    let is_soft = sim.choose("bound", 0, 1) == 1;
    let configure = |config: &mut Config| {
        let limits = &mut config.limits;
        if is_soft {
            limits.channel_output =
                OutputLimit { hard: usize::MAX, soft: SOFT, soft_ns: SOFT_FOR.as_nanos() as u64 };
        } else {
            limits.channel_output = OutputLimit { hard: HARD, soft: HARD, ..limits.channel_output };
        }
        mutate(config);
    };
    let Some(mut world) = World::new(sim, configure) else { return };
    sim.memory_limit(world.server, if is_soft { 64 << 20 } else { MEMORY_MAX });
    let shared = Arc::<Shared>::default();
    let its = shared.clone();
    world.client(sim, async move |context| take_nothing(&context, &its, is_soft));
    let its = shared.clone();
    world.client(sim, async move |context| take_all(&context, &its));
    world.client(sim, async move |context| publish(&context, &shared));
    world.run(sim, Duration::from_secs(10));
}

fn subscribe(line: &mut Line, shared: &Shared) {
    line.ask(&[b"SUBSCRIBE", b"news"]);
    shared.listening.fetch_add(1, SeqCst);
}

fn take_all(context: &Context<OnKernel>, shared: &Shared) {
    let mut line = Line::open(context, 0);
    subscribe(&mut line, shared);
    for number in 0..MESSAGES {
        match line.hear() {
            Some(Frame::Array(parts)) if matches!(&parts[..], [_, _, Frame::Bulk(text)] if *text == message(number)) =>
                {}
            None => {
                return fail(
                    "O1",
                    "connection lost",
                    format!("who takes its messages was sent away at {number}"),
                );
            }
            Some(_) => {
                return fail("O1", "message lost or twice", format!("another one in the place of {number}"));
            }
        }
        shared.taken.store(number + 1, SeqCst);
    }
}

fn message(number: u64) -> Vec<u8> {
    let mut text = number.to_string().into_bytes();
    text.resize(LENGTH, b'.');
    text
}

fn take_nothing(context: &Context<OnKernel>, shared: &Shared, is_soft: bool) {
    let k = context.runtime.k;
    let mut line = Line::open(context, 2048);
    subscribe(&mut line, shared);
    while shared.taken.load(SeqCst) < MESSAGES {
        sleep(k, Duration::from_millis(10));
    }
    if is_soft {
        sleep(k, SOFT_FOR + REPORTED_LATE);
    } else {
        sleep(k, LATE);
    }
    let mut got = 0;
    while line.hear().is_some() {
        got += 1;
    }
    if got == MESSAGES {
        fail("O13", "bound not kept", "who took none of its messages had them all in the end".to_owned());
    }
}

fn publish(context: &Context<OnKernel>, shared: &Shared) {
    let k = context.runtime.k;
    while shared.listening.load(SeqCst) < 2 {
        sleep(k, Duration::from_millis(1));
    }
    let mut line = Line::open(context, 0);
    let begun = now(k);
    for number in 0..MESSAGES {
        // As fast as one can take them: who takes them is not sent away.
        while shared.taken.load(SeqCst) + 2 < number {
            sleep(k, Duration::from_micros(200));
        }
        let asked = now(k);
        let got = line.ask(&[b"PUBLISH", b"news", &message(number)]);
        if !matches!(got, Some(Frame::Integer(1 | 2))) {
            return fail("O2", "other reply", format!("message {number} came to {got:?}"));
        }
        if now(k) - asked > LATE {
            return fail("O13", "publisher held up", format!("message {number} took {:?}", now(k) - asked));
        }
    }
    // Who takes nothing is gone in time; who took all of them goes too.
    let until = now(k) + SOFT_FOR + REPORTED_LATE;
    loop {
        let got = line.ask(&[b"PUBLISH", b"news", b"end"]);
        match got {
            Some(Frame::Integer(0)) => break,
            _ if now(k) > until => {
                return fail(
                    "O11",
                    "listener late",
                    format!("it is there {:?} after the beginning", now(k) - begun),
                );
            }
            _ => sleep(k, Duration::from_millis(100)),
        }
    }
}
