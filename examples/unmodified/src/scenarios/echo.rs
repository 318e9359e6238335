//! An echo server and two clients, each on a host of its own.

use crate::programs::std_echo as program;
use eagain::World;

/// std alone: threads, channels, a mutex, blocking sockets
#[eagain::scenario(seeds = 64)]
pub fn std_echo(world: &mut World<'_>) {
    world.host("server").server(program::server);
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| program::client("server:7"));
    }
}
