//! A pipelined request that nobody looks at (libevent 2010): parsing is begun by "bytes arrived" alone. Where the next
//! request was read together with the current one, and the reply to that had to wait for room, nothing more arrives.
//! Repaired: what is already there is parsed when the reply is through.

use crate::bugs::common::{connect, expect_reply, reply};
use crate::bugs::epoll_server::{Peer, answer};
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};

crate::bugs::planted!(
    "pipelined-request-forgotten",
    "B15",
    'c',
    ["O6"],
    "a request that was read with the one before is not parsed when that one's reply had to wait"
);

impl<K: Kernel> Peer<K, ()> {
    /// Sends what is pending; whether all of it is through.
    fn flush(&mut self) -> Result<bool> {
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(Errno::EAGAIN) => return Ok(false),
                Err(errno) => return Err(errno),
            }
        }
        Ok(true)
    }

    /// Answers one request after the other, for as long as replies go through.
    fn answer(&mut self) -> Result<()> {
        while let Some(line) = self.lines.next() {
            self.pending = reply(line.parse().unwrap_or(0));
            if !self.flush()? {
                sometimes!("a reply waits for room", true);
                break;
            }
        }
        Ok(())
    }
}

/// Answers a line with a number by that many bytes, one request at a time: while a reply waits, nothing is read.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, (), |peer, _| {
        if !peer.pending.is_empty() {
            if peer.flush()? && !defect {
                peer.answer()?;
            }
        } else if peer.read::<256>()? {
            peer.answer()?;
        } else {
            return Ok(None);
        }
        Ok(Some(if peer.pending.is_empty() { Events::IN } else { Events::OUT }))
    })
}

/// Asks for one or two replies in one go, then reads them.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    for _ in 0..4 {
        let lengths: Vec<usize> =
            (0..choose("requests", 1, 2)).map(|_| choose("length", 1, 4000) as usize).collect();
        let requests: String = lengths.iter().map(|length| format!("{length}\n")).collect();
        stream.write_all(requests.as_bytes()).unwrap();
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
