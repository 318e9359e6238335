//! Keys with a lifetime: none is gone before its time, and none is there long after (O11). Lifetimes are cut off by `PERSIST`, and set
//! anew by `PEXPIRE`.

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
    name: "expiry",
    about: "keys with a lifetime: none is gone before its time, and none is there long after",
    knobs: KNOBS,
    seeds: 64,
    body: |sim| run(sim, None),
};

/// Times are kept in whole milliseconds.
const EARLY: Duration = Duration::from_millis(1);
/// A server may look at its clock once in a turn of its loop, which a slow thread makes long.
const LATE: Duration = Duration::from_secs(1);
const ROUNDS: u64 = 6;

/// The scenario, on another server than ours where one is given.
pub fn run(sim: &mut Sim, served: Option<Served>) {
    let Some(mut world) = World::serving(sim, served, |_| {}) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, async |context| {
            let done = keys_expire(&context).await;
            context.must(done);
        });
    }
    world.run(sim, Duration::from_secs(10));
}

async fn keys_expire<R: Runtime>(context: &Context<R>) -> Result<(), End> {
    let mut session = Session::connect(context).await;
    let key = format!("{}expires", context.tag(0));
    let ms = |count| Duration::from_millis(count);
    for _ in 0..ROUNDS {
        let mut lifetime = context.choose("lifetime", 20, 3000);
        let mut asked = context.runtime.now();
        session.ask(&["SET", &key, "value", "PX", &lifetime.to_string()]).await?;
        let mut answered = context.runtime.now();
        let mut persists = false;
        match context.choose("then", 0, 3) {
            // It may be gone by now.
            1 if session.ask(&["PERSIST", &key]).await? == Frame::Integer(1) => persists = true,
            2 => {
                let again = context.choose("lifetime", 20, 3000);
                let began = context.runtime.now();
                if session.ask(&["PEXPIRE", &key, &again.to_string()]).await? == Frame::Integer(1) {
                    (lifetime, asked, answered) = (again, began, context.runtime.now());
                }
            }
            _ => {}
        }
        context.runtime.sleep(ms(context.choose("look", 0, 2 * lifetime))).await;
        let looked = context.runtime.now();
        let reply = session.ask(&["GET", &key]).await?;
        let seen = context.runtime.now();
        let is_there = reply != Frame::Null;
        context.runtime.sometimes(eagain_sim::mark!("a key was there"), is_there);
        context.runtime.sometimes(eagain_sim::mark!("a key had expired"), !is_there);
        let what = format!("client {}: a key with {lifetime} ms", context.number);
        if !is_there && (persists || seen - asked + EARLY < ms(lifetime)) {
            let message = format!("{what} was gone after {:?}, persisted: {persists}", seen - asked);
            context.runtime.fail("O11", "key expired early", message);
        }
        if is_there && !persists && looked - answered > ms(lifetime) + LATE {
            let message = format!("{what} was there after {:?}", looked - answered);
            context.runtime.fail("O11", "key expired late", message);
        }
    }
    Ok(())
}
