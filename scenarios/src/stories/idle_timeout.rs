//! A silent client is sent away, after the time that was promised and not before; one that speaks stays.

use crate::actor::{Client, idler, must};
use crate::checker::patience;
use crate::workload::Request;
use crate::world::World;
use eagain_net::sleep;
use eagain_sim::Sim;
use eagain_sim::choose;
use std::time::Duration;

super::story!(
    "idle-timeout",
    "a silent client is sent away, after the time that was promised and not before; one that speaks stays"
);

/// How long the server bears silence.
pub(super) const IDLE: Duration = Duration::from_secs(30);

fn body(sim: &mut Sim) {
    tell(sim, IDLE);
}

/// The story, where a client that sees the server lose patience before `least` has seen it too early.
pub(super) fn tell(sim: &mut Sim, least: Duration) {
    let Some(mut world) = World::new(sim, |config| config.limits.idle_timeout_ns = IDLE.as_nanos() as u64)
    else {
        return;
    };
    world.client(sim, move |k, stage, number| match idler(k, stage, number) {
        Ok(idled) => patience::judge(idled, least),
        Err(end) => must(number, Err(end)),
    });
    for _ in 1..sim.number("clients") {
        world.client(sim, |k, stage, number| {
            let mut client = Client::connect(k, stage, number, format!("<{number}.0>"));
            for round in 0..8_u64 {
                sleep(k, Duration::from_millis(choose("silence", 0, IDLE.as_millis() as u64 / 3)));
                must(number, client.ask(&Request::Ping(round.to_string().into_bytes())));
            }
        });
    }
    world.play(sim);
}
