//! Memory for what is only announced (Redis 2021, CVE-2021-32675): the parser reserves as much as a header says before any of it
//! has come, so that some clients with a few bytes each cost the server all its memory. Repaired: what is reserved grows with
//! what comes.

use crate::bugs::common::{Lines, PORT, clients, connect, pause, reply};
use crate::bugs::common_services::write_short;
use crate::bugs::epoll_server::{Peer, answer};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail};
use std::time::Duration;

crate::bugs::planted!(
    "announced-length-trusted",
    "B42",
    'i',
    ["O4"],
    "a length in a header reserves memory before anything of it has come"
);

/// The longest upload.
const LONGEST: u64 = 8 << 20;
/// What the server may hold, with the buffers of its sockets.
const MEMORY_MAX: u64 = 12 << 20;

/// An upload that has begun: its length, and what is there of it.
type Upload = Option<(usize, Vec<u8>)>;

/// Takes uploads, a line with a length and so many bytes behind it, and answers each with a line.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, None, |peer: &mut Peer<K, Upload>, _| {
        let mut bytes = [0; 4096];
        let n = match peer.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(None),
            Err(Errno::EAGAIN) => return Ok(Some(Events::IN)),
            n => n?,
        };
        let mut rest = &bytes[..n];
        while let Some((&byte, behind)) = rest.split_first() {
            let Some((length, body)) = &mut peer.own else {
                peer.lines.feed(&[byte]);
                rest = behind;
                if let Some(length) = peer.lines.next().and_then(|header| header.parse().ok()) {
                    peer.own = Some((length, Vec::with_capacity(if defect { length } else { 0 })));
                }
                continue;
            };
            let taken = rest.len().min(*length - body.len());
            body.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if body.len() == *length {
                peer.own = None;
                write_short(&peer.stream, "stored")?;
            }
        }
        Ok(Some(Events::IN))
    })
}

/// Uploads: most are short; a long one is given up somewhere.
fn upload<K: Kernel>(k: K, server: SocketAddr) {
    for round in 0..4 {
        let stream = connect(k, server);
        let is_long = choose("long", 0, 3) == 3;
        let length = choose("length", 1, if is_long { LONGEST } else { 1 << 10 }) as usize;
        let body = reply(length.min(16 << 10));
        let sent = stream.write_all(format!("{length}\n").as_bytes()).and_then(|()| stream.write_all(&body));
        if sent.is_err() {
            return fail("O2", "upload refused", format!("round {round}: {sent:?}"));
        }
        if body.len() < length {
            pause(k, "thinks better of it", Duration::from_millis(50));
            continue;
        }
        let answer = Lines::default().read(&stream);
        if answer != Ok(Some("stored".to_owned())) {
            return fail("O1", "no reply", format!("{length} bytes were answered by {answer:?}"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let server = sim.server(host, "server", move |k| serve(k, defect).unwrap());
    sim.memory_limit(server, MEMORY_MAX);
    clients(sim, 6, move |k| upload(k, address));
}
