//! A retry that offers less (HAProxy with OpenSSL 2014): a record layer whose write would block wants the same bytes again, or
//! more of them. The layer above sizes records by how busy the connection is, decides anew after each attempt, and after a pause
//! offers fewer: a fatal error. Repaired: a retry offers what was refused.

use crate::bugs::common::{clients, connect, pause, reply};
use crate::bugs::common_replies::{asked, server};
use crate::bugs::common_sessions::{Frames, frame};
use crate::bugs::epoll_server::answer;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "retry-with-less",
    "B10",
    'b',
    ["O2"],
    "after EAGAIN a record is offered again with fewer bytes"
);

/// Records of a connection that was idle for so long are small.
const IDLE: Duration = Duration::from_millis(20);
const SMALL: usize = 100;
const LARGE: usize = 1000;

/// The record layer of one connection.
#[derive(Clone, Default)]
struct Records {
    /// What is left of a record that has begun.
    rest: Vec<u8>,
    /// Its payload's length; 0: none has begun.
    begun: usize,
}

impl Records {
    /// Makes one record of `bytes` and sends it. `EAGAIN`: not all of it went, call again with no fewer bytes. `EPROTO`: they
    /// were fewer.
    fn write<K: Kernel>(&mut self, stream: &TcpStream<K>, bytes: &[u8]) -> Result<usize> {
        if self.begun == 0 {
            (self.begun, self.rest) = (bytes.len(), frame(bytes));
        } else if bytes.len() < self.begun {
            return Err(Errno::EPROTO);
        }
        while !self.rest.is_empty() {
            let n = stream.write(&self.rest)?;
            self.rest.drain(..n);
        }
        Ok(std::mem::take(&mut self.begun))
    }
}

/// What the layer above keeps.
#[derive(Clone, Default)]
struct Sender {
    records: Records,
    /// Sent since it was last idle.
    burst: usize,
    sent_at: Instant,
    /// What the last attempt offered, where it was refused.
    refused: usize,
}

impl Sender {
    fn record(&mut self, at: Instant, defect: bool) -> usize {
        if at - self.sent_at > IDLE {
            self.burst = 0;
        }
        let size = if self.burst < LARGE { SMALL } else { LARGE };
        sometimes!("a retry would offer less", size < self.refused);
        if defect { size } else { size.max(self.refused) }
    }
}

/// Answers a line with a number by that many bytes, in records.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, Sender::default(), |peer, fired| {
        if fired.intersects(Events::IN) && !peer.read::<256>()? {
            return Ok(None);
        }
        while let Some(line) = peer.lines.next() {
            peer.pending.extend(reply(asked(&line)));
        }
        let sender = &mut peer.own;
        while !peer.pending.is_empty() {
            let size = sender.record(now(k), defect).min(peer.pending.len());
            match sender.records.write(&peer.stream, &peer.pending[..size]) {
                Ok(n) => {
                    peer.pending.drain(..n);
                    (sender.burst, sender.sent_at, sender.refused) = (sender.burst + n, now(k), 0);
                }
                Err(Errno::EAGAIN) => {
                    sender.refused = size;
                    break;
                }
                // As TLS does: the connection is of no further use.
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(peer.interest()))
    })
}

/// Asks for replies of many records, now at once, now after a pause.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut records = Frames::default();
    for _ in 0..4 {
        pause(k, "think", Duration::from_millis(40));
        let length = choose("length", 1, 6000) as usize;
        let _ = stream.write_all(format!("{length}\n").as_bytes());
        let mut got = Vec::new();
        while got.len() < length {
            match records.read(&stream) {
                Ok(Some(record)) => got.extend(record),
                other => {
                    let so_far = format!("{} of {length} bytes, then {other:?}", got.len());
                    return fail("O2", "reply cut short", so_far);
                }
            }
        }
        if got != reply(length) {
            return fail("O2", "reply differs", format!("that of {length} bytes"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    clients(sim, 2, move |k| ask(k, address));
}
