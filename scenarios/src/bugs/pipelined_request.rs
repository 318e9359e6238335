//! A pipelined request that nobody looks at (libevent 2010): parsing is begun by "bytes arrived" alone. Where the next
//! request was read together with the current one, and the reply to that had to wait for room, nothing more arrives.
//! Repaired: what is already there is parsed when the reply is through.

use super::kit::{Lines, connect, expect_reply, listen, patiently, reply, wait};
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::collections::BTreeMap;

super::planted!(
    "pipelined-request-forgotten",
    "B15",
    'c',
    ["O6"],
    "a request that was read with the one before is not parsed when that one's reply had to wait"
);

const LISTENER: u64 = 0;

struct Connection<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    pending: Vec<u8>,
}

impl<K: Kernel> Connection<K> {
    /// Sends what is pending; whether all of it is through.
    fn flush(&mut self) -> Result<bool> {
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(Errno::EAGAIN) => return Ok(false),
                Err(errno) => return Err(errno),
            }
        }
        Ok(true)
    }

    /// Answers one request after the other, for as long as replies go through.
    fn answer(&mut self) -> Result<()> {
        while let Some(line) = self.lines.next() {
            self.pending = reply(line.parse().unwrap_or(0));
            if !self.flush()? {
                sometimes("a reply waits for room", true);
                break;
            }
        }
        Ok(())
    }

    /// Reads once. `false`: the peer has ended.
    fn read(&mut self) -> Result<bool> {
        let mut bytes = [0; 256];
        match self.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
            Ok(n) => self.lines.feed(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        Ok(true)
    }
}

/// Answers a line with a number by that many bytes, one request at a time: while a reply waits, nothing is read.
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
            if !connection.pending.is_empty() {
                if connection.flush()? && !defect {
                    connection.answer()?;
                }
            } else if connection.read()? {
                connection.answer()?;
            } else {
                connections.remove(&event.data);
                continue;
            }
            let wanted = if connection.pending.is_empty() { Events::IN } else { Events::OUT };
            epoll.modify(connection.stream.fd(), wanted, event.data)?;
        }
    }
}

/// Asks for one or two replies in one go, then reads them.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    for _ in 0..4 {
        let lengths: Vec<usize> =
            (0..choose("requests", 1, 2)).map(|_| choose("length", 1, 4000) as usize).collect();
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
