//! The load of the servers on `epoll_server`: clients that ask for replies of chosen lengths, several at once, and check every
//! byte; and clients that converse, a question at a time.

use super::common::{Lines, PORT, connect, expect_reply, pause};
use super::epoll_server::Peer;
use eagain_net::*;
use eagain_sim::{Sim, SimKernel, choose, fail};
use std::time::Duration;

/// How much a client asks for.
#[derive(Clone, Copy)]
pub struct Load {
    pub rounds: u64,
    /// Requests in one round, at most.
    pub at_once: u64,
    /// Bytes of a reply, at most.
    pub longest: u64,
    /// Bytes that a request carries besides its number, at most; the same for all of a round.
    pub filler: u64,
}

/// The length that a request asks for: its first word.
pub fn asked(line: &str) -> usize {
    line.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Asks for several replies in one go, then reads them; so many rounds.
pub fn ask<K: Kernel>(k: K, server: SocketAddr, load: Load) {
    let stream = connect(k, server);
    for _ in 0..load.rounds {
        let lengths: Vec<usize> = (0..choose("requests", 1, load.at_once))
            .map(|_| choose("length", 1, load.longest) as usize)
            .collect();
        let filler = "x".repeat(choose("filler", 0, load.filler) as usize);
        let requests: String = lengths.iter().map(|length| format!("{length} {filler}\n")).collect();
        if let Err(errno) = stream.write_all(requests.as_bytes()) {
            return fail("O2", "reply cut short", format!("{errno} while asking"));
        }
        for length in lengths {
            expect_reply(&stream, length);
        }
    }
}

/// One connection, and one question after the other, each answered by the same line; with a pause of up to `think` before each.
pub fn converse<K: Kernel>(k: K, server: SocketAddr, rounds: u64, think: Duration) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for round in 0..rounds {
        pause(k, "think", think);
        let question = format!("question {round}");
        let answer = stream.write_all(format!("{question}\n").as_bytes()).and_then(|()| lines.read(&stream));
        if answer.as_ref().ok().and_then(|line| line.as_ref()) != Some(&question) {
            return fail("O1", "wrong reply", format!("{question:?} was answered by {answer:?}"));
        }
    }
}

/// A host of its own for a server on [`PORT`]; where it is.
pub fn server(sim: &mut Sim, serve: impl FnOnce(SimKernel) -> Result<()> + Send + 'static) -> SocketAddr {
    let host = sim.host("server");
    sim.server(host, "server", move |k| serve(k).unwrap());
    sim.address(host, PORT)
}

impl<K: Kernel, T> Peer<K, T> {
    /// Writes what is pending for as long as it is taken.
    pub fn send_pending(&mut self) -> Result<()> {
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// `IN`, and `OUT` while something is pending.
    pub fn interest(&self) -> Events {
        if self.pending.is_empty() { Events::IN } else { Events::IN | Events::OUT }
    }
}
