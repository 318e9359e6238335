//! Output in two places (Redis 2011): short replies go into a fixed buffer, what does not fit into a list behind it. The write
//! handler is removed when the list is empty; what a short write left in the fixed buffer waits for an event that nobody has
//! asked for. Repaired: it is removed when both are empty.

use crate::bugs::common::{clients, reply};
use crate::bugs::common_replies::{Load, ask, asked, server};
use crate::bugs::epoll_server::{Peer, answer};
use eagain_net::*;
use eagain_sim::{Sim, sometimes};
use std::collections::VecDeque;

crate::bugs::planted!(
    "write-handler-removed-early",
    "B07",
    'b',
    ["O6"],
    "the write handler is removed although the fixed buffer is not empty"
);

/// Bytes that the fixed buffer holds.
const FIXED: usize = 512;

/// The output of a client.
#[derive(Clone, Default)]
struct Output {
    fixed: Vec<u8>,
    list: VecDeque<Vec<u8>>,
    /// Whether the write handler is installed.
    handler: bool,
}

impl Output {
    fn add(&mut self, reply: Vec<u8>) {
        if self.fixed.is_empty() && self.list.is_empty() {
            self.handler = true;
        }
        if self.list.is_empty() && self.fixed.len() + reply.len() <= FIXED {
            self.fixed.extend(reply);
        } else {
            self.list.push_back(reply);
        }
    }
}

impl<K: Kernel> Peer<K, Output> {
    /// The write handler: sends until there is no room.
    fn flush(&mut self, defect: bool) -> Result<()> {
        let Output { fixed, list, handler } = &mut self.own;
        loop {
            let first = match list.front_mut() {
                _ if !fixed.is_empty() => &mut *fixed,
                Some(first) => first,
                None => break,
            };
            match self.stream.write(first) {
                Ok(n) => drop(first.drain(..n)),
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno),
            }
            if fixed.is_empty() && list.front().is_some_and(Vec::is_empty) {
                list.pop_front();
            }
        }
        sometimes!("a reply waits for room", !fixed.is_empty() || !list.is_empty());
        if list.is_empty() && (fixed.is_empty() || defect) {
            *handler = false;
        }
        Ok(())
    }
}

/// Answers a line with a number by that many bytes.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, Output::default(), |peer, fired| {
        if fired.intersects(Events::OUT) {
            peer.flush(defect)?;
        }
        if fired.intersects(Events::IN) {
            if !peer.read::<256>()? {
                return Ok(None);
            }
            while let Some(line) = peer.lines.next() {
                peer.own.add(reply(asked(&line)));
            }
        }
        Ok(Some(if peer.own.handler { Events::IN | Events::OUT } else { Events::IN }))
    })
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    let load = Load { rounds: 4, at_once: 6, longest: 1200, filler: 0 };
    clients(sim, 2, move |k| ask(k, address, load));
}
