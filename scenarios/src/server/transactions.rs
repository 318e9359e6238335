//! Transactions of several clients on the same two keys: each is seen whole or not at all, by its own replies and by who looks on. The
//! keys are equal whenever nobody is in the middle of `EXEC`.

use crate::client::{Context, End, Runtime, Session};
use crate::resp::Frame;
use crate::run::kernel::{Served, World};
use crate::script::KNOBS;
use eagain_sim::Sim;
use eagain_sim::run::Scenario;
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "transactions",
    about: "transactions on the same keys: each is seen whole or not at all",
    knobs: KNOBS,
    seeds: 64,
    body: |sim| run(sim, None),
};

const ROUNDS: u64 = 8;
const LEFT: &str = "left";
const RIGHT: &str = "right";

/// The scenario, on another server than ours where one is given.
pub fn run(sim: &mut Sim, served: Option<Served>) {
    let Some(mut world) = World::serving(sim, served, |_| {}) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, async |context| {
            let done = transactions(&context).await;
            context.must(done);
        });
    }
    world.run(sim, Duration::from_secs(10));
}

async fn transactions<R: Runtime>(context: &Context<R>) -> Result<(), End> {
    let mut session = Session::connect(context).await;
    let torn = |what: &str, seen: &Frame| {
        let message = format!("client {}: {what}: {seen:?}", context.number);
        context.runtime.fail("O1", "transaction torn", message);
    };
    for _ in 0..ROUNDS {
        match context.choose("round", 0, 3) {
            0 => {
                let seen = session.ask(&["MGET", LEFT, RIGHT]).await?;
                if !matches!(&seen, Frame::Array(values) if values.len() == 2 && values[0] == values[1]) {
                    torn("the keys differ", &seen);
                }
            }
            1 => {
                session.ask(&["MULTI"]).await?;
                let seen = session.ask(&["INCR", LEFT]).await?;
                if seen != Frame::Simple(b"QUEUED".to_vec()) {
                    torn("a queued request was answered", &seen);
                }
                session.ask(&["DISCARD"]).await?;
            }
            _ => {
                session.ask(&["MULTI"]).await?;
                session.ask(&["INCR", LEFT]).await?;
                session.ask(&["INCR", RIGHT]).await?;
                let seen = session.ask(&["EXEC"]).await?;
                if !matches!(&seen, Frame::Array(values) if values.len() == 2 && values[0] == values[1]) {
                    torn("the keys were raised to", &seen);
                }
                context
                    .runtime
                    .sometimes(eagain_sim::mark!("a transaction was not the first"), seen != once());
            }
        }
    }
    Ok(())
}

fn once() -> Frame {
    Frame::Array(vec![Frame::Integer(1), Frame::Integer(1)])
}
