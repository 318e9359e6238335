//! Two servers on one directory, as an operator may start them by mistake: one at a time has it, the other says who has it and does
//! not serve, and takes over when the first is killed. Clients ask both; what they saw is that of one server.

use super::client::{CLIENT_TIMEOUT, Client};
use super::run::{allow, kill};
use super::server::{PORT, QUIET_NS, SHIPPED, Server, expect, persistent, server};
use super::workload::{COUNT_KEY, History, check, draw};
use crate::checker::linearizable::Ask;
use eagain_net::*;
use eagain_server::config::Config;
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::{Sim, SimKernel, choose, fail};
use std::time::Duration;

super::scenario!(
    "durability-two-servers",
    "two servers on one directory: one at a time has it, and nothing is lost"
);

const CLIENTS: u64 = 2;
const OPERATIONS: u64 = 40;
/// Within this, from the end of faults on, everything has to work again.
const HEALED_WITHIN: Duration = Duration::from_secs(60);

fn body(sim: &mut Sim) {
    expect(sim, &["a server did not start"]);
    allow(sim, &[]);
    let host = sim.host("server");
    let addresses = [sim.address(host, PORT), sim.address(host, PORT + 1)];
    let engine = if sim.choose("engine", 0, 1) == 0 { Engine::Log } else { Engine::Redb };
    let servers = ["first", "second"].map(|name| {
        let port = if name == "first" { PORT } else { PORT + 1 };
        let config = Config { listen: ([0, 0, 0, 0], port).into(), ..persistent(engine, SyncPolicy::Always) };
        server(sim, host, name, config, SHIPPED)
    });
    nemesis(sim, servers);
    let history = History::default();
    for number in 1..=CLIENTS {
        let name = format!("client-{number}");
        let (host, history) = (sim.host(&name), history.clone());
        sim.client(host, &name, move |k| ask_both(k, addresses, number, &history));
    }
    sim.run();
    check(sim, &history);
}

/// Kills either of them, some times.
fn nemesis(sim: &mut Sim, servers: [Server; 2]) {
    let host = sim.host("nemesis");
    sim.client(host, "nemesis", move |k| {
        for _ in 0..choose("kills", 0, 6) {
            sleep(k, Duration::from_millis(choose("within", 0, 400)));
            kill(&servers[choose("which", 0, 1) as usize]);
        }
    });
}

fn ask_both(k: SimKernel, addresses: [SocketAddr; 2], number: u64, history: &History) {
    let mut clients = addresses.map(|address| Client::new(k, address, number, CLIENT_TIMEOUT));
    for round in 0..OPERATIONS {
        let (key, ask) = draw(number * 1000 + round, choose);
        clients[choose("server", 0, 1) as usize].operate(history, key, ask);
        sleep(k, Duration::from_millis(choose("pause", 0, 20)));
    }
    // In the end one of them serves, and has everything.
    let quiet = Instant(QUIET_NS);
    sleep(k, quiet - now(k));
    for key in 0..=COUNT_KEY {
        while !clients.iter_mut().any(|client| client.operate(history, key, Ask::Get)) {
            if now(k) - quiet > HEALED_WITHIN {
                return fail("O6", "not healed", format!("neither server answers for {HEALED_WITHIN:?}"));
            }
            sleep(k, Duration::from_millis(100));
        }
    }
}
