//! With `always` a reply waits for its sync, and for nothing else: where the disk is fast, it comes soon (O13).

use super::client::{CLIENT_TIMEOUT, Client};
use super::server::{SHIPPED, Serve, durable};
use super::workload::Outcome;
use crate::resp::Frame;
use eagain_net::*;
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::fault::Family;
use eagain_sim::{Sim, choose, fail};
use std::time::Duration;

super::scenario!("durability-always-latency", "with always a reply waits for its sync, and for nothing else");

/// No write takes longer: many times what a sync and the threads on its way take.
const LATE: Duration = Duration::from_millis(500);

fn body(sim: &mut Sim) {
    run(sim, SHIPPED);
}

/// The scenario, with this server. Nothing that takes long goes wrong, because time is measured.
pub fn run(sim: &mut Sim, serve: Serve) {
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup]);
    let (_, address) = durable(sim, Engine::Log, SyncPolicy::Always, serve);
    for number in 1..=3 {
        let name = format!("client-{number}");
        let host = sim.host(&name);
        sim.client(host, &name.clone(), move |k| {
            // When it begins, the server may not be there yet.
            sleep(k, Duration::from_secs(1));
            let mut client = Client::new(k, address, number, CLIENT_TIMEOUT);
            for _ in 0..20 {
                sleep(k, Duration::from_micros(100 << choose("pause", 0, 8)));
                let asked = now(k);
                let outcome = client.ask(&[b"SET", name.as_bytes(), b"value"]);
                let took = now(k) - asked;
                if took > LATE {
                    return fail("O13", "reply late", format!("a SET came to {outcome:?} after {took:?}"));
                }
                // An error may come soon and be no reply.
                if outcome != Outcome::Answered(Frame::Simple(b"OK".to_vec())) {
                    return fail(
                        "O2",
                        "not acknowledged",
                        format!("a SET came to {outcome:?} on a disk without faults"),
                    );
                }
            }
        });
    }
    sim.run();
}
