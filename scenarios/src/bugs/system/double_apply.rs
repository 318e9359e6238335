//! A link between servers that sends again what may have been executed. Repaired: whether it was is unknown, and the client
//! gets an error.

use crate::cluster::restart_storm::storm;
use crate::cluster::run::run;
use crate::durability::replaced::with_links;
use crate::durability::server::{SHIPPED, Serve};
use eagain_server::cluster::link::{Answers, Link};
use eagain_server::cluster::permanent_connection::{Answer, LinkOptions, PermanentConnection};
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::bugs::planted!(
    "double-apply",
    "B77",
    'o',
    ["O1", "O2", "O7", "O8"],
    "a link sends again what may have been executed"
);

/// Says of everything that was under way that it was not executed.
#[derive(Debug)]
struct SendsAgain(PermanentConnection);

impl Link for SendsAgain {
    fn connection(&self) -> &PermanentConnection {
        &self.0
    }

    fn connection_mut(&mut self) -> &mut PermanentConnection {
        &mut self.0
    }

    fn lost(&mut self, now_ns: u64, answer: Answers<'_>) {
        self.0.lost(now_ns, |id, _| answer(id, Answer::NotExecuted));
    }
}

/// Makes such a link.
pub fn sends_again(options: LinkOptions, seed: u64) -> Box<dyn Link> {
    Box::new(SendsAgain(PermanentConnection::new(options, seed)))
}

fn build(sim: &mut Sim, defect: bool) {
    let broken: Serve = |k, config, log| with_links(k, config, log, sends_again);
    run(sim, &[Family::ProcessKill], if defect { broken } else { SHIPPED }, storm);
}
