//! Listeners of a cluster that take none of their messages: the access server keeps no more than a bound for each of them, and
//! disconnects them for it (`client-output-buffer-limit pubsub`). Publishers, and who listens beside them, do not notice; the
//! servers between keep nothing.

use super::servers::cluster_with;
use crate::client::line::Line;
use crate::durability::server::SHIPPED;
use crate::resp::Frame;
use eagain_net::*;
use eagain_server::limits::OutputLimit;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel, fail};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

crate::durability::scenario!(
    "cluster-slow-listener",
    "subscribers of a cluster read no messages and are disconnected; publishers and other subscribers are not delayed"
);

/// How many take nothing.
const SLOW: u64 = 2;
/// Bytes of a message, and how many: more than sockets hold.
const LENGTH: usize = 64 << 10;
const MESSAGES: u64 = 96;
/// More than this is not kept for anybody.
const HARD: usize = 512 << 10;
/// What a server between may hold: that, in buffers that double, for each of them, and what else it holds.
const MEMORY_MAX: u64 = 6 << 20;
/// No reply takes longer.
const LATE: Duration = Duration::from_secs(1);

/// How many listen, how many messages the one who takes them has, and who has ended.
#[derive(Default)]
struct Shared {
    listening: AtomicU64,
    taken: AtomicU64,
    disconnected: AtomicU64,
}

fn body(sim: &mut Sim) {
    sim.faults(&[Family::OffCpu, Family::WireSplit]);
    sim.knobs().events_max = 200_000_000;
    let cluster = cluster_with(sim, SHIPPED, |config| {
        config.limits.channel_output = OutputLimit { hard: HARD, soft: HARD, ..config.limits.channel_output };
    });
    for server in cluster.logics.iter().chain([&cluster.access]) {
        sim.memory_limit(server.process, MEMORY_MAX);
    }
    let shared = Arc::<Shared>::default();
    let client = |sim: &mut Sim, name: &str, body: fn(SimKernel, SocketAddr, &Shared)| {
        let (shared, address) = (shared.clone(), cluster.address);
        let host = sim.host(name);
        sim.client(host, name, move |k| body(k, address, &shared));
    };
    for number in 0..SLOW {
        client(sim, &format!("slow-listener-{number}"), take_nothing);
    }
    client(sim, "listener", take_all);
    client(sim, "publisher", publish);
    sim.run();
}

fn open(k: SimKernel, address: SocketAddr, number: u64) -> Line {
    Line::connect(k, number, || TcpStream::connect(k, address))
}

/// Again, until storage and logic servers are there.
fn subscribe(line: &mut Line, k: SimKernel, shared: &Shared) {
    while matches!(line.ask(&[b"SUBSCRIBE", b"news"]), Some(Frame::Error(_))) {
        sleep(k, Duration::from_millis(10));
    }
    shared.listening.fetch_add(1, SeqCst);
}

fn message(number: u64) -> Vec<u8> {
    let mut text = number.to_string().into_bytes();
    text.resize(LENGTH, b'.');
    text
}

fn take_nothing(k: SimKernel, address: SocketAddr, shared: &Shared) {
    let mut line = open(k, address, 1);
    // An error shows in what follows.
    let _ = line.stream.set_recv_buffer(2048);
    subscribe(&mut line, k, shared);
    while shared.taken.load(SeqCst) < MESSAGES {
        sleep(k, Duration::from_millis(10));
    }
    let mut got = 0;
    while line.hear().is_some() {
        got += 1;
    }
    if got > MESSAGES {
        fail("O13", "bound not kept", "who took none of its messages had them all in the end".to_owned());
    }
    shared.disconnected.fetch_add(1, SeqCst);
}

fn take_all(k: SimKernel, address: SocketAddr, shared: &Shared) {
    let mut line = open(k, address, 2);
    subscribe(&mut line, k, shared);
    line.hear();
    for number in 0..MESSAGES {
        match line.hear() {
            Some(Frame::Array(parts)) if matches!(&parts[..], [_, _, Frame::Bulk(text)] if *text == message(number)) =>
                {}
            other => {
                let got = if other.is_none() { "the end" } else { "another one" };
                return fail(
                    "O1",
                    "message lost or twice",
                    format!("{got} in the place of message {number}"),
                );
            }
        }
        shared.taken.store(number + 1, SeqCst);
    }
}

fn publish(k: SimKernel, address: SocketAddr, shared: &Shared) {
    let mut line = open(k, address, 3);
    while shared.listening.load(SeqCst) <= SLOW {
        sleep(k, Duration::from_millis(1));
    }
    // At the very beginning nobody is connected yet.
    while !matches!(line.ask(&[b"PUBLISH", b"news", b"first"]), Some(Frame::Integer(_))) {
        sleep(k, Duration::from_millis(10));
    }
    for number in 0..MESSAGES {
        // As fast as one can take them: who takes them is not disconnected.
        while shared.taken.load(SeqCst) + 2 < number {
            sleep(k, Duration::from_micros(200));
        }
        let asked = now(k);
        let got = line.ask(&[b"PUBLISH", b"news", &message(number)]);
        if !matches!(got, Some(Frame::Integer(0..=3))) {
            return fail("O2", "other reply", format!("message {number} came to {got:?}"));
        }
        if now(k) - asked > LATE {
            return fail("O13", "publisher held up", format!("message {number} took {:?}", now(k) - asked));
        }
    }
}
