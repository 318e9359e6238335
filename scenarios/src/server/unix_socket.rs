//! A Unix socket beside the address: clients of the host come by it, others by the network, and each gets its own replies in their
//! order. Some go in the middle.

use crate::client::line::Line;
use crate::client::{Context, OnKernel};
use crate::resp::Frame;
use crate::run::kernel::World;
use crate::script::KNOBS;
use eagain_net::sleep;
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use eagain_sim::{Sim, fail, sometimes};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "unix-socket",
    about: "clients of the server's host come by a Unix socket, others by the network; each gets its own replies",
    knobs: KNOBS,
    seeds: 64,
    body,
};

/// Where it is.
const PATH: &str = "/server.sock";
/// More than such a socket holds.
const LONG: usize = 300_000;

fn body(sim: &mut Sim) {
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup, Family::WireSplit, Family::WireDelay]);
    let Some(mut world) = World::new(sim, |config| PATH.clone_into(&mut config.unix_socket)) else { return };
    // Long values, received, replied with and sent, of all clients at the same time.
    sim.memory_limit(world.server, 32 << 20);
    for number in 0..sim.number("clients") {
        world.neighbour(sim, async move |context| converse(&context, Line::local(&context, PATH), number));
        world.client(sim, async move |context| converse(&context, Line::open(&context, 0), number + 100));
    }
    world.run(sim, Duration::from_secs(70));
}

/// Pipelines, with a key of its own, and a reply that has to be sent in pieces.
fn converse(context: &Context<OnKernel>, mut line: Line, number: u64) {
    let key = format!("key {number}");
    let key = key.as_bytes();
    let rounds = context.choose("rounds", 1, 6);
    for round in 0..rounds {
        for _ in 0..3 {
            line.send(&[b"INCR", key]);
        }
        for at in 1..=3 {
            if !line.expect_next(&[b"INCR", key], &Frame::Integer(round as i64 * 3 + at)) {
                return;
            }
        }
        sleep(context.runtime.k, Duration::from_micros(context.choose("pause", 0, 500)));
    }
    let long = vec![b'x'; LONG];
    if line.ask(&[b"ECHO", &long]) != Some(Frame::Bulk(long)) {
        return fail("O2", "other reply", format!("client {number}: a long value came back another"));
    }
    let how = context.choose("how", 0, 2);
    sometimes!("a client by the socket went without a word", how == 0 && number < 100);
    line.leave(how);
}
