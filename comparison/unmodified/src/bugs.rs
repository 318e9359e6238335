//! The peers' programs with their planted bugs, on tokio as it is.

use crate::{Tokio, block_on};
use comparison_work::bugs::Bug;
use comparison_work::net::Net;
use eagain::World;
use eagain::sim::run::Scenario;
use eagain::sim::{Oracle, PlantedBug, Sim};
use std::time::Duration;

/// A client that takes longer is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

fn build(world: &mut World<'_>, bug: Bug, defect: bool) {
    world.host("server").server(move || block_on(bug.server(Tokio, defect)));
    for which in 0..bug.clients() {
        world.host(format!("client-{which}")).client(move || {
            block_on(async {
                tokio::select! {
                    biased;
                    ended = bug.client(Tokio, which, defect) => ended,
                    () = Tokio.sleep(STUCK_AFTER) => Err("stuck".to_owned()),
                }
            })
        });
    }
}

macro_rules! planted {
    ($($bug:path, $name:literal;)*) => {
        /// One for each of the peers' programs.
        pub const PLANTED: &[PlantedBug] = &[$(PlantedBug {
            name: $name,
            source: "comparison",
            class: $bug.class(),
            about: "the peers' program on tokio as it is",
            oracles: &[Oracle::Survival, Oracle::Liveness],
            defect: Scenario {
                name: $name,
                about: "the defect",
                knobs: &[],
                seeds: 64,
                body: |sim: &mut Sim| World::build(sim, |world| build(world, $bug, true)),
            },
            twin: Scenario {
                name: concat!($name, "-twin"),
                about: "repaired",
                knobs: &[],
                seeds: 64,
                body: |sim: &mut Sim| World::build(sim, |world| build(world, $bug, false)),
            },
        },)*];
    };
}

planted! {
    Bug::ShortWrite, "unmodified-scripted-send-incomplete";
    Bug::ReadOnce, "unmodified-read-once-framing";
    Bug::Pipelined, "unmodified-pipelined-request-forgotten";
    Bug::WriteAll, "unmodified-write-all-before-reading";
    Bug::Pooled, "unmodified-pooled-after-timeout";
    Bug::Cancelled, "unmodified-cancelled-read";
}
