//! Publishers and listeners: who listens from the beginning to the end gets every message, each publisher's in order, and all
//! listeners get them in the same order; who does not listen any more gets none.

use crate::client::line::{Line, bulk};
use crate::client::{Behaviour, Context, OnKernel};
use crate::resp::Frame;
use crate::run::kernel::World;
use crate::script::KNOBS;
use eagain_net::sleep;
use eagain_sim::run::Scenario;
use eagain_sim::{Sim, USUAL_FAULTS, fail, sometimes};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "channels",
    about: "publishers and listeners: every message comes once, and to all in the same order",
    knobs: KNOBS,
    seeds: 64,
    body,
};

const PUBLISHERS: usize = 2;
/// Messages of each.
const MESSAGES: usize = 15;
const CHANNEL: &[u8] = b"news";
const PATTERN: &[u8] = b"n?ws";

/// What all clients know.
#[derive(Default)]
struct Shared {
    /// How many listen.
    listening: AtomicUsize,
    /// What somebody has heard, in order; whoever hears the same as far as both go agrees.
    heard: Mutex<Vec<Vec<u8>>>,
}

fn body(sim: &mut Sim) {
    sim.faults(USUAL_FAULTS);
    crate::with_tightest_buffers(sim);
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    let shared = Arc::<Shared>::default();
    let listeners = sim.number("clients") as usize;
    for number in 0..listeners {
        let shared = shared.clone();
        world.client(sim, async move |context| listen(&context, number, &shared));
    }
    for number in 0..PUBLISHERS {
        let shared = shared.clone();
        world.client(sim, async move |context| publish(&context, number, listeners, &shared));
    }
    world.client(sim, async |context| {
        context.must(Behaviour::Steady { rounds: 10 }.run(&context).await);
    });
    world.run(sim, Duration::from_secs(10));
}

fn name(publisher: usize, number: usize) -> Vec<u8> {
    format!("{publisher}:{number}").into_bytes()
}

fn publish(context: &Context<OnKernel>, publisher: usize, listeners: usize, shared: &Shared) {
    let k = context.runtime.k;
    while shared.listening.load(SeqCst) < listeners {
        sleep(k, Duration::from_millis(1));
    }
    let mut line = Line::open(context, 0);
    for number in 0..MESSAGES {
        let words = [b"PUBLISH".as_slice(), CHANNEL, &name(publisher, number)];
        let Some(Frame::Integer(receivers)) = line.ask(&words) else {
            return fail("O1", "no reply", format!("publisher {publisher} lost message {number}"));
        };
        // Each of them listens once; those that may leave are every third.
        let (least, most) = (listeners - listeners.div_ceil(3), listeners);
        if !(least as i64..=most as i64).contains(&receivers) {
            let message = format!("{receivers} got a message, of {least} to {most} who listen");
            return fail("O2", "other reply", message);
        }
        sleep(k, Duration::from_micros(context.choose("pause", 0, 300)));
    }
}

fn listen(context: &Context<OnKernel>, listener: usize, shared: &Shared) {
    let mut line = Line::open(context, 0);
    let leaves = listener.is_multiple_of(3);
    let by_pattern = listener % 2 == 1;
    let (ask, stop, topic): (&[u8], &[u8], _) = match by_pattern {
        true => (b"PSUBSCRIBE", b"PUNSUBSCRIBE", PATTERN),
        false => (b"SUBSCRIBE", b"UNSUBSCRIBE", CHANNEL),
    };
    let confirmed = |word: &[u8], count| {
        Frame::Array(vec![bulk(&word.to_ascii_lowercase()), bulk(topic), Frame::Integer(count)])
    };
    if !line.expect(&[ask, topic], &confirmed(ask, 1)) {
        return;
    }
    shared.listening.fetch_add(1, SeqCst);
    let until =
        if leaves { context.choose("until", 0, MESSAGES as u64) as usize } else { MESSAGES * PUBLISHERS };
    let (mut next, mut count) = ([0; PUBLISHERS], 0);
    let mut take = |frame: Option<Frame>| {
        let Some(text) = text_of(frame.as_ref(), by_pattern) else {
            fail("O2", "no message", format!("listener {listener} got {frame:?} as message {count}"));
            return false;
        };
        let publisher = usize::from(text.starts_with(b"1:"));
        if text != name(publisher, next[publisher]) {
            let message = format!(
                "listener {listener}: {} where {} was due",
                String::from_utf8_lossy(&text),
                next[publisher]
            );
            fail("O1", "message lost or twice", message);
            return false;
        }
        next[publisher] += 1;
        let is_same = agree(&shared.heard, count, text);
        if !is_same {
            fail(
                "O2",
                "other order",
                format!("message {count} of listener {listener} is not that of another one"),
            );
        }
        count += 1;
        is_same
    };
    for _ in 0..until {
        if !take(line.hear()) {
            return;
        }
        // A slow one; its messages wait for it.
        if context.choose("rests", 0, 3) == 3 {
            sleep(context.runtime.k, Duration::from_millis(context.choose("rest", 0, 20)));
        }
    }
    if !leaves {
        return;
    }
    // What was published before the end of it is still to come, and then nothing.
    line.send(&[stop, topic]);
    loop {
        let frame = line.hear();
        if frame == Some(confirmed(stop, 0)) {
            break;
        }
        if !take(frame) {
            return;
        }
        sometimes!("a message came before the end was confirmed", true);
    }
    sleep(context.runtime.k, Duration::from_millis(5));
    line.expect(&[b"PING"], &Frame::Simple(b"PONG".to_vec()));
}

/// The text of a message. `None`: it is none of those that are due.
fn text_of(frame: Option<&Frame>, by_pattern: bool) -> Option<Vec<u8>> {
    let Some(Frame::Array(parts)) = frame else { return None };
    let head: &[Frame] = match by_pattern {
        true => &[bulk(b"pmessage"), bulk(PATTERN), bulk(CHANNEL)],
        false => &[bulk(b"message"), bulk(CHANNEL)],
    };
    match parts.strip_prefix(head)? {
        [Frame::Bulk(text)] => Some(text.clone()),
        _ => None,
    }
}

/// Whether message `at` is the one that others have heard there.
fn agree(heard: &Mutex<Vec<Vec<u8>>>, at: usize, text: Vec<u8>) -> bool {
    // A std mutex: nobody makes a call while it is held, so that nobody ever waits here.
    let mut heard = heard.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match heard.get(at) {
        Some(other) => *other == text,
        None => {
            heard.push(text);
            true
        }
    }
}
