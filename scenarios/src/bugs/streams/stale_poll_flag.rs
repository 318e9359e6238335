//! "Polled for writing" kept twice (HAProxy 2012): in the connection and in the poller. Sending at once, without an event, sets
//! the flag of the connection; where that send was short, the update finds the flag as it should be and leaves the poller as it
//! is. From then on the connection waits for an event that nobody reports. Repaired: the flag changes with the poller only.

use crate::bugs::common::{clients, reply};
use crate::bugs::common_replies::{Load, ask, asked, server};
use crate::bugs::epoll_server::{Peer, answer};
use eagain_net::*;
use eagain_sim::{Sim, sometimes};

crate::bugs::planted!(
    "stale-poll-flag",
    "B08",
    'b',
    ["O6"],
    "a connection has recorded that it is polled for writing, and the poller does not poll for it"
);

#[derive(Clone)]
struct Polling {
    /// What the connection has recorded.
    recorded: bool,
    /// What the poller has.
    polled: Events,
    /// The last send was short: whoever has more to send waits for the event.
    waiting: bool,
}

impl<K: Kernel> Peer<K, Polling> {
    /// Sends without an event that says that there is room.
    fn send_at_once(&mut self, defect: bool) -> Result<()> {
        if self.own.waiting {
            return Ok(());
        }
        if defect {
            self.own.recorded = true;
        }
        self.send()
    }

    fn send(&mut self) -> Result<()> {
        self.send_pending()?;
        self.own.waiting = !self.pending.is_empty();
        sometimes!("a send was short", self.own.waiting);
        Ok(())
    }

    /// Passes the changes to the poller.
    fn update(&mut self) -> Events {
        if self.own.recorded != self.own.waiting {
            self.own.recorded = self.own.waiting;
            self.own.polled = self.interest();
        }
        self.own.polled
    }
}

/// Answers a line with a number by that many bytes.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let polling = Polling { recorded: false, polled: Events::IN, waiting: false };
    answer(k, Events::IN, polling, |peer, fired| {
        if fired.intersects(Events::OUT) {
            peer.send()?;
        }
        if fired.intersects(Events::IN) {
            if !peer.read::<256>()? {
                return Ok(None);
            }
            while let Some(line) = peer.lines.next() {
                peer.pending.extend(reply(asked(&line)));
            }
            peer.send_at_once(defect)?;
        }
        Ok(Some(peer.update()))
    })
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    let load = Load { rounds: 4, at_once: 4, longest: 3000, filler: 0 };
    clients(sim, 2, move |k| ask(k, address, load));
}
