//! A clock of 32 bits on which 0 means never (HAProxy 2024): once in 49.7 days the clock in milliseconds is 0 itself. A request that
//! begins in that millisecond looks as if it had not begun, and its timeout never comes. Repaired: a moment that would be 0 is 1.

use crate::bugs::common::{Lines, PORT, allow, connect, pause, retry_when_full};
use crate::bugs::common_services::write_short;
use crate::bugs::common_sessions::each_in_a_thread;
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "tick-zero-is-never",
    "B48",
    'j',
    ["O6", "O11"],
    "a request that begins when the clock wraps to 0 has no timeout"
);

const PEERS: usize = 4;
/// In ticks, which are milliseconds.
const TIMEOUT: u32 = 20;
/// Each peer is asked so often.
const INTERVAL: Duration = Duration::from_millis(20);
/// How long the client goes on asking.
const FOR: Duration = Duration::from_millis(600);

/// No moment.
const NEVER: u32 = 0;

fn tick<K: Kernel>(k: K, defect: bool) -> u32 {
    let tick = (now(k).0 / 1_000_000) as u32;
    sometimes!("the clock wraps", tick == NEVER);
    if defect { tick } else { tick.max(1) }
}

/// A connection, and the question that is under way.
struct Peer<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    question: u64,
    /// When it was asked; [`NEVER`]: none is under way.
    asked: u32,
    /// When the next is asked, if none is under way then.
    due: Instant,
    is_waiting: bool,
}

impl<K: Kernel> Peer<K> {
    /// Reads once; whether the question is answered.
    fn read(&mut self) -> Result<bool> {
        let mut bytes = [0; 64];
        match self.stream.read(&mut bytes) {
            Ok(0) => return Err(Errno::ECONNRESET),
            Ok(n) => self.lines.feed(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        while let Some(line) = self.lines.next() {
            let answered = line.parse().unwrap_or(0);
            if answered > self.question {
                fail("O1", "wrong reply", format!("{} was answered by {line:?}", self.question));
            }
            // A reply that is late belongs to a question that was given up.
            if answered == self.question {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How long its question has still.
    fn rest(&self, tick: u32) -> Option<u32> {
        (self.asked != NEVER).then(|| TIMEOUT.saturating_sub(tick.wrapping_sub(self.asked)))
    }

    /// Asks the next question, if it is time.
    fn ask(&mut self, k: K, defect: bool) -> Result<()> {
        if self.is_waiting || now(k) < self.due {
            return Ok(());
        }
        (self.is_waiting, self.question, self.due) = (true, self.question + 1, self.due + INTERVAL);
        self.asked = tick(k, defect);
        write_short(&self.stream, &self.question.to_string())
    }

    /// When it is to be looked at again.
    fn timeout(&self, k: K, tick: u32) -> Option<Duration> {
        match self.is_waiting {
            true => self.rest(tick).map(|ticks| Duration::from_millis(u64::from(ticks))),
            false => Some(self.due - now(k)),
        }
    }
}

/// Asks all peers in their intervals until `end`; what is not answered in time is given up.
fn ask<K: Kernel>(k: K, peers: &mut [Peer<K>], epoll: &Epoll<K>, end: Instant, defect: bool) -> Result<()> {
    loop {
        let goes_on = now(k) < end;
        if goes_on {
            peers.iter_mut().try_for_each(|peer| peer.ask(k, defect))?;
        }
        let tick_now = tick(k, defect);
        let unfinished = peers.iter().filter(|peer| goes_on || peer.is_waiting);
        let timeouts = unfinished.map(|peer| peer.timeout(k, tick_now));
        let Some(timeout) = timeouts.min_by_key(|timeout| timeout.unwrap_or(Duration::MAX)) else {
            return Ok(());
        };
        let mut events = [EpollEvent::default(); PEERS];
        let n = match epoll.wait(&mut events, timeout) {
            Err(Errno::EINTR) => 0,
            n => n?,
        };
        let ready: Vec<usize> = events[..n].iter().map(|event| event.data as usize).collect();
        for (id, peer) in peers.iter_mut().enumerate() {
            let is_over = ready.contains(&id) && peer.read()? || peer.rest(tick(k, defect)) == Some(0);
            if is_over {
                (peer.is_waiting, peer.asked) = (false, NEVER);
            }
        }
    }
}

fn client<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<()> {
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    let mut peers = Vec::new();
    let first = now(k) + Duration::from_micros(choose("first question", 0, 20_000));
    for id in 0..PEERS {
        let stream = connect(k, server);
        stream.set_nonblocking(true)?;
        epoll.add(stream.fd(), Events::IN, id as u64)?;
        let due = first + INTERVAL / PEERS as u32 * id as u32;
        let lines = Lines::default();
        peers.push(Peer { stream, lines, question: 0, asked: NEVER, due, is_waiting: false });
    }
    ask(k, &mut peers, &epoll, first + FOR, defect)
}

/// Answers lines; where there is too much to do, not all of them.
fn serve<K: Kernel>(k: K) -> Result<()> {
    each_in_a_thread(k, PORT, move |stream| {
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            pause(k, "work", Duration::from_millis(8));
            let is_shed = choose("shed", 0, 2) == 2;
            if !is_shed && stream.write_all(format!("{line}\n").as_bytes()).is_err() {
                break;
            }
        }
    })
}

fn build(sim: &mut Sim, defect: bool) {
    allow(sim, &[Family::ClockDrift]);
    // Linux's smallest: there is room for what both sides say, also where they do not listen at the moment.
    sim.knobs().tight_buffer_min = 2304;
    let host = sim.host("server");
    let server = sim.address(host, PORT);
    sim.server(host, "server", |k| serve(k).unwrap());
    let host = sim.host("client");
    sim.client(host, "client", move |k| client(k, server, defect).unwrap());
}
