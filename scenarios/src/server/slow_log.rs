//! The slow log under several clients: each command that takes long enough has one entry, the latest entries are kept and no more, and no
//! password is in any of them.

use crate::client::{Context, End, Runtime, Session};
use crate::resp::Frame;
use crate::run::kernel::World;
use crate::script::KNOBS;
use eagain_sim::Sim;
use eagain_sim::run::Scenario;
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "slow-log",
    about: "each command that takes long enough has one entry, the latest are kept, and no password is among them",
    knobs: KNOBS,
    seeds: 64,
    body,
};

const ROUNDS: u64 = 12;
/// Entries that are kept.
const LENGTH: usize = 8;
const PASSWORD: &str = "hunter2";

fn body(sim: &mut Sim) {
    let configure = |config: &mut eagain_server::config::Config| {
        // Everything takes so long.
        config.limits.slowlog_slower_than_us = 0;
        config.limits.slowlog_length_max = LENGTH;
    };
    let Some(mut world) = World::new(sim, configure) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, async |context| {
            let done = converse(&context).await;
            context.must(done);
        });
    }
    world.run(sim, Duration::from_secs(10));
}

async fn converse<R: Runtime>(context: &Context<R>) -> Result<(), End> {
    let mut session = Session::connect(context).await;
    // The latest entry that was seen, and how many commands of this client came behind it.
    let (mut seen, mut since) = (None, 0);
    for _ in 0..ROUNDS {
        match context.choose("round", 0, 2) {
            0 => _ = session.ask(&["SET", "key", "value"]).await?,
            1 => _ = session.ask(&["AUTH", PASSWORD]).await?,
            _ => {
                let log = session.ask(&["SLOWLOG", "GET", "-1"]).await?;
                let latest = match ids(&log) {
                    Ok(ids) => ids.first().copied(),
                    Err(what) => {
                        let message = format!("client {}: {what}: {log:?}", context.number);
                        context.runtime.fail("O2", "slow log", message);
                        return Ok(());
                    }
                };
                let least = seen.unwrap_or(-1) + since;
                if latest.unwrap_or(-1) < least {
                    let message =
                        format!("client {}: the latest is {latest:?}, and {least} was made", context.number);
                    context.runtime.fail("O2", "slow log", message);
                }
                (seen, since) = (latest, 0);
            }
        }
        since += 1;
    }
    context.runtime.sometimes(eagain_sim::mark!("the slow log was full"), seen >= Some(LENGTH as i64));
    Ok(())
}

/// The numbers of the entries, the latest first, or what is wrong with them.
fn ids(log: &Frame) -> Result<Vec<i64>, &'static str> {
    let Frame::Array(entries) = log else { return Err("no list") };
    let mut ids = Vec::new();
    for entry in entries {
        let Frame::Array(fields) = entry else { return Err("no entry") };
        let [Frame::Integer(id), Frame::Integer(_), Frame::Integer(0..), Frame::Array(words), ..] =
            &fields[..]
        else {
            return Err("an entry of another form");
        };
        if words.contains(&Frame::Bulk(PASSWORD.as_bytes().to_vec())) {
            return Err("a password");
        }
        ids.push(*id);
    }
    match () {
        () if ids.len() > LENGTH => Err("more than are to be kept"),
        () if ids.windows(2).any(|pair| pair[0] != pair[1] + 1) => Err("an entry is missing"),
        () => Ok(ids),
    }
}
