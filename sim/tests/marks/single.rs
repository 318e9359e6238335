//! A scenario with a file of its own.

use eagain_net::*;
use eagain_sim::run::Scenario;
use eagain_sim::{eventually, sometimes};
use std::time::Duration;

pub const SCENARIO: Scenario = Scenario {
    name: "single",
    about: "",
    knobs: &[],
    seeds: 1,
    body: |sim| {
        sim.faults(&[]);
        let host = sim.host("host");
        sim.client(host, "client", |k| {
            sleep(k, Duration::from_millis(1));
            sometimes!("it slept", true);
            crate::shared::call(k);
            if sim_is_broken(k) {
                repair();
            }
        });
    },
};

fn sim_is_broken(k: impl Kernel) -> bool {
    k.close(Fd(77)).is_ok()
}

fn repair() {
    eventually!("healed", true);
    sometimes!("met by both", true);
}
