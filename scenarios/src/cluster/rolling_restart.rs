//! One server after the other is asked to stop, and begins again.

use super::run::{pause, run};
use super::servers::Cluster;
use crate::durability::server::SHIPPED;
use eagain_net::{Signal, Signals, sleep};
use eagain_sim::Sim;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

crate::durability::scenario!(
    "cluster-rolling-restart",
    "one server after the other is asked to stop, and begins again"
);

fn body(sim: &mut Sim) {
    run(sim, &[], SHIPPED, roll);
}

/// An operator on each host asks its server to stop when it is its turn.
fn roll(sim: &mut Sim, cluster: &Cluster) {
    let turn = Arc::new(AtomicUsize::new(0));
    for (number, server) in cluster.all().into_iter().enumerate() {
        let turn = turn.clone();
        sim.client(server.host, &format!("operator-{number}"), move |k| {
            while turn.load(SeqCst) < number {
                sleep(k, Duration::from_millis(50));
            }
            pause(k, "before", 6, 13);
            // Between two starts there is nobody to be asked.
            let _ = k.kill(server.pid.load(SeqCst), Signal::SIGTERM);
            pause(k, "after", 10, 14);
            turn.store(number + 1, SeqCst);
        });
    }
}
