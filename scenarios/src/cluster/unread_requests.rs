//! SIGTERM for the access server while requests lie in its sockets: its process does not run when they come, nor when the signal
//! comes. Each is answered before the server ends.

use super::servers::cluster;
use crate::client::line::Line;
use crate::durability::server::{SHIPPED, Server};
use crate::run::operator::{Stop, stop_while_stopped};
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, fail};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

crate::durability::scenario!(
    "cluster-unread-requests",
    "SIGTERM while requests lie in the sockets of the access server: each is answered"
);

/// How many ask.
const CLIENTS: u64 = 4;
/// How long the process does not run: many times what a request is under way.
const STOPPED: Duration = Duration::from_secs(1);

/// Nothing that takes time goes wrong, so that every request arrives in time.
fn body(sim: &mut Sim) {
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup, Family::WireSplit]);
    let cluster = cluster(sim, SHIPPED);
    let answered = Arc::new(AtomicU64::new(0));
    // When the process did not run any more.
    let stopped = Arc::new(AtomicU64::new(u64::MAX));
    for number in 0..CLIENTS {
        let (address, answered, stopped) = (cluster.address, answered.clone(), stopped.clone());
        let name = format!("client-{number}");
        let host = sim.host(&name);
        sim.client(host, &name, move |k| {
            let mut line = Line::connect(k, number, || TcpStream::connect(k, address));
            // Half of them ask what the access server answers itself. Until the servers behind are there, an error is a reply too.
            let request: &[&[u8]] = if number % 2 == 0 { &[b"PING"] } else { &[b"GET", b"key"] };
            // And half do not wait for a reply before they ask again.
            let outstanding_max = 1 + (number / 2 % 2) as usize;
            let mut asked = VecDeque::new();
            let mut is_first = true;
            loop {
                while asked.len() < outstanding_max {
                    asked.push_back(now(k));
                    // Where that fails, so does what follows.
                    line.send(request);
                }
                if line.hear().is_none() {
                    break;
                }
                asked.pop_front();
                if std::mem::take(&mut is_first) {
                    answered.fetch_add(1, SeqCst);
                }
            }
            let unanswered = asked.front().copied().unwrap_or(Instant(u64::MAX));
            if unanswered.0 < stopped.load(SeqCst).saturating_add(STOPPED.as_nanos() as u64 / 2) {
                let message = format!("client {number}: what it asked at {unanswered:?} is not answered");
                fail("O2", "request lost", message);
            }
        });
    }
    let Server { host, pid, .. } = cluster.access;
    let stop = Stop { host, pid, at: stopped, after: STOPPED };
    stop_while_stopped(sim, stop, move || answered.load(SeqCst) == CLIENTS, || {});
    sim.run();
}
