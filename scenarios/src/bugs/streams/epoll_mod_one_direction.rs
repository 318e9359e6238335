//! Interest in a second direction that replaces the first (Redis 2009): the table of the program knows both, but
//! `EPOLL_CTL_MOD` is called with a mask of the new one alone. While a reply waits for room nothing is read, and a client that
//! writes all of its requests first never comes to read. Repaired: the mask is the union of both.

use crate::bugs::common::{clients, reply};
use crate::bugs::common_replies::{Load, ask, asked, server};
use crate::bugs::epoll_server::answer;
use eagain_net::*;
use eagain_sim::{Sim, sometimes};

crate::bugs::planted!(
    "epoll-mod-one-direction",
    "B04",
    'a',
    ["O6"],
    "the mask for a second direction drops the first"
);

/// Which directions have a handler, and for which the kernel was asked.
#[derive(Clone)]
struct Interest {
    handlers: Events,
    asked: Events,
}

impl Interest {
    /// Installs a handler for `direction`.
    fn add(&mut self, direction: Events, defect: bool) {
        self.handlers |= direction;
        self.asked = if defect { direction } else { self.handlers };
    }

    /// Removes the handler for `direction`.
    fn remove(&mut self, direction: Events) {
        self.handlers = self.handlers.without(direction);
        self.asked = self.handlers;
    }
}

/// Answers a line with a number by that many bytes.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, Interest { handlers: Events::IN, asked: Events::IN }, |peer, fired| {
        let waited = !peer.pending.is_empty();
        if fired.intersects(Events::IN) {
            if !peer.read::<256>()? {
                return Ok(None);
            }
            while let Some(line) = peer.lines.next() {
                peer.pending.extend(reply(asked(&line)));
            }
        }
        peer.send_pending()?;
        let waits = !peer.pending.is_empty();
        sometimes!("a reply waits for room", waits);
        match (waited, waits) {
            (false, true) => peer.own.add(Events::OUT, defect),
            (true, false) => peer.own.remove(Events::OUT),
            _ => {}
        }
        Ok(Some(peer.own.asked))
    })
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    // Requests and replies of one round are more than the buffers hold.
    (sim.knobs().send_buffer, sim.knobs().recv_buffer) = (4096, 4096);
    let load = Load { rounds: 3, at_once: 40, longest: 1000, filler: 600 };
    clients(sim, 2, move |k| ask(k, address, load));
}
