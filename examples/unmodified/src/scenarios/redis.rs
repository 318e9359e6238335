//! mini-redis from crates.io, which uses all of tokio: signals too.

use crate::programs::redis;
use eagain::World;

/// mini-redis' server and two of its clients
#[eagain::scenario(seeds = 32)]
pub fn mini_redis(world: &mut World<'_>) {
    world.host("server").server(redis::server);
    for i in 0..2 {
        world.host(format!("client-{i}")).client(move || redis::client(i));
    }
}
