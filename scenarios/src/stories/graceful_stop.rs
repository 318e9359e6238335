//! SIGTERM under load: what was received is answered, and the server ends in time.

use crate::actor::Client;
use crate::workload::Request;
use crate::world::World;
use eagain_net::sleep;
use eagain_sim::Sim;
use eagain_sim::{choose, sometimes};
use std::time::Duration;

super::story!(
    "graceful-stop",
    "sIGTERM under load: what was received is answered, and the server ends in time"
);

fn body(sim: &mut Sim) {
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, |k, stage, number| {
            for connection in 0.. {
                let tag = format!("<{number}.{connection}>");
                let Ok(mut client) = Client::try_connect(k, stage, number, &tag) else {
                    // Not there yet, or not any more.
                    if connection > 100 {
                        return;
                    }
                    sleep(k, Duration::from_millis(10));
                    continue;
                };
                let mut request = 0_u64;
                while client.ask(&Request::Incr(format!("{tag}{}", request % 2))).is_ok() {
                    request += 1;
                }
                sometimes("a client was answered before the stop", request > 0);
                return;
            }
        });
    }
    world.stop_after(sim, || Duration::from_micros(choose("patience", 100, 50_000)));
    world.play(sim);
}
