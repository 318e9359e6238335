//! Programs with a bug each in what they do with a stream; `--set version=broken` has it, the default has not.

use super::planted::{VERSION, version};
use crate::programs::planted_streams as programs;
use eagain::World;

/// planted: a write that gives up hides what it has sent
#[eagain::scenario(knobs = VERSION)]
pub fn resend(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || programs::resend(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| programs::read_reports("server:7"));
    }
}

/// planted: a bare line feed takes the first byte of the next line with it
#[eagain::scenario(knobs = VERSION)]
pub fn keep_alive(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || programs::keep_alive(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| programs::say_lines("server:7"));
    }
}

/// planted: a socket is shut down past the buffer in front of it
#[eagain::scenario(knobs = VERSION)]
pub fn shut_down_early(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || programs::shut_down_early(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| programs::read_to_the_end("server:7"));
    }
}
