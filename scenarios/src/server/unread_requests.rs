//! SIGTERM while requests lie in the sockets: the process does not run when they come, nor when the signal comes. Each is answered,
//! and the server ends.

use crate::client::{Client, Runtime};
use crate::run::kernel::World;
use crate::script::KNOBS;
use crate::workload::Request;
use eagain_net::Instant;
use eagain_server::config::Config;
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use eagain_sim::{Sim, fail};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "unread-requests",
    about: "SIGTERM while requests lie in the sockets: each is answered",
    knobs: KNOBS,
    seeds: 64,
    body: |sim| run(sim, |_| {}),
};

/// How long the process does not run: many times what a request is under way.
const STOPPED: Duration = Duration::from_secs(1);

/// The scenario, with what is special about the server. Nothing that takes time goes wrong, so that every request arrives in time.
pub fn run(sim: &mut Sim, mutate: fn(&mut Config)) {
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup, Family::WireSplit]);
    let Some(mut world) = World::new(sim, mutate) else { return };
    let count = sim.number("clients");
    let answered = Arc::new(AtomicU64::new(0));
    // When the process did not run any more.
    let stopped = Arc::new(AtomicU64::new(u64::MAX));
    for _ in 0..count {
        let (answered, stopped) = (answered.clone(), stopped.clone());
        world.client(sim, async move |context| {
            let mut client = Client::connect(&context, 0).await;
            // Every other one does not wait for a reply before it asks again.
            let outstanding_max = 1 + (context.number % 2) as usize;
            let mut asked = VecDeque::new();
            let mut requests = 0_u64;
            let end = loop {
                while asked.len() < outstanding_max {
                    asked.push_back(context.runtime.now());
                    let bytes = client.begin(&Request::Ping(requests.to_string().into_bytes()));
                    requests += 1;
                    // Where that fails, so does what follows.
                    let _ = client.send(&bytes).await;
                }
                if let Err(end) = client.receive(64).await {
                    break end;
                }
                let is_first = requests == asked.len() as u64;
                asked.drain(..asked.len() - client.outstanding());
                if is_first && asked.len() < outstanding_max {
                    answered.fetch_add(1, SeqCst);
                }
            };
            let unanswered = asked.front().copied().unwrap_or(Instant(u64::MAX));
            if unanswered.0 < stopped.load(SeqCst).saturating_add(STOPPED.as_nanos() as u64 / 2) {
                let message = format!(
                    "client {}: what it asked at {unanswered:?} is not answered: {end:?}",
                    context.number
                );
                fail("O2", "request lost", message);
            }
        });
    }
    world.stop_while_stopped(sim, move || answered.load(SeqCst) == count, stopped, STOPPED);
    world.run(sim, Duration::from_secs(10));
}
