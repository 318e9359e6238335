//! An echo server and two clients, each on a host of its own.

use crate::programs::tokio_echo::Flavor;
use crate::programs::{std_echo as on_std, tokio_echo as on_tokio};
use eagain::{World, faults};

/// std alone: threads, channels, a mutex, blocking sockets
#[eagain::scenario(seeds = 64)]
pub fn std_echo(world: &mut World<'_>) {
    world.host("server").server(on_std::server);
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| on_std::client("server:7"));
    }
}

/// tokio on one thread, with a server that is killed, loses power, and connections that break
#[eagain::scenario(seeds = 32)]
pub fn tokio_current_thread(world: &mut World<'_>) {
    tokio(world, Flavor::CurrentThread);
}

/// the same on a runtime with two workers
#[eagain::scenario(seeds = 32)]
pub fn tokio_multi_thread(world: &mut World<'_>) {
    tokio(world, Flavor::MultiThread);
}

fn tokio(world: &mut World<'_>, flavor: Flavor) {
    world.host("server").restarting(move || on_tokio::server(flavor));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(move || on_tokio::client(flavor, "server:7"));
    }
    world.may([faults::PROCESS_KILL, faults::HOST_POWER, faults::RESET, faults::PARTITION]);
}
