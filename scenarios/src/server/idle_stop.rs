//! SIGTERM while clients are connected and silent: nobody has anything to get, so that the server ends at once (O14).

use crate::client::{Client, End};
use crate::run::kernel::World;
use crate::script::KNOBS;
use crate::workload::Request;
use eagain_server::config::Config;
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "idle-stop",
    about: "SIGTERM while clients are connected and silent: the server ends at once",
    knobs: KNOBS,
    seeds: 64,
    body: |sim| run(sim, |_| {}),
};

/// How long clients are silent: longer than the server waits for the end of one that is not.
const SILENT: Duration = Duration::from_secs(5);
/// Within this the server has ended: many times what its threads take.
const AT_ONCE: Duration = Duration::from_millis(500);

/// The scenario, with what is special about the server. Nothing that takes time goes wrong, because time is measured.
pub fn run(sim: &mut Sim, mutate: fn(&mut Config)) {
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup, Family::WireSplit]);
    let Some(mut world) = World::new(sim, mutate) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, async |context| {
            let mut client = Client::connect(&context, 0).await;
            context.must(client.ask(&Request::Ping(b"hello".to_vec())).await);
            match client.receive(64).await {
                Err(End::Closed) => {}
                other => context.must(other),
            }
        });
    }
    world.stop_within(sim, SILENT, AT_ONCE);
    world.run(sim, Duration::from_secs(1));
}
