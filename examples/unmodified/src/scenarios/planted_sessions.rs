//! Programs on tokio with a bug each in how they go on where something is not complete; `--set version=broken` has it.

use super::planted::{VERSION, version};
use crate::programs::planted_sessions as programs;
use eagain::World;

/// planted: of a short gathered write the wrong number of new bytes is kept
#[eagain::scenario(knobs = VERSION)]
pub fn gathered(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || programs::gathered(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| programs::ask_for_reports("server:7"));
    }
}

/// planted: a request that came with the one before is not looked at when that one's report had to wait
#[eagain::scenario(knobs = VERSION)]
pub fn forgotten_request(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || programs::forgotten_request(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| programs::ask_for_reports("server:7"));
    }
}

/// planted: a peer that ends inside a message leaves the server in a loop
#[eagain::scenario(knobs = VERSION)]
pub fn end_inside(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || programs::end_inside(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| programs::upload("server:7"));
    }
}
