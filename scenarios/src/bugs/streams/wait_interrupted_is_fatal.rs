//! An interrupted wait that ends the server (pistache 2019, criu, datum gateway): -1 from `epoll_wait` is an error, and `EINTR` is
//! -1. A signal with a handler is enough, and the call is never restarted by itself. Repaired: after `EINTR` it waits again.

use crate::bugs::common::{clients, visit, wait};
use crate::bugs::common_replies::server;
use crate::bugs::epoll_server::answer_with;
use eagain_net::*;
use eagain_sim::Sim;

crate::bugs::planted!(
    "wait-interrupted-is-fatal",
    "B18",
    'd',
    ["O16", "O6"],
    "EINTR from the wait ends the server"
);

/// Answers each line with the same line.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let retrying = move |epoll: &Epoll<K>, events: &mut [EpollEvent]| {
        if defect { epoll.wait(events, None) } else { wait(epoll, events) }
    };
    answer_with(k, Events::IN, (), retrying, |peer, fired| {
        if fired.intersects(Events::IN) && !peer.read::<64>()? {
            return Ok(None);
        }
        while let Some(line) = peer.lines.next() {
            peer.pending.extend(format!("{line}\n").into_bytes());
        }
        peer.send_pending()?;
        Ok(Some(peer.interest()))
    })
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    clients(sim, 2, move |k| visit(k, address, "O6", "no answer"));
}
