//! A timer that fires after it was cancelled (Asio 2019, muduo): expired timers are moved to a ready queue, and cancelling
//! only looks among those that wait. Where a reply and its timeout come in the same turn, both handlers run. Repaired:
//! what is cancelled is looked for in both places.

use crate::bugs::common::{Lines, anywhere, connect, retry_when_full};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

crate::bugs::planted!(
    "timer-after-cancel",
    "B49",
    'j',
    ["O11"],
    "a timeout that was cancelled in the turn in which it expired runs all the same"
);

const TIMEOUT: Duration = Duration::from_millis(10);
const PEERS: usize = 4;

/// Timers by deadline; each belongs to the request of one peer.
#[derive(Default)]
struct Timers {
    waiting: BTreeSet<(Instant, usize)>,
    ready: VecDeque<usize>,
}

impl Timers {
    fn expire(&mut self, now: Instant) {
        while let Some(&(at, peer)) = self.waiting.first()
            && at <= now
        {
            self.waiting.pop_first();
            self.ready.push_back(peer);
        }
    }

    fn cancel(&mut self, peer: usize, defect: bool) {
        self.waiting.retain(|&(_, of)| of != peer);
        if !defect {
            sometimes!("an expired timer was cancelled", self.ready.contains(&peer));
            self.ready.retain(|&of| of != peer);
        }
    }
}

/// Asks every peer at once, round by round; what is not answered in time is given up.
fn ask<K: Kernel>(k: K, servers: [SocketAddr; PEERS], defect: bool) -> Result<()> {
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    let mut timers = Timers::default();
    let streams: Vec<TcpStream<K>> = servers.into_iter().map(|server| connect(k, server)).collect();
    let mut lines: [Lines; PEERS] = Default::default();
    for (peer, stream) in streams.iter().enumerate() {
        epoll.add(stream.fd(), Events::IN, peer as u64)?;
    }
    for round in 0..6 {
        let mut open = [true; PEERS];
        for (peer, stream) in streams.iter().enumerate() {
            stream.write_all(format!("{round}\n").as_bytes())?;
            timers.waiting.insert((now(k) + TIMEOUT, peer));
        }
        while open.contains(&true) {
            let timeout = timers.waiting.first().map(|&(at, _)| at - now(k));
            let mut events = [EpollEvent::default(); PEERS];
            let n = match epoll.wait(&mut events, timeout) {
                Err(Errno::EINTR) => 0,
                n => n?,
            };
            timers.expire(now(k));
            for event in &events[..n] {
                let peer = event.data as usize;
                let mut bytes = [0; 64];
                match streams[peer].recv(&mut bytes, RecvFlags::DONTWAIT) {
                    Ok(n) => lines[peer].feed(&bytes[..n]),
                    Err(Errno::EAGAIN) => {}
                    Err(errno) => return Err(errno),
                }
                while let Some(line) = lines[peer].next() {
                    // A reply that is late belongs to a round that was given up.
                    if line == round.to_string() && open[peer] {
                        open[peer] = false;
                        timers.cancel(peer, defect);
                    }
                }
            }
            while let Some(peer) = timers.ready.pop_front() {
                if !std::mem::replace(&mut open[peer], false) {
                    let message = format!("round {round}: peer {peer} has answered, and timed out as well");
                    fail("O11", "cancelled timer fired", message);
                }
            }
        }
    }
    Ok(())
}

/// Answers each line, after about as long as the client is willing to wait.
fn serve<K: Kernel>(k: K, port: u16) -> Result<()> {
    let listener = TcpListener::bind(k, anywhere(port))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            sleep(k, Duration::from_micros(choose("work", 0, 2 * TIMEOUT.as_micros() as u64)));
            if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
                break;
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let servers = std::array::from_fn(|peer| {
        let host = sim.host(&format!("server-{peer}"));
        let port = crate::bugs::common::PORT + peer as u16;
        sim.server(host, &format!("server-{peer}"), move |k| serve(k, port).unwrap());
        sim.address(host, port)
    });
    let host = sim.host("client");
    sim.client(host, "client", move |k| ask(k, servers, defect).unwrap());
}
