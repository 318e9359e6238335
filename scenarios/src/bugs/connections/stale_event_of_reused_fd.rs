//! An event for a number that has a new owner (libuv 2013): a batch of events is fetched; handling one closes a pair of
//! descriptors, handling the next accepts and gets the same numbers; what is left in the batch for the old ones ends the
//! new ones. Repaired: events carry a name that is never used again.

use crate::bugs::common::{Lines, anywhere, connect, listen, pause, retry_when_full, wait};
use eagain_net::*;
use eagain_sim::{Sim, fail, sometimes};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "stale-event-of-reused-fd",
    "B36",
    'h',
    ["O7"],
    "an event of a closed descriptor is taken for one of its successor"
);

const LISTENER: u64 = u64::MAX;
const UPSTREAM_PORT: u16 = 7100;

/// One end of a session.
struct End<K: Kernel> {
    stream: TcpStream<K>,
    other: u64,
}

/// Carries bytes between a client and a connection of its own to the upstream server.
struct Proxy<K: Kernel> {
    epoll: Epoll<K>,
    ends: BTreeMap<u64, End<K>>,
    sessions: u64,
}

impl<K: Kernel> Proxy<K> {
    fn open(&mut self, client: TcpStream<K>, upstream: TcpStream<K>, defect: bool) -> Result<()> {
        self.sessions += 1;
        let names = if defect {
            [client.fd().0 as u64, upstream.fd().0 as u64]
        } else {
            [2 * self.sessions, 2 * self.sessions + 1]
        };
        for (at, stream) in [client, upstream].into_iter().enumerate() {
            self.epoll.add(stream.fd(), Events::IN | Events::RDHUP, names[at])?;
            self.ends.insert(names[at], End { stream, other: names[1 - at] });
        }
        Ok(())
    }

    fn close(&mut self, name: u64) {
        if let Some(end) = self.ends.remove(&name) {
            self.ends.remove(&end.other);
        }
    }

    fn ready(&mut self, name: u64, events: Events) {
        let Some(end) = self.ends.get(&name) else { return sometimes!("an event came too late", true) };
        let Some(other) = self.ends.get(&end.other) else { return };
        let mut bytes = [0; 256];
        if events.intersects(Events::IN) {
            // Lines are short: the other side has room for them.
            match end.stream.recv(&mut bytes, RecvFlags::DONTWAIT) {
                Ok(n) if n > 0 => {
                    let _ = other.stream.write_all(&bytes[..n]);
                    return;
                }
                Err(Errno::EAGAIN) if !events.intersects(Events::RDHUP) => return,
                _ => {}
            }
        }
        self.close(name);
    }
}

fn proxy<K: Kernel>(k: K, upstream: SocketAddr, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut proxy = Proxy { epoll, ends: BTreeMap::new(), sessions: 0 };
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = wait(&proxy.epoll, &mut events)?;
        for event in &events[..n] {
            if event.data != LISTENER {
                proxy.ready(event.data, event.events);
            } else if let Ok((client, _)) = listener.accept() {
                proxy.open(client, connect(k, upstream), defect)?;
            }
        }
    }
}

/// Answers lines; hangs up behind `bye`. A thread a connection.
fn upstream<K: Kernel>(k: K) -> Result<()> {
    let listener = TcpListener::bind(k, anywhere(UPSTREAM_PORT))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        eagain_net::thread::spawn(k, "upstream", move || {
            let mut lines = Lines::default();
            while let Ok(Some(line)) = lines.read(&stream) {
                if stream.write_all(format!("{line}\n").as_bytes()).is_err() || line == "bye" {
                    break;
                }
            }
            pause(k, "hang up", Duration::from_micros(500));
        })?;
    }
}

/// One session after the other: a question, and `bye`.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    for round in 0..6 {
        let stream = connect(k, server);
        let mut lines = Lines::default();
        for question in [format!("round {round}"), "bye".to_owned()] {
            let answer =
                stream.write_all(format!("{question}\n").as_bytes()).and_then(|()| lines.read(&stream));
            if answer != Ok(Some(question)) {
                fail("O7", "session ended", format!("in the middle of a session came {answer:?}"));
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let back = sim.host("upstream");
    let front = sim.host("proxy");
    let (upstream_at, address) =
        (sim.address(back, UPSTREAM_PORT), sim.address(front, crate::bugs::common::PORT));
    sim.server(back, "upstream", |k| upstream(k).unwrap());
    sim.server(front, "proxy", move |k| proxy(k, upstream_at, defect).unwrap());
    crate::bugs::common::clients(sim, 4, move |k| ask(k, address));
}
