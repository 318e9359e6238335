//! Programs that talk by other means than TCP: UNIX sockets within a host, datagrams between hosts.

use crate::programs::{udp_dns as dns, unix_socket as local};
use eagain::{World, faults};

/// processes of one host on UNIX sockets: tokio streams, std datagrams, a service that is killed
#[eagain::scenario(seeds = 32)]
pub fn unix_socket(world: &mut World<'_>) {
    const CLIENTS: u8 = 2;
    world.host("machine").restarting(local::server);
    world.host("machine").client(|| local::collector(CLIENTS.into()));
    for number in 0..CLIENTS {
        world.host("machine").client(move || local::client(number));
    }
    world.may([faults::PROCESS_KILL]);
}

/// a name server and resolvers over UDP, with datagrams that are lost, late and doubled
#[eagain::scenario(seeds = 32)]
pub fn udp_dns(world: &mut World<'_>) {
    world.host("server").restarting(dns::server);
    for i in 0..2 {
        world.host(format!("client-{i}")).client(|| dns::client("server:53"));
    }
    world.may([faults::PROCESS_KILL, faults::HOST_POWER, faults::PARTITION]);
}
