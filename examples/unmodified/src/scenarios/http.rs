//! HTTP servers and clients on two runtimes of two workers each, with connections that break.

use crate::programs::http;
use eagain::{World, faults};

/// hyper's server and client
#[eagain::scenario(seeds = 32)]
pub fn hyper(world: &mut World<'_>) {
    world.host("server").restarting(http::hyper_server);
    for i in 0..2 {
        world
            .host(format!("client-{i}"))
            .client(|| http::hyper_client("server:80", 5, http::Readiness::Awaited));
    }
    world.may([faults::PROCESS_KILL, faults::HOST_POWER, faults::RESET, faults::PARTITION]);
}

/// a key-value service on axum, its clients on reqwest
#[eagain::scenario(seeds = 32)]
pub fn axum_reqwest(world: &mut World<'_>) {
    // It keeps values in memory: a kill may lose them.
    world.host("server").server(http::axum_server);
    for i in 0..2 {
        world.host(format!("client-{i}")).client(move || http::reqwest_client(i));
    }
    world.may([faults::RESET, faults::PARTITION]);
}
