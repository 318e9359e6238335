//! The log is rewritten again and again, and the power fails.

use super::client::{CLIENT_TIMEOUT, Client, clients};
use super::run::{POWER, allow, cut_power, nemesis};
use super::server::{SHIPPED, Serve, durable};
use super::workload::{Outcome, check};
use crate::resp::Frame;
use eagain_net::sleep;
use eagain_server::storage_unit::Engine::Log;
use eagain_server::storage_unit::SyncPolicy;
use eagain_sim::{Sim, choose, sometimes};
use std::time::Duration;

super::scenario!("durability-rewrite", "the log is rewritten again and again, and the power fails");

fn body(sim: &mut Sim) {
    run(sim, SHIPPED);
}

/// The scenario, with this server.
pub fn run(sim: &mut Sim, serve: Serve) {
    allow(sim, POWER);
    let (server, address) = durable(sim, Log, SyncPolicy::Always, serve);
    nemesis(sim, &server, 0, cut_power);
    let operator = sim.host("operator");
    sim.client(operator, "operator", move |k| {
        let mut client = Client::new(k, address, 99, CLIENT_TIMEOUT);
        for _ in 0..30 {
            let asked = client.ask(&[b"BGREWRITEAOF"]);
            sometimes!("a rewrite was begun", matches!(asked, Outcome::Answered(Frame::Simple(_))));
            sleep(k, Duration::from_micros(200 << choose("pause", 0, 10)));
            // A rewrite goes on with every turn of the server.
            client.ask(&[b"PING"]);
        }
    });
    let history = clients(sim, address, 3, 30, CLIENT_TIMEOUT);
    sim.run();
    check(sim, &history);
}
