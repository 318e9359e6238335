//! The peer's end taken for the end of its data (netty 2015): on `EPOLLRDHUP` the server reads once and marks its input as shut;
//! what the one read did not take is never read. Repaired: it reads until there is nothing more.

use crate::bugs::common::{clients, connect, expect_reply, reply};
use crate::bugs::common_replies::{asked, server};
use crate::bugs::epoll_server::answer;
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};

crate::bugs::planted!(
    "end-before-data",
    "B22",
    'e',
    ["O2"],
    "what the peer sent right before its end is not read"
);

/// Answers a line with a number by that many bytes; ends when the peer has, and all is answered. `own`: the peer has ended.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN | Events::RDHUP, false, |peer, fired| {
        let ended = fired.intersects(Events::RDHUP);
        let mut open = !peer.own;
        while open {
            open = peer.read::<64>()?;
            if !ended || defect {
                break;
            }
        }
        sometimes!("data and end came together", ended && open);
        peer.own |= ended || !open;
        while let Some(line) = peer.lines.next() {
            peer.pending.extend(reply(asked(&line)));
        }
        peer.send_pending()?;
        // `RDHUP` would be reported for as long as the reply waits for room.
        Ok(match (peer.own, peer.pending.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Events::OUT),
            (false, _) => Some(peer.interest() | Events::RDHUP),
        })
    })
}

/// Asks for some replies in one go, says that this was all, and reads them.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    for _ in 0..3 {
        let stream = connect(k, server);
        let lengths: Vec<usize> =
            (0..choose("requests", 1, 30)).map(|_| choose("length", 1, 300) as usize).collect();
        let requests: String = lengths.iter().map(|length| format!("{length}\n")).collect();
        stream.write_all(requests.as_bytes()).unwrap();
        stream.shutdown(ShutdownHow::Write).unwrap();
        for length in lengths {
            expect_reply(&stream, length);
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    clients(sim, 2, move |k| ask(k, address));
}
