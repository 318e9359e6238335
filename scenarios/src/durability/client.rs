//! Clients that record what they asked and saw: one request after the other, on a connection that is made again when it
//! breaks or is silent for too long. The same on the simulated kernel, each on a host of its own, and on tokio.

use super::server::{FULL, QUIET_NS, SYNC_FAILED, UNKNOWN};
use super::workload::{COUNT_KEY, History, Outcome, draw, failed, in_words, record};
use crate::checker::linearizable::{Ask, Operation};
use crate::client::{Both, OnKernel, Runtime, SocketOption, wait};
use crate::resp::{Decoder, Frame, encode};
use eagain_net::{Instant, SocketAddr, now, sleep};
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

/// A client of one server that has no reply by then gives up on that connection.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(1);
/// The same of a client of the cluster: longer than the cluster's own timeouts.
pub const CLUSTER_TIMEOUT: Duration = Duration::from_secs(8);
/// A request got no reply in time.
pub const SILENT: &str = "a client was left without an answer";
/// A server has answered with an error that says that nothing was done.
pub const REFUSED: &str = "a request was refused";
/// A connection is made so fast, or not at all.
const CONNECTS_WITHIN: Duration = Duration::from_secs(2);
/// Another try at once would meet the same; the simulated kernel takes a while to say no.
const NEXT_TRY: Both<Duration> = Both { kernel: Duration::ZERO, tokio: Duration::from_millis(20) };
/// The unit of a client's pauses.
const REST: Both<Duration> = Both { kernel: Duration::from_micros(100), tokio: Duration::from_millis(1) };
/// Within this, from the end of faults on, everything has to work again.
const HEALED_WITHIN: Duration = Duration::from_secs(60);

/// A client, with the connection that it has now.
pub struct ClientOn<R: Runtime> {
    runtime: R,
    number: u64,
    /// What the names of keys begin with.
    prefix: String,
    timeout: Duration,
    connection: Option<(R::Reader, R::Writer, Decoder)>,
}

impl<R: Runtime> ClientOn<R> {
    /// A client that has not connected yet.
    pub fn new(runtime: R, number: u64, prefix: String, timeout: Duration) -> ClientOn<R> {
        ClientOn { runtime, number, prefix, timeout, connection: None }
    }

    /// So many operations; `looks`: now and then one that reads all keys at once.
    pub async fn run(&mut self, operations: u64, looks: bool, history: &History) {
        for round in 0..operations {
            if looks && self.choose("looks", 0, 9) == 9 {
                self.read_all_at_once(history).await;
            } else {
                let value = self.number * 1000 + round;
                let (key, ask) = draw(value, |name, low, high| self.choose(name, low, high));
                self.operate(history, key, ask).await;
            }
            // Mostly one after the other, so that what befalls the servers befalls them at work.
            if self.choose("rests", 0, 3) == 3 {
                self.runtime.sleep(R::pick(REST) * (1 << self.choose("pause", 0, 11))).await;
            }
        }
    }

    fn choose(&self, name: &'static str, low: u64, high: u64) -> u64 {
        self.runtime.choose(self.number, name, low, high)
    }

    /// Marks only where it holds: whether that has to happen is said elsewhere.
    fn mark(&self, mark: &'static str, holds: bool) {
        if holds {
            self.runtime.sometimes(mark, true);
        }
    }

    /// Asks, and waits for the reply.
    pub async fn ask(&mut self, words: &[&[u8]]) -> Outcome {
        if self.connection.is_none() {
            let connected = self.runtime.timeout(CONNECTS_WITHIN, self.runtime.connect(self.number)).await;
            let Some(Ok((reader, writer))) = connected else {
                self.mark("a client found nobody", true);
                if R::pick(NEXT_TRY) > Duration::ZERO {
                    self.runtime.sleep(R::pick(NEXT_TRY)).await;
                }
                return Outcome::Refused("not connected".to_owned());
            };
            // An error shows in what follows.
            let _ = R::set(&writer, SocketOption::Timeout(self.timeout));
            self.connection = Some((reader, writer, Decoder::default()));
        }
        let bytes = encode(words);
        let (runtime, limit) = (self.runtime.clone(), self.timeout);
        match runtime.timeout(limit, self.exchange(&bytes)).await {
            Some(Some(Frame::Error(text))) => {
                let outcome = failed(&text);
                self.mark(UNKNOWN, outcome == Outcome::Unknown);
                self.mark(REFUSED, outcome != Outcome::Unknown);
                outcome
            }
            Some(Some(frame)) => Outcome::Answered(frame),
            silent_or_broken => {
                self.connection = None;
                self.mark(SILENT, silent_or_broken.is_none());
                self.mark("an outcome was unknown", true);
                Outcome::Unknown
            }
        }
    }

