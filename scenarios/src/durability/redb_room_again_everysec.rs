//! When a database's disk, with everysec, has room again, writes are taken again by themselves.

use super::run::room_again;
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Redb;
use eagain_server::storage_unit::SyncPolicy::EverySecond;
use eagain_sim::Sim;

super::scenario!(
    "durability-redb-room-again-everysec",
    "a database's disk, with everysec, was full and has room: the first write succeeds"
);

fn body(sim: &mut Sim) {
    room_again(sim, Redb, EverySecond, SHIPPED);
}
