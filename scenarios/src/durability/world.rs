//! What the worlds of `cluster` and `durability` share: servers that begin again, clients that record what they asked and
//! saw, and the judgement.

use crate::checker::linearizable::{self, Ask, Operation, Told};
use eagain_net::*;
use eagain_server::config::Config;
use eagain_server::flaws::Flaws;
use eagain_server::resp::{Frame, ReplyDecoder, encode_request};
use eagain_server::server::{ServeError, serve_telling};
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::run::Scenario;
use eagain_sim::{HostId, ProcessId, Sim, SimKernel, choose, fail, sometimes};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
/// Values are longer than a sector of a disk, so that half of one can be lost.
const PADDING: usize = 2500;

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

/// What all clients asked and saw.
pub type History = Arc<Mutex<Vec<Operation>>>;

fn note(history: &History, operation: Operation) {
    // A std mutex: nobody makes a call while it is held, so that nobody ever waits here.
    history.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(operation);
}

/// A connection that is made again when it breaks, and the number of its client.
pub struct Client {
    k: SimKernel,
    server: SocketAddr,
    number: u64,
    patience: Duration,
    connection: Option<(TcpStream<SimKernel>, ReplyDecoder)>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was answered.
    Answered(Frame),
    /// It was refused, and has had no effect.
    Refused(String),
    /// Nobody knows.
    Unknown,
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
                let text = String::from_utf8_lossy(&text).into_owned();
                let unknown =
                    text.contains("unknown") || text.starts_with("UNKNOWN") || text.starts_with("PARTIAL");
                reached(UNKNOWN, unknown);
                if unknown { Outcome::Unknown } else { Outcome::Refused(text) }
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
        let name = key_name(key);
        let outcome = match ask {
            Ask::Set(value) => self.ask(&[b"SET", &name, &padded(value)]),
            Ask::Get => self.ask(&[b"GET", &name]),
            Ask::Incr => self.ask(&[b"INCR", &name]),
            Ask::Del => self.ask(&[b"DEL", &name]),
        };
        let mut operation = Operation { client: self.number, key, ask, called, returned: None };
        match outcome {
            Outcome::Refused(text) => {
                sometimes("a request was refused", true);
                reached(FULL, text.contains("disk is full"));
                reached(SYNC_FAILED, text.contains("syncing the disk failed"));
                return false;
            }
            Outcome::Unknown => note(history, operation),
            Outcome::Answered(frame) => {
                let Some(told) = told(&frame) else {
                    fail("O2", "foreign reply", format!("{ask:?} of key {key} was answered by {frame:?}"));
                    return false;
                };
                operation.returned = Some((now(self.k).0, told));
                note(history, operation);
                return true;
            }
        }
        false
    }
}

fn key_name(key: u64) -> Vec<u8> {
    format!("key:{key}").into_bytes()
}

/// A number as text, with so much behind it that it spans sectors, each byte of which is known. Counters are short.
fn padded(value: u64) -> Vec<u8> {
    let mut text = format!("{value}:").into_bytes();
    text.extend((0..PADDING).map(|at| b'a' + ((value as usize + at) % 26) as u8));
    text
}

fn told(frame: &Frame) -> Option<Told> {
    match frame {
        Frame::Simple(text) if text == b"OK" => Some(Told::Done),
        Frame::Integer(count) => u64::try_from(*count).ok().map(Told::Count),
        Frame::Null => Some(Told::Value(None)),
        Frame::Bulk(text) => {
            let digits = text.split(|byte| *byte == b':').next()?;
            let value = std::str::from_utf8(digits).ok()?.parse().ok()?;
            (*text == padded(value) || digits.len() == text.len()).then_some(Told::Value(Some(value)))
        }
        _ => None,
    }
}

/// Keys below are set, read and removed; those above are counted.
pub const SET_KEYS: u64 = 2;
/// One key that counts.
pub const COUNT_KEY: u64 = SET_KEYS;

/// A client's part: so many operations, and when faults have stopped a last look at every key.
fn play(mut client: Client, operations: u64, history: &History) {
    let (k, number) = (client.k, client.number);
    for round in 0..operations {
        let key = choose("key", 0, COUNT_KEY);
        let value = number * 1000 + round;
        let ask = match (key, choose("what", 0, 5)) {
            (COUNT_KEY, 0..=3) => Ask::Incr,
            (COUNT_KEY, _) | (_, 3 | 4) => Ask::Get,
            (_, 5) => Ask::Del,
            _ => Ask::Set(value),
        };
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

/// What has to hold in the end.
pub fn judge(sim: &mut Sim, history: &History) {
    if sim.failed() {
        return;
    }
    let history = history.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    if let Err(verdict) = linearizable::check(&history) {
        sim.fail("O8", "not linearizable", verdict.to_string());
    }
}
