//! A gathered write that stopped in the middle (Bun 2026): old pending bytes and a new reply go out in one call; of a
//! partial count the subtraction is the wrong way round, so that bytes of the new reply are lost or sent again.

use super::kit::{Lines, connect, expect_reply, listen, patiently, reply, wait};
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::collections::BTreeMap;
use std::io::IoSlice;

super::planted!(
    "gather-write-offset",
    "B06",
    'b',
    ["O2", "O6"],
    "after a short gathered write, bytes are lost or repeated"
);

const LISTENER: u64 = 0;

struct Connection<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    pending: Vec<u8>,
}

impl<K: Kernel> Connection<K> {
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
        sometimes("a gathered write was short", true);
        let of_new = if defect { old.saturating_sub(sent) } else { sent.saturating_sub(old) };
        self.pending.drain(..sent.min(old));
        self.pending.extend_from_slice(&new[of_new.min(new.len())..]);
        Ok(())
    }

    /// Reads once, and answers each request. `false`: the peer has ended.
    fn read(&mut self, defect: bool) -> Result<bool> {
        let mut bytes = [0; 256];
        match self.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
            Ok(n) => self.lines.feed(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        while let Some(line) = self.lines.next() {
            let new = reply(line.parse().unwrap_or(0));
            self.send(&new, defect)?;
        }
        Ok(true)
    }
}

/// Answers a line with a number by that many bytes.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = patiently(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut connections = BTreeMap::new();
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = wait(&epoll, &mut events)?;
        for event in &events[..n] {
            if event.data == LISTENER {
                let (stream, _) = match listener.accept_nonblocking() {
                    Err(Errno::EAGAIN) => continue,
                    accepted => accepted?,
                };
                last += 1;
                epoll.add(stream.fd(), Events::IN, last)?;
                let connection = Connection { stream, lines: Lines::default(), pending: Vec::new() };
                connections.insert(last, connection);
                continue;
            }
            let Some(connection) = connections.get_mut(&event.data) else { continue };
            if event.events.intersects(Events::OUT) {
                connection.send(&[], defect)?;
            }
            if event.events.intersects(Events::IN) && !connection.read(defect)? {
                connections.remove(&event.data);
                continue;
            }
            let wanted = if connection.pending.is_empty() { Events::IN } else { Events::IN | Events::OUT };
            epoll.modify(connection.stream.fd(), wanted, event.data)?;
        }
    }
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
    let address = sim.address(host, super::kit::PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    super::kit::clients(sim, 2, move |k| ask(k, address));
}
