//! What scenarios share.

use eagain_net::*;
use eagain_sim::{mark, sometimes};

pub fn call(k: impl Kernel) {
    let is_open = k.close(Fd(77)).is_ok();
    sometimes!("a call", true);
    if is_open {
        sometimes(mark!("a retry"), true);
    }
}

pub fn build(sim: &mut eagain_sim::Sim, body: fn()) {
    let host = sim.host("host");
    sim.client(host, "client", move |k| {
        call(k);
        body();
    });
}
