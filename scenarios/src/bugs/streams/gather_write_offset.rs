//! A gathered write that stopped in the middle (Bun 2026): old pending bytes and a new reply go out in one call; of a
//! partial count the subtraction is the wrong way round, so that bytes of the new reply are lost or sent again.

use crate::bugs::common::{connect, expect_reply, reply};
use crate::bugs::epoll_server::{Peer, answer};
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::io::IoSlice;

crate::bugs::planted!(
    "gather-write-offset",
    "B06",
    'b',
    ["O2", "O6"],
    "after a short gathered write, bytes are lost or repeated"
);

impl<K: Kernel> Peer<K, ()> {
    /// Sends what is pending and `new` behind it; what does not go out is pending.
    fn send(&mut self, new: &[u8], defect: bool) -> Result<()> {
        let sent = match self.stream.writev(&[IoSlice::new(&self.pending), IoSlice::new(new)]) {
            Err(Errno::EAGAIN) => 0,
            sent => sent?,
        };
        let old = self.pending.len();
        if sent == old + new.len() {
            self.pending.clear();
            return Ok(());
        }
        sometimes!("a gathered write was short", true);
        let of_new = if defect { old.saturating_sub(sent) } else { sent.saturating_sub(old) };
        self.pending.drain(..sent.min(old));
        self.pending.extend_from_slice(&new[of_new.min(new.len())..]);
        Ok(())
    }
}

/// Answers a line with a number by that many bytes.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, (), |peer, fired| {
        if fired.intersects(Events::OUT) {
            peer.send(&[], defect)?;
        }
        if fired.intersects(Events::IN) {
            if !peer.read::<256>()? {
                return Ok(None);
            }
            while let Some(line) = peer.lines.next() {
                peer.send(&reply(line.parse().unwrap_or(0)), defect)?;
            }
        }
        Ok(Some(if peer.pending.is_empty() { Events::IN } else { Events::IN | Events::OUT }))
    })
}

/// Asks for several replies at once, then reads them.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    for _ in 0..3 {
        let lengths: Vec<usize> =
            (0..choose("requests", 1, 6)).map(|_| choose("length", 1, 2000) as usize).collect();
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
