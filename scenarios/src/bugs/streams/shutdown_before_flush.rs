//! The end before the last bytes (hyper 2026): when the reply is complete, the socket itself is shut down, past the buffer in
//! front of it. Where the last flush met a full socket, the tail of the reply is still in that buffer. Repaired: the socket is
//! shut down when the buffer is empty.

use crate::bugs::common::{Lines, clients, connect, expect_reply, reply};
use crate::bugs::common_replies::{asked, server};
use crate::bugs::epoll_server::answer;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};

crate::bugs::planted!(
    "shutdown-before-flush",
    "B09",
    'b',
    ["O2"],
    "the connection is shut down with a part of the reply unsent"
);

/// Answers one line with a number by that many bytes, and ends.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, false, |peer, fired| {
        if fired.intersects(Events::IN) && !peer.read::<256>()? {
            return Ok(None);
        }
        if let Some(line) = peer.lines.next() {
            peer.pending.extend(reply(asked(&line)));
            peer.own = true;
        }
        let complete = peer.own;
        peer.send_pending()?;
        sometimes!("a reply waits for room", !peer.pending.is_empty());
        if complete && (peer.pending.is_empty() || defect) {
            peer.stream.shutdown(ShutdownHow::Write)?;
            peer.pending.clear();
            peer.own = false;
        }
        Ok(Some(peer.interest()))
    })
}

/// A connection for each reply; its end is the end of the connection.
fn fetch<K: Kernel>(k: K, server: SocketAddr) {
    for _ in 0..4 {
        let stream = connect(k, server);
        let length = choose("length", 1, 4000) as usize;
        stream.write_all(format!("{length}\n").as_bytes()).unwrap();
        expect_reply(&stream, length);
        let more = Lines::default().read(&stream);
        if more != Ok(None) {
            fail("O2", "reply differs", format!("{more:?} instead of the end"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    clients(sim, 2, move |k| fetch(k, address));
}