    async fn exchange(&mut self, bytes: &[u8]) -> Option<Frame> {
        let (reader, writer, decoder) = self.connection.as_mut()?;
        R::write_all(writer, bytes).await.ok()?;
        let mut buffer = [0; 2048];
        loop {
            match decoder.next_reply() {
                Ok(Some(frame)) => return Some(frame),
                Ok(None) => {}
                Err(error) => {
                    self.runtime.fail("O2", "no reply", error.to_string());
                    return None;
                }
            }
            match R::read(reader, &mut buffer).await.ok()? {
                0 => return None,
                n => decoder.feed(&buffer[..n]),
            }
        }
    }

    /// One operation on a key, recorded; whether it was answered.
    pub async fn operate(&mut self, history: &History, key: u64, ask: Ask) -> bool {
        let called = self.runtime.now();
        let words = in_words(&self.name(key), ask);
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let outcome = self.ask(&words).await;
        if let Outcome::Refused(text) = &outcome {
            self.mark(FULL, text.contains("disk is full"));
            self.mark(SYNC_FAILED, text.contains("syncing the disk failed"));
        }
        self.record(history, key, ask, called, outcome)
    }

    /// All keys at once, which storage servers share: a read of each, some time between question and answer.
    async fn read_all_at_once(&mut self, history: &History) {
        let called = self.runtime.now();
        let names: Vec<String> = (0..=COUNT_KEY).map(|key| self.name(key)).collect();
        let mut words: Vec<&[u8]> = vec![b"MGET"];
        words.extend(names.iter().map(String::as_bytes));
        match self.ask(&words).await {
            Outcome::Answered(Frame::Array(values)) if values.len() == names.len() => {
                for (key, value) in (0..).zip(values) {
                    self.record(history, key, Ask::Get, called, Outcome::Answered(value));
                }
            }
            Outcome::Answered(other) => self.unexpected(format!("MGET was answered by {other:?}")),
            Outcome::Refused(_) | Outcome::Unknown => {}
        }
    }

    fn name(&self, key: u64) -> String {
        format!("{}:{key}", self.prefix)
    }

    fn unexpected(&self, what: String) {
        self.runtime.fail("O2", "unexpected reply", what);
    }

    fn record(&self, history: &History, key: u64, ask: Ask, called: Instant, outcome: Outcome) -> bool {
        let operation = Operation { client: self.number, key, ask, called: called.0, returned: None };
        record(history, operation, outcome, || self.runtime.now().0).unwrap_or_else(|unexpected| {
            self.unexpected(unexpected);
            false
        })
    }

    /// Everything works again, and says what it kept. Faults have stopped.
    pub async fn read_all_keys(&mut self, history: &History) {
        let begun = self.runtime.now();
        for key in 0..=COUNT_KEY {
            while !self.operate(history, key, Ask::Get).await {
                if self.runtime.now() - begun > HEALED_WITHIN {
                    let message = format!("key {key} cannot be read for {HEALED_WITHIN:?}");
                    return self.runtime.fail("O6", "not healed", message);
                }
                self.runtime.sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// A client on the simulated kernel, whose calls block.
pub struct Client(ClientOn<OnKernel>);

impl Client {
    /// A client that has not connected yet.
    pub fn new(k: SimKernel, server: SocketAddr, number: u64, timeout: Duration) -> Client {
        Client(ClientOn::new(OnKernel { k, server }, number, "key".to_owned(), timeout))
    }

    /// Asks, and waits for the reply.
    pub fn ask(&mut self, words: &[&[u8]]) -> Outcome {
        wait(self.0.ask(words))
    }

    /// One operation on a key, recorded; whether it was answered.
    pub fn operate(&mut self, history: &History, key: u64, ask: Ask) -> bool {
        wait(self.0.operate(history, key, ask))
    }

    /// `operations` operations; when faults have stopped, client 1 reads every key.
    fn run(mut self, operations: u64, history: &History) {
        wait(self.0.run(operations, false, history));
        if self.0.number == 1 {
            let k = self.0.runtime.k;
            let quiet = Instant(0) + Duration::from_nanos(QUIET_NS) + Duration::from_secs(1);
            sleep(k, quiet - now(k));
            wait(self.0.read_all_keys(history));
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
        sim.client(host, &name, move |k| Client::new(k, server, number, timeout).run(operations, &history));
    }
    history
}
