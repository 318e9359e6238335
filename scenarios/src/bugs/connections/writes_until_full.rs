//! A write handler that goes on until there is no room (Redis 2009): a client that reads as fast as the server writes keeps making
//! room, and its large reply holds the loop until the last byte. Repaired: after so many bytes the others have their turn.

use crate::bugs::common::{Lines, PORT, connect, listen, pause, reply, retry_when_full, visit, wait};
use crate::bugs::common_turns::{BUFFER, LONGEST, TOO_MUCH, Turn};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "writes-until-full",
    "B40",
    'i',
    ["O13"],
    "a large reply to a fast reader is written in one turn of the loop"
);

const LISTENER: u64 = 0;
/// A reply is a list of pieces of this size at most.
const PIECE: usize = 4 << 10;
/// What a repaired server writes to one client in a turn.
const SHARE: usize = 16 << 10;

struct Peer<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    pending: Vec<u8>,
    sent: usize,
}

impl<K: Kernel> Peer<K> {
    /// Reads once. `false`: the peer has ended.
    fn read(&mut self) -> Result<bool> {
        let mut bytes = [0; 64];
        match self.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
            Ok(n) => self.lines.feed(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        while let Some(line) = self.lines.next() {
            // `get N` asks for N bytes, any other line for itself.
            match line.strip_prefix("get ").and_then(|length| length.parse().ok()) {
                Some(length) => self.pending.extend_from_slice(&reply(length)),
                None => self.pending.extend_from_slice(format!("{line}\n").as_bytes()),
            }
        }
        Ok(true)
    }

    /// Writes what is pending, up to `share` bytes; how many.
    fn write(&mut self, share: usize) -> Result<usize> {
        let begun = self.sent;
        while self.sent < self.pending.len() && self.sent - begun < share {
            let rest = &self.pending[self.sent..];
            match self.stream.write(&rest[..rest.len().min(PIECE)]) {
                Ok(n) => self.sent += n,
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        let written = self.sent - begun;
        if self.sent == self.pending.len() {
            self.pending.clear();
            self.sent = 0;
        }
        Ok(written)
    }
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut peers: BTreeMap<u64, Peer<K>> = BTreeMap::new();
    let mut last = LISTENER;
    let mut turn = Turn::of(TOO_MUCH, "bytes");
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = wait(&epoll, &mut events)?;
        turn.begin();
        for event in &events[..n] {
            if event.data == LISTENER {
                if let Ok((stream, _)) = listener.accept_nonblocking() {
                    last += 1;
                    epoll.add(stream.fd(), Events::IN, last)?;
                    peers
                        .insert(last, Peer { stream, lines: Lines::default(), pending: Vec::new(), sent: 0 });
                }
                continue;
            }
            let Some(peer) = peers.get_mut(&event.data) else { continue };
            if event.events.intersects(Events::IN) && !peer.read()? {
                peers.remove(&event.data);
                continue;
            }
            turn.give(event.data, peer.write(if defect { usize::MAX } else { SHARE })? as u64);
            let wanted = if peer.pending.is_empty() { Events::IN } else { Events::OUT };
            epoll.modify(peer.stream.fd(), wanted, event.data)?;
        }
    }
}

/// Gets some values, short ones and long ones.
fn get<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    for _ in 0..3 {
        pause(k, "think", Duration::from_millis(5));
        let longest = if choose("long", 0, 3) == 3 { LONGEST } else { 1 << 10 };
        let length = choose("length", 1, longest) as usize;
        let mut value = vec![0; length];
        let answer = stream
            .write_all(format!("get {length}\n").as_bytes())
            .and_then(|()| stream.read_exact(&mut value));
        if answer != Ok(true) || value != reply(length) {
            return fail("O2", "reply differs", format!("{length} bytes were asked for: {answer:?}"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let knobs = sim.knobs();
    (knobs.send_buffer, knobs.recv_buffer) = (BUFFER, BUFFER);
    // Linux's smallest: so much a byte at a time takes too long.
    knobs.tight_buffer_min = 2304;
    // All on one machine, where a reader keeps up.
    let host = sim.host("machine");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    for client in 0..2 {
        sim.client(host, &format!("reader-{client}"), move |k| get(k, address));
    }
    sim.client(host, "visitor", move |k| visit(k, address, "O1", "no reply"));
}
