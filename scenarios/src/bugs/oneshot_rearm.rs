//! One-shot registration for both directions, armed again for one (Pony runtime 2017): an event of either direction
//! disarms the whole descriptor, but the program keeps book of each direction by itself, and arms only the one that fired.
//! Whoever waits for the other direction waits for ever.

use super::kit::{Lines, connect, expect_reply, listen, patiently, reply, wait};
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::collections::BTreeMap;

super::planted!(
    "oneshot-one-direction",
    "B02",
    'a',
    ["O6"],
    "a one-shot descriptor is armed again for the direction that fired only"
);

const LISTENER: u64 = 0;

struct Connection<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    pending: Vec<u8>,
    /// What the program believes to be armed.
    armed: Events,
}

impl<K: Kernel> Connection<K> {
    fn write(&mut self) -> Result<()> {
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        sometimes("output is pending", !self.pending.is_empty());
        Ok(())
    }

    /// Reads once, and queues the replies. `false`: the peer has ended.
    fn read(&mut self) -> Result<bool> {
        let mut bytes = [0; 256];
        match self.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
            Ok(n) => self.lines.feed(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        while let Some(line) = self.lines.next() {
            self.pending.extend(reply(line.parse().unwrap_or(0)));
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
                epoll.add(stream.fd(), Events::IN | Events::ONESHOT, last)?;
                let (lines, armed) = (Lines::default(), Events::IN);
                let connection = Connection { stream, lines, pending: Vec::new(), armed };
                connections.insert(last, connection);
                continue;
            }
            let Some(connection) = connections.get_mut(&event.data) else { continue };
            let fired = event.events;
            if fired.intersects(Events::IN) && !connection.read()? {
                connections.remove(&event.data);
                continue;
            }
            // Whatever fired: there may be room, and trying is cheap.
            connection.write()?;
            let waits_to_write = !connection.pending.is_empty();
            let wanted = if waits_to_write { Events::IN | Events::OUT } else { Events::IN };
            let believed = std::mem::replace(&mut connection.armed, wanted);
            let arm = if defect { wanted & (fired | wanted.without(believed)) } else { wanted };
            epoll.modify(connection.stream.fd(), arm | Events::ONESHOT, event.data)?;
        }
    }
}

/// Asks for a reply, sometimes for two at once, and reads them.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    for _ in 0..4 {
        let lengths: Vec<usize> =
            (0..choose("requests", 1, 2)).map(|_| choose("length", 1, 4000) as usize).collect();
        for length in &lengths {
            stream.write_all(format!("{length}\n").as_bytes()).unwrap();
        }
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
