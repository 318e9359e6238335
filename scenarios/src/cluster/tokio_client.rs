//! A client of the cluster on tokio: one request after the other, on a connection that is made again when it breaks or is silent for
//! too long. What it asked and saw is recorded, as by the clients of the simulated kernel's cluster.

use crate::checker::linearizable::{Ask, Operation};
use crate::client::{Connector, Io};
use crate::durability::server::UNKNOWN;
use crate::durability::workload::{COUNT_KEY, History, Outcome, draw, failed, in_words, record};
use crate::resp::{Decoder, Frame, encode};
use eagain_layer::{Layer, Layered};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// A connection is made so fast, or not at all.
const CONNECTS_WITHIN: Duration = Duration::from_secs(2);
/// A request that has no reply by then is given up, and its connection with it: longer than the cluster waits for its own.
const TIMEOUT: Duration = Duration::from_secs(8);
/// How long it may take until everything works again, from the end of faults on.
const HEALED_WITHIN: Duration = Duration::from_secs(60);

/// What a client works with.
#[derive(Clone)]
pub(super) struct ClusterContext {
    pub layer: Layer,
    pub connector: Connector,
    pub history: History,
    /// What the names of keys begin with. It decides which storage server has which.
    pub prefix: u64,
}

/// A client.
pub(super) struct Client {
    context: ClusterContext,
    number: u64,
    connection: Option<(Layered<Box<dyn Io>>, Decoder)>,
}

impl Client {
    pub fn new(context: ClusterContext, number: u64) -> Client {
        Client { context, number, connection: None }
    }

    /// So many operations.
    pub async fn run(&mut self, operations: u64) {
        for round in 0..operations {
            if self.choose("looks", 0, 9) == 9 {
                self.read_all_at_once().await;
            } else {
                let value = self.number * 1000 + round;
                let (key, ask) = draw(value, |name, low, high| self.choose(name, low, high));
                self.operate(key, ask).await;
            }
            // Mostly one after the other, so that what befalls the servers befalls them at work.
            if self.choose("rests", 0, 3) == 3 {
                sleep(Duration::from_millis(1 << self.choose("pause", 0, 11))).await;
            }
        }
    }

    fn choose(&self, name: &str, low: u64, high: u64) -> u64 {
        self.context.layer.choose(&format!("client-{}:{name}", self.number), low, high)
    }

    /// One operation on a key, recorded; whether it was answered.
    async fn operate(&mut self, key: u64, ask: Ask) -> bool {
        let called = self.now();
        let bytes = in_words(&self.name(key), ask, encode);
        let outcome = self.ask(&bytes).await;
        self.record(key, ask, called, outcome)
    }

    /// All keys at once, which storage servers share: a read of each, some time between question and answer.
    async fn read_all_at_once(&mut self) {
        let called = self.now();
        let names: Vec<String> = (0..=COUNT_KEY).map(|key| self.name(key)).collect();
        let mut words: Vec<&[u8]> = vec![b"MGET"];
        words.extend(names.iter().map(String::as_bytes));
        match self.ask(&encode(&words)).await {
            Outcome::Answered(Frame::Array(values)) if values.len() == names.len() => {
                for (key, value) in (0..).zip(values) {
                    self.record(key, Ask::Get, called, Outcome::Answered(value));
                }
            }
            Outcome::Answered(other) => self.foreign(format!("MGET was answered by {other:?}")),
            Outcome::Refused(_) | Outcome::Unknown => {}
        }
    }

    fn name(&self, key: u64) -> String {
        format!("{}:{key}", self.context.prefix)
    }

    fn now(&self) -> u64 {
        self.context.layer.world().now()
    }

    fn foreign(&self, what: String) {
        self.context.layer.world().fail("O2", "foreign reply", what);
    }

    fn record(&self, key: u64, ask: Ask, called: u64, outcome: Outcome) -> bool {
        let operation = Operation { client: self.number, key, ask, called, returned: None };
        record(&self.context.history, operation, outcome, || self.now()).unwrap_or_else(|foreign| {
            self.foreign(foreign);
            false
        })
    }

    async fn ask(&mut self, bytes: &[u8]) -> Outcome {
        let world = self.context.layer.world().clone();
        if self.connection.is_none() {
            let Ok(Ok(stream)) = timeout(CONNECTS_WITHIN, self.context.connector.connect()).await else {
                world.sometimes("a client found nobody", true);
                // Another try at once would meet the same.
                sleep(Duration::from_millis(20)).await;
                return Outcome::Refused("not connected".to_owned());
            };
            let stream = self.context.layer.stream(&format!("client-{}", self.number), stream);
            self.connection = Some((stream, Decoder::default()));
        }
        match timeout(TIMEOUT, self.exchange(bytes)).await {
            Ok(Some(Frame::Error(text))) => {
                let outcome = failed(&text);
                world.sometimes(UNKNOWN, outcome == Outcome::Unknown);
                world.sometimes("a server refused what it could not pass on", outcome != Outcome::Unknown);
                outcome
            }
            Ok(Some(frame)) => Outcome::Answered(frame),
            silent_or_broken => {
                world.sometimes("a client was left without an answer", silent_or_broken.is_err());
                self.connection = None;
                Outcome::Unknown
            }
        }
    }

    async fn exchange(&mut self, bytes: &[u8]) -> Option<Frame> {
        let (stream, decoder) = self.connection.as_mut()?;
        stream.write_all(bytes).await.ok()?;
        let mut buffer = [0; 2048];
        loop {
            match decoder.next_reply() {
                Ok(Some(frame)) => return Some(frame),
                Ok(None) => {}
                Err(error) => {
                    self.context.layer.world().fail("O2", "no reply", error.to_string());
                    return None;
                }
            }
            match stream.read(&mut buffer).await.ok()? {
                0 => return None,
                count => decoder.feed(&buffer[..count]),
            }
        }
    }

    /// Waits until faults have stopped.
    pub async fn wait_for_quiet(&self) {
        while !self.context.layer.world().is_quiet() {
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Everything works again, and says what it kept.
    pub async fn read_all_keys(&mut self) {
        let world = self.context.layer.world().clone();
        let begun = world.now();
        for key in 0..=COUNT_KEY {
            while !self.operate(key, Ask::Get).await {
                if Duration::from_nanos(world.now() - begun) > HEALED_WITHIN {
                    let message = format!("key {key} cannot be read for {HEALED_WITHIN:?}");
                    return world.fail("O6", "not healed", message);
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
