//! When a log's disk, with everysec, has room again, writes are taken again by themselves.

use super::run::room_again;
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Log;
use eagain_server::storage_unit::SyncPolicy::EverySecond;
use eagain_sim::Sim;

super::scenario!(
    "durability-room-again-everysec",
    "a log's disk, with everysec, was full and has room: the first write succeeds"
);

fn body(sim: &mut Sim) {
    room_again(sim, Log, EverySecond, SHIPPED);
}
