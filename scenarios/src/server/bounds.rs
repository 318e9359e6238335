//! The bounds of a request: one at the bound is served, and one beyond is refused with an error before it is read to its end. The server
//! goes on for the others.

use crate::client::{Context, End, Runtime, Session};
use crate::resp::Frame;
use crate::run::kernel::World;
use crate::script::KNOBS;
use eagain_server::config::Config;
use eagain_sim::Sim;
use eagain_sim::run::Scenario;
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "bounds",
    about: "a request at the bound is served, one beyond it is refused before it is read to its end",
    knobs: KNOBS,
    seeds: 64,
    body: |sim| run(sim, |_| {}),
};

const BULK: usize = 2000;
const ARGUMENTS: usize = 8;
const INLINE: usize = 1000;

/// The scenario, with what is special about the server.
pub fn run(sim: &mut Sim, mutate: fn(&mut Config)) {
    let configure = |config: &mut Config| {
        config.limits.bulk_bytes_max = BULK;
        config.limits.arguments_max = ARGUMENTS;
        config.limits.inline_bytes_max = INLINE;
        mutate(config);
    };
    let Some(mut world) = World::new(sim, configure) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, async |context| {
            let done = at_and_beyond(&context).await;
            context.must(done);
        });
    }
    world.run(sim, Duration::from_secs(10));
}

/// What is sent for a bound: a request at it, and the beginning of one beyond, which is enough to know.
fn requests(bound: u64) -> (Vec<u8>, Vec<u8>) {
    match bound {
        0 => {
            let value = "v".repeat(BULK);
            (
                format!("*2\r\n$4\r\nPING\r\n${BULK}\r\n{value}\r\n").into_bytes(),
                format!("*2\r\n$4\r\nPING\r\n${}\r\n", BULK + 1).into_bytes(),
            )
        }
        1 => {
            let words = "$1\r\nx\r\n".repeat(ARGUMENTS - 1);
            (
                format!("*{ARGUMENTS}\r\n$6\r\nEXISTS\r\n{words}").into_bytes(),
                format!("*{}\r\n", ARGUMENTS + 1).into_bytes(),
            )
        }
        _ => {
            let word = "w".repeat(INLINE - "PING \r\n".len());
            (format!("PING {word}\r\n").into_bytes(), "w".repeat(INLINE + 2).into_bytes())
        }
    }
}

async fn at_and_beyond<R: Runtime>(context: &Context<R>) -> Result<(), End> {
    let bound = context.choose("bound", 0, 2);
    let name = ["bytes of an argument", "arguments", "bytes of a line"][bound as usize];
    let (at, beyond) = requests(bound);
    let mut session = Session::connect(context).await;
    let said = |what: String| format!("client {}: {name}: {what}", context.number);
    session.send(&at).await?;
    let reply = session.reply().await?;
    if matches!(reply, Frame::Error(_)) {
        context.runtime.fail("O2", "bound too low", said(format!("{reply:?}")));
    }
    session.send(&beyond).await?;
    // A server that waits for the rest never answers: the client would be stuck.
    match session.reply().await {
        Ok(Frame::Error(_)) => context.runtime.sometimes(eagain_sim::mark!("a request was refused"), true),
        Ok(reply) => context.runtime.fail("O4", "bound too high", said(format!("{reply:?}"))),
        Err(End::Closed) => context.runtime.fail("O1", "refused without a word", said("closed".to_owned())),
        Err(broken) => return Err(broken),
    }
    Ok(())
}
