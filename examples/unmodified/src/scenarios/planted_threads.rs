//! Programs on std with a bug each, of threads and blocking streams; `--set version=broken` has it.

use super::planted::{VERSION, version};
use crate::programs::planted_threads as programs;
use eagain::World;

/// planted: a close with unread bytes resets the connection and cuts the report short
#[eagain::scenario(knobs = VERSION)]
pub fn unread_body(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(move || programs::unread_body(version));
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| programs::post("server:7"));
    }
}

/// planted: client and server each wait for the other to read
#[eagain::scenario(knobs = VERSION)]
pub fn pipeline(world: &mut World<'_>) {
    let version = version(world);
    // What a kernel with small buffers holds of a pipeline and of its reports.
    (world.sim().knobs().send_buffer, world.sim().knobs().recv_buffer) = (4 << 10, 4 << 10);
    world.host("server").server(programs::reports);
    world.host("client").client(move || programs::pipeline("server:7", version));
}

/// planted: a connection goes back into its pool with an answer still to come
#[eagain::scenario(knobs = VERSION)]
pub fn pooled(world: &mut World<'_>) {
    let version = version(world);
    world.host("server").server(programs::slow_echo);
    world.host("client").client(move || programs::pooled("server:7", version));
}

/// planted: a worker is woken only for the first job of an empty queue
#[eagain::scenario(knobs = VERSION)]
pub fn worker_pool(world: &mut World<'_>) {
    let version = version(world);
    world.host("machine").client(move || programs::worker_pool(version));
}
