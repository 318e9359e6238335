//! Programs with a bug each; `--set version=broken` has it, the default has not.

use crate::programs::planted::{self, Version};
use crate::programs::{http, planted_clients, std_echo, tally};
use eagain::{Knob, KnobValues, World};

pub(super) const VERSION: &[Knob] = &[Knob {
    name: "version",
    about: "whether the program has its bug",
    values: KnobValues::Words(&["fixed", "broken"]),
}];

pub(super) fn version(world: &World<'_>) -> Version {
    if world.word("version") == "broken" { Version::Broken } else { Version::Fixed }
}

/// planted: assumes that write() is never short
#[eagain::scenario(knobs = VERSION)]
pub fn hasty(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || planted::hasty(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| std_echo::client("server:7"));
    }
}

/// planted: two workers lose an update of a counter
#[eagain::scenario(knobs = VERSION)]
pub fn racy(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || planted::racy(version));
    for i in 0..3 {
        world.host(format!("client-{i}")).client(|| planted_clients::ask_for_numbers("server:7"));
    }
}

/// planted: hyper's send_request without ready().await
#[eagain::scenario(knobs = VERSION)]
pub fn unready(world: &mut World<'_>) {
    let readiness = match version(world) {
        Version::Fixed => http::Readiness::Awaited,
        Version::Broken => http::Readiness::Assumed,
    };
    world.host("server").server(http::hyper_server);
    for i in 0..2 {
        world.host(format!("client-{i}")).client(move || http::hyper_client("server:80", 30, readiness));
    }
}

/// planted: select! cancels a read in the middle of a frame
#[eagain::scenario(knobs = VERSION)]
pub fn forgotten_select(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || planted::forgotten_select(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| planted_clients::exchange_frames("server:7"));
    }
}

/// planted: two atomics are read as if they were one; found with preemption between calls alone (cargo preempt)
#[eagain::scenario(knobs = VERSION)]
pub fn atomics(world: &mut World<'_>) {
    let version = version(world);
    world.host("machine").client(move || tally::main(version));
}
