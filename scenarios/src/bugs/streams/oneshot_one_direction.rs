//! One-shot registration for both directions, armed again for one (Pony runtime 2017): an event of either direction
//! disarms the whole descriptor, but the program keeps book of each direction by itself, and arms only the one that fired.
//! Whoever waits for the other direction waits for ever.

use crate::bugs::common::{connect, expect_reply, reply};
use crate::bugs::epoll_server::{Peer, answer};
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};

crate::bugs::planted!(
    "oneshot-one-direction",
    "B02",
    'a',
    ["O6"],
    "a one-shot descriptor is armed again for the direction that fired only"
);

/// What the program has recorded as armed.
#[derive(Clone)]
struct Armed(Events);

impl<K: Kernel> Peer<K, Armed> {
    fn write(&mut self) -> Result<()> {
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        sometimes!("output is pending", !self.pending.is_empty());
        Ok(())
    }
}

/// Answers a line with a number by that many bytes.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN | Events::ONESHOT, Armed(Events::IN), |peer, fired| {
        if fired.intersects(Events::IN) {
            if !peer.read::<256>()? {
                return Ok(None);
            }
            while let Some(line) = peer.lines.next() {
                peer.pending.extend(reply(line.parse().unwrap_or(0)));
            }
        }
        // Whatever fired: there may be room, and trying is cheap.
        peer.write()?;
        let wanted = if peer.pending.is_empty() { Events::IN } else { Events::IN | Events::OUT };
        let Armed(recorded) = std::mem::replace(&mut peer.own, Armed(wanted));
        let arm = if defect { wanted & (fired | wanted.without(recorded)) } else { wanted };
        Ok(Some(arm | Events::ONESHOT))
    })
}

/// Asks for a reply, sometimes for two at once, and reads them.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    for _ in 0..4 {
        let lengths: Vec<usize> =
            (0..choose("requests", 1, 2)).map(|_| choose("length", 1, 4000) as usize).collect();
        for length in &lengths {
            stream.write_all(format!("{length}\n").as_bytes()).unwrap();
        }
        for length in lengths {
            expect_reply(&stream, length);
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    crate::bugs::common::clients(sim, 2, move |k| ask(k, address));
}
