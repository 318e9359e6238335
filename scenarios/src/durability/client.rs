//! Clients that record what they asked and saw, each on a host of its own. A connection that breaks is made again.

use super::server::{FULL, QUIET_NS, SYNC_FAILED, UNKNOWN, reached};
use super::workload::{COUNT_KEY, History, Outcome, draw, failed, in_words, record};
use crate::checker::linearizable::{Ask, Operation};
use crate::resp::{Decoder, Frame, encode};
use eagain_net::*;
use eagain_sim::{Sim, SimKernel, choose, fail, sometimes};
use std::time::Duration;

/// A client of one server that has no reply by then gives up on that connection.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(1);
/// The same of a client of the cluster: longer than the cluster's own timeouts.
pub const CLUSTER_TIMEOUT: Duration = Duration::from_secs(8);
/// Within this, from the end of faults on, everything has to work again.
const HEALED_WITHIN: Duration = Duration::from_secs(60);

/// A connection that is made again when it breaks, and the number of its client.
pub struct Client {
    k: SimKernel,
    server: SocketAddr,
    number: u64,
    timeout: Duration,
    connection: Option<(TcpStream<SimKernel>, Decoder)>,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(k: SimKernel, server: SocketAddr, number: u64, timeout: Duration) -> Client {
        Client { k, server, number, timeout, connection: None }
    }

    /// Asks, and waits for the reply.
    pub fn ask(&mut self, words: &[&[u8]]) -> Outcome {
        if self.connection.is_none() {
            let Ok(stream) = TcpStream::connect(self.k, self.server) else {
                return Outcome::Refused("not connected".to_owned());
            };
            // An error shows in what follows.
            let _ = stream.set_read_timeout(Some(self.timeout));
            let _ = stream.set_write_timeout(Some(self.timeout));
            self.connection = Some((stream, Decoder::default()));
        }
        match self.exchange(words) {
            None => {
                self.connection = None;
                sometimes("an outcome was unknown", true);
                Outcome::Unknown
            }
            Some(Frame::Error(text)) => {
                let outcome = failed(&text);
                reached(UNKNOWN, outcome == Outcome::Unknown);
                outcome
            }
            Some(frame) => Outcome::Answered(frame),
        }
    }

    fn exchange(&mut self, words: &[&[u8]]) -> Option<Frame> {
        let (stream, decoder) = self.connection.as_mut()?;
        stream.write_all(&encode(words)).ok()?;
        let mut buffer = [0; 2048];
        loop {
            match decoder.next_reply() {
                Ok(Some(frame)) => return Some(frame),
                Ok(None) => {}
                Err(error) => {
                    fail("O2", "no reply", error.to_string());
                    return None;
                }
            }
            match stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(n) => decoder.feed(&buffer[..n]),
                Err(Errno::EINTR) => {}
                Err(_) => return None,
            }
        }
    }

    /// One operation on a key, recorded.
    pub fn operate(&mut self, history: &History, key: u64, ask: Ask) -> bool {
        let called = now(self.k).0;
        let outcome = in_words(&format!("key:{key}"), ask, |words| self.ask(words));
        if let Outcome::Refused(text) = &outcome {
            sometimes("a request was refused", true);
            reached(FULL, text.contains("disk is full"));
            reached(SYNC_FAILED, text.contains("syncing the disk failed"));
        }
        let operation = Operation { client: self.number, key, ask, called, returned: None };
        record(history, operation, outcome, || now(self.k).0).unwrap_or_else(|foreign| {
            fail("O2", "foreign reply", foreign);
            false
        })
    }
}

/// `operations` operations; when faults have stopped, client 1 reads every key.
fn run(mut client: Client, operations: u64, history: &History) {
    let (k, number) = (client.k, client.number);
    for round in 0..operations {
        let (key, ask) = draw(number * 1000 + round, choose);
        client.operate(history, key, ask);
        // Mostly one after the other, so that what befalls the server befalls it at work.
        if choose("rests", 0, 3) == 3 {
            sleep(k, Duration::from_micros(100 << choose("pause", 0, 11)));
        }
    }
    if number == 1 {
        read_all_keys(k, &mut client, history);
    }
}

/// Everything works again, and says what it kept.
fn read_all_keys(k: SimKernel, client: &mut Client, history: &History) {
    let quiet = Instant(0) + Duration::from_nanos(QUIET_NS) + Duration::from_secs(1);
    sleep(k, quiet - now(k));
    let begun = now(k);
    for key in 0..=COUNT_KEY {
        while !client.operate(history, key, Ask::Get) {
            if now(k) - begun > HEALED_WITHIN {
                return fail(
                    "O6",
                    "not healed",
                    format!("key {key} cannot be read {HEALED_WITHIN:?} after the end of faults"),
                );
            }
            sleep(k, Duration::from_millis(100));
        }
    }
}

/// `count` clients, each on a host of its own.
pub fn clients(sim: &mut Sim, server: SocketAddr, count: u64, operations: u64, timeout: Duration) -> History {
    let history = History::default();
    for number in 1..=count {
        let name = format!("client-{number}");
        let host = sim.host(&name);
        let history = history.clone();
        sim.client(host, &name, move |k| run(Client::new(k, server, number, timeout), operations, &history));
    }
    history
}
