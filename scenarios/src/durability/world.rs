//! What the worlds of `cluster` and `durability` share: servers that begin again, and clients that record what they asked
//! and saw.

use super::account::{COUNT_KEY, drawn, failed, in_words, record};
use crate::checker::linearizable::{Ask, Operation};
use eagain_net::*;
use eagain_server::config::Config;
use eagain_server::flaws::Flaws;
use eagain_server::resp::{Frame, ReplyDecoder, encode_request};
use eagain_server::server::{ServeError, serve_telling};
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::run::Scenario;
use eagain_sim::{HostId, ProcessId, Sim, SimKernel, choose, fail, sometimes};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

pub use super::account::{History, Outcome, judge};

/// Where every server listens.
pub const PORT: u16 = 6379;
/// A client of one server that has no reply by then gives up on that connection.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// The same of a client of the cluster, which has its own time-outs to tell of.
pub const PATIENCE_WITH_CLUSTER: Duration = Duration::from_secs(8);
/// From then on faults have stopped, and everything has to work again.
pub const QUIET_NS: u64 = 25_000_000_000;
/// How long that may take.
const HEALED_WITHIN: Duration = Duration::from_secs(60);
/// Recovery has met a torn batch.
pub const TORN: &str = "a torn batch was dropped";
/// A write was refused for want of room.
pub const FULL: &str = "a full disk refused a write";
/// A write was refused because nobody knows what the disk has.
pub const SYNC_FAILED: &str = "a failed sync refused a write";
/// A server has told that an outcome is unknown.
pub const UNKNOWN: &str = "a server said that it did not know";

fn reached(mark: &'static str, is_so: bool) {
    if is_so {
        sometimes(mark, true);
    }
}

/// Paths that some seed of a sweep of this story has to take.
pub fn expect(sim: &mut Sim, marks: &'static [&'static str]) {
    let host = sim.host("expectation");
    sim.client(host, "expectation", move |_| marks.iter().for_each(|mark| sometimes(mark, false)));
}

/// A story of these worlds: without knobs.
pub const fn story(name: &'static str, about: &'static str, body: fn(&mut Sim)) -> Scenario {
    Scenario { name, about, knobs: &[], seeds: 64, body }
}

/// A [`PlantedBug`]: the same story with and without a flaw of the server.
macro_rules! flawed {
    ($class:literal, $oracles:expr, $name:literal, $source:literal, $about:literal, |$sim:ident, $defect:ident| $body:expr) => {
        PlantedBug {
            name: $name,
            source: $source,
            class: $class,
            about: $about,
            oracles: $oracles,
            defect: story($name, $about, |$sim| {
                let $defect = true;
                $body;
            }),
            twin: story(concat!($name, "-twin"), concat!("repaired: ", $about), |$sim| {
                let $defect = false;
                $body;
            }),
        }
    };
}
pub(crate) use flawed;

/// A server of our world.
#[derive(Clone)]
pub struct Server {
    /// Where.
    pub host: HostId,
    /// Its process, through all its starts.
    pub process: ProcessId,
    /// Its current number, for signals.
    pub pid: Arc<AtomicI32>,
    /// How often it has begun again.
    pub life: Arc<AtomicU64>,
}

/// A configuration with an engine that keeps its data on the host's disk.
pub fn keeps(storage: Engine, policy: SyncPolicy) -> Config {
    Config {
        listen: ([0, 0, 0, 0], PORT).into(),
        storage,
        directory: "/data".to_owned(),
        sync_policy: policy,
        ..Config::default()
    }
}

/// A server that begins again whenever it ends, for whatever reason, as an operator's supervisor would have it.
pub fn server(sim: &mut Sim, host: HostId, name: &str, config: Config) -> Server {
    let pid = Arc::new(AtomicI32::new(0));
    let life = Arc::new(AtomicU64::new(0));
    let (its_pid, its_life) = (pid.clone(), life.clone());
    let process = sim.server_restarting(host, name, move |k, boot| {
        its_pid.store(k.getpid(), SeqCst);
        reached("a server began again", boot > 0);
        loop {
            its_life.fetch_add(1, SeqCst);
            let tell = |line: &str| reached(TORN, line.contains("torn batch"));
            match serve_telling(k, config.clone(), tell, |_| {}) {
                Ok(()) => sometimes("a server was asked to stop and began again", true),
                Err(error @ (ServeError::Damaged(_) | ServeError::Refused(_))) => {
                    return fail("O9", "recovery refused", error.to_string());
                }
                Err(_) => sometimes("a server did not start", true),
            }
            sleep(k, Duration::from_millis(50));
        }
    });
    Server { host, process, pid, life }
}

/// One server that keeps its data, on a host of its own, and where clients find it.
pub fn durable(sim: &mut Sim, storage: Engine, policy: SyncPolicy, flaws: Flaws) -> (Server, SocketAddr) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    (server(sim, host, "server", Config { flaws, ..keeps(storage, policy) }), address)
}

/// A connection that is made again when it breaks, and the number of its client.
pub struct Client {
    k: SimKernel,
    server: SocketAddr,
    number: u64,
    patience: Duration,
    connection: Option<(TcpStream<SimKernel>, ReplyDecoder)>,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(k: SimKernel, server: SocketAddr, number: u64, patience: Duration) -> Client {
        Client { k, server, number, patience, connection: None }
    }

    /// Asks, and waits for the reply.
    pub fn ask(&mut self, words: &[&[u8]]) -> Outcome {
        if self.connection.is_none() {
            let Ok(stream) = TcpStream::connect(self.k, self.server) else {
                return Outcome::Refused("not connected".to_owned());
            };
            // An error shows in what follows.
            let _ = stream.set_read_timeout(Some(self.patience));
            let _ = stream.set_write_timeout(Some(self.patience));
            self.connection = Some((stream, ReplyDecoder::new(8, 1 << 20)));
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
        let mut bytes = Vec::new();
        encode_request(&mut bytes, words);
        stream.write_all(&bytes).ok()?;
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

/// A client's part: so many operations, and when faults have stopped a last look at every key.
fn play(mut client: Client, operations: u64, history: &History) {
    let (k, number) = (client.k, client.number);
    for round in 0..operations {
        let (key, ask) = drawn(number * 1000 + round, choose);
        client.operate(history, key, ask);
        // Mostly one after the other, so that what befalls the server befalls it at work.
        if choose("rests", 0, 3) == 3 {
            sleep(k, Duration::from_micros(100 << choose("pause", 0, 11)));
        }
    }
    if number == 1 {
        last_look(k, &mut client, history);
    }
}

/// Everything works again, and says what it kept.
fn last_look(k: SimKernel, client: &mut Client, history: &History) {
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

/// So many clients, each on a host of its own.
pub fn clients(
    sim: &mut Sim,
    server: SocketAddr,
    count: u64,
    operations: u64,
    patience: Duration,
) -> History {
    let history = History::default();
    for number in 1..=count {
        let name = format!("client-{number}");
        let host = sim.host(&name);
        let history = history.clone();
        sim.client(host, &name, move |k| {
            play(Client::new(k, server, number, patience), operations, &history)
        });
    }
    history
}
