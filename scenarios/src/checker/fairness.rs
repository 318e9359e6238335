//! O13: a client that asks little is served in time, whatever the others do.

use crate::history::History;
use eagain_sim::Sim;
use std::time::Duration;

/// Checks the replies to `client`: none may take longer than `bound`.
pub fn check(sim: &mut Sim, history: &History, client: u64, bound: Duration) {
    for exchange in history.exchanges().iter().filter(|exchange| exchange.client == client) {
        let Some((answered, _)) = exchange.answered else { continue };
        let took = answered - exchange.asked;
        if took > bound {
            let message = format!("client {client} waited {took:?} for {:?}", exchange.request);
            return sim.fail("O13", "reply late", message);
        }
    }
}
