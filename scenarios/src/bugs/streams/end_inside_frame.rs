//! A peer that ends inside a message (HAProxy's peers protocol 2020): the decoder says "more is needed" without a look at whether
//! more can come. The connection stays in the set, its end is readable for ever, and the loop turns without getting anywhere.
//! Repaired: the end inside a message ends the connection.

use crate::bugs::common::{Lines, clients, connect, pause, reply};
use crate::bugs::common_replies::server;
use crate::bugs::common_sessions::{Frames, frame};
use crate::bugs::epoll_server::answer;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "end-inside-frame",
    "B14",
    'c',
    ["O3"],
    "a peer that ends inside a message leaves the server in a loop"
);

/// Acknowledges each message by its length.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, Frames::default(), |peer, fired| {
        let mut closed = false;
        if fired.intersects(Events::IN) {
            let mut bytes = [0; 256];
            match peer.stream.read(&mut bytes) {
                Ok(0) | Err(Errno::ECONNRESET) => closed = true,
                Ok(n) => peer.own.feed(&bytes[..n]),
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
        }
        while let Some(message) = peer.own.next() {
            peer.pending.extend(format!("{}\n", message.len()).into_bytes());
        }
        peer.send_pending()?;
        sometimes!("an end inside a message", closed && peer.own.is_inside());
        if defect && peer.own.is_inside() {
            // More is needed.
            return Ok(Some(peer.interest()));
        }
        Ok((!closed).then(|| peer.interest()))
    })
}

/// Uploads some messages; now and then is stopped on the way. Says that this was all, and waits for the end.
fn upload<K: Kernel>(k: K, server: SocketAddr) {
    for _ in 0..4 {
        let stream = connect(k, server);
        let mut lines = Lines::default();
        for _ in 0..choose("messages", 1, 3) {
            let message = frame(&reply(choose("length", 1, 600) as usize));
            let stopped = choose("stopped", 0, 3) == 3;
            let sent =
                if stopped { choose("sent", 0, message.len() as u64 - 1) as usize } else { message.len() };
            stream.write_all(&message[..sent]).unwrap();
            if stopped {
                break;
            }
            let expected = (message.len() - 2).to_string();
            match lines.read(&stream) {
                Ok(Some(line)) if line == expected => {}
                other => return fail("O1", "wrong reply", format!("{other:?} instead of {expected}")),
            }
            pause(k, "think", Duration::from_millis(5));
        }
        stream.shutdown(ShutdownHow::Write).unwrap();
        match lines.read(&stream) {
            Ok(None) => {}
            other => return fail("O1", "wrong reply", format!("{other:?} instead of the end")),
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    clients(sim, 2, move |k| upload(k, address));
}
