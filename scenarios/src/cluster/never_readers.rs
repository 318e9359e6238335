//! Clients of the access server that ask for large values and read nothing. They hold up nobody but themselves: who asks
//! little beside them is served in time (O13), and no server holds more for them than a bound.

use super::servers::cluster;
use crate::durability::client::{CLUSTER_TIMEOUT, Client};
use crate::durability::server::SHIPPED;
use crate::durability::workload::Outcome;
use crate::resp::encode;
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel, choose, fail};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

crate::durability::scenario!(
    "cluster-never-readers",
    "clients ask a cluster for large values and read nothing; others are served in time"
);

/// How many clients read nothing.
const NEVER_READERS: u64 = 3;
/// Requests of each.
const REQUESTS: usize = 600;
/// What each asks for.
const VALUE_BYTES: usize = 32 * 1024;
/// No request of the client that reads takes longer.
const LATE: Duration = Duration::from_secs(1);
/// What a server between may hold.
const MEMORY_MAX: u64 = 4 << 20;

fn body(sim: &mut Sim) {
    sim.faults(&[Family::OffCpu, Family::WireDelay, Family::WireSplit]);
    let cluster = cluster(sim, SHIPPED);
    for server in cluster.logics.iter().chain([&cluster.access]) {
        sim.memory_limit(server.process, MEMORY_MAX);
    }
    let (stored, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for number in 0..NEVER_READERS {
        let name = format!("never-reader-{number}");
        let host = sim.host(&name);
        let (address, stored, over) = (cluster.address, stored.clone(), over.clone());
        sim.client(host, &name, move |k| {
            wait_for(k, &stored);
            if let Ok(stream) = TcpStream::connect(k, address) {
                ask_without_reading(k, &stream);
                wait_for(k, &over);
            }
        });
    }
    let host = sim.host("reader");
    sim.client(host, "reader", move |k| {
        let mut client = Client::new(k, cluster.address, 1, CLUSTER_TIMEOUT);
        let value = vec![b'x'; VALUE_BYTES];
        while !matches!(client.ask(&[b"SET", b"large", &value]), Outcome::Answered(_)) {
            sleep(k, Duration::from_millis(10));
        }
        stored.store(true, SeqCst);
        for _ in 0..20 {
            sleep(k, Duration::from_micros(100 << choose("pause", 0, 8)));
            let asked = now(k);
            let outcome = client.ask(&[b"SET", b"small", b"1"]);
            let took = now(k) - asked;
            if took > LATE {
                fail(
                    "O13",
                    "reply late",
                    format!("a SET beside clients that never read: {outcome:?} after {took:?}"),
                );
                break;
            }
        }
        over.store(true, SeqCst);
    });
    sim.run();
}

fn wait_for(k: SimKernel, flag: &AtomicBool) {
    while !flag.load(SeqCst) {
        sleep(k, Duration::from_millis(5));
    }
}

/// Sends as much as the connection takes within a second.
fn ask_without_reading(k: SimKernel, stream: &TcpStream<SimKernel>) {
    let requests = encode(&[b"GET", b"large"]).repeat(REQUESTS);
    let mut rest = &requests[..];
    let until = now(k) + Duration::from_secs(1);
    if stream.set_nonblocking(true).is_err() {
        return;
    }
    while !rest.is_empty() && now(k) < until {
        match stream.write(rest) {
            Ok(n) => rest = &rest[n..],
            Err(Errno::EAGAIN | Errno::EINTR) => sleep(k, Duration::from_millis(10)),
            Err(_) => return,
        }
    }
}
