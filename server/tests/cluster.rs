//! The cluster as real processes on this machine: an access server, two logic servers, two storage servers. One storage
//! server is killed in the middle of the load and started again; what was acknowledged is there, and nothing was counted
//! twice. The same with every role on tokio, and before two real Redis servers, where one is installed.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the clients of a real process are real threads"
)]

use eagain_net::{Linux, Signal, Signals};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

mod process;
use process::{Process, free_port};

/// Starts our server and waits until it listens.
fn server(port: u16, arguments: &[&str]) -> Process {
    process::ours(&[&["--port", &port.to_string()], arguments].concat()).0
}

/// Starts a storage server of one kind or the other.
type StartStorage = fn(u16, &Path) -> Process;

fn ours(port: u16, directory: &Path, engine: &str) -> Process {
    let directory = directory.to_str().unwrap();
    server(port, &["--role", "storage", "--storage", engine, "--appendfsync", "always", "--dir", directory])
}

fn redis(port: u16, directory: &Path) -> Process {
    let keeps = ["--appendonly", "yes", "--appendfsync", "always", "--dir", directory.to_str().unwrap()];
    process::redis(port, &keeps).unwrap()
}

struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    fn connect(port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { stream, unread: Vec::new() }
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return String::from_utf8(line).unwrap().trim_end().to_owned();
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the access server has hung up");
            self.unread.extend_from_slice(&bytes[..count]);
        }
    }

    fn lines(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.line()).collect()
    }

    /// A reply that is a bulk string.
    fn bulk(&mut self) -> String {
        assert!(self.line().starts_with('$'));
        self.line()
    }

    /// One request, and the first line of its reply; bytes are shown by themselves.
    fn ask(&mut self, request: &str) -> String {
        self.stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
        let line = self.line();
        if line.starts_with('$') && line != "$-1" { self.line() } else { line }
    }
}

/// What one client knows of one key.
struct Known {
    key: String,
    /// Its value is at least this.
    acknowledged: u64,
    /// And at most this.
    attempted: u64,
}

/// What has not come by then never does.
const NEVER: Duration = Duration::from_secs(60);

/// Counts on its own keys, as fast as it can and with a word for each acknowledgement, until each of them has been acknowledged
/// since the stop.
fn load(port: u16, client: usize, stop: &AtomicBool, acknowledged: &Sender<()>) -> Vec<Known> {
    let mut connection = Client::connect(port);
    let key = |number| Known { key: format!("key:{client}:{number}"), acknowledged: 0, attempted: 0 };
    let mut keys: Vec<Known> = (0..8).map(key).collect();
    let (begun, mut since_stop) = (Instant::now(), BTreeSet::new());
    for round in 0.. {
        if since_stop.len() == keys.len() {
            break;
        }
        assert!(begun.elapsed() < NEVER, "a key is never written again");
        let known = &mut keys[round % 8];
        let reply = connection.ask(&format!("INCR {}", known.key));
        match reply.strip_prefix(':') {
            Some(value) => {
                known.attempted += 1;
                let value: u64 = value.parse().unwrap();
                assert!(
                    (known.acknowledged + 1..=known.attempted).contains(&value),
                    "{reply} for {}",
                    known.key
                );
                // What was unknown before is known now.
                (known.acknowledged, known.attempted) = (value, value);
                if stop.load(SeqCst) {
                    since_stop.insert(round % 8);
                }
                let _ = acknowledged.send(());
            }
            None if reply.starts_with("-UNKNOWN") => known.attempted += 1,
            // A Redis that was started again refuses all until it has read its file.
            None => assert!(["-CLUSTERDOWN", "-LOADING"].iter().any(|no| reply.starts_with(no)), "{reply}"),
        }
    }
    keys
}

/// Channels and patterns, in both dialects, from the confirmation on and until the end.
fn listens(port: u16) {
    let (mut two, mut three, mut other) =
        (Client::connect(port), Client::connect(port), Client::connect(port));
    assert_eq!(other.ask("PUBLISH news nobody"), ":0");
    let frame = |lines: &str| lines.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(two.ask("SUBSCRIBE news other"), "*3");
    assert_eq!(two.lines(5), frame("$9 subscribe $4 news :1"));
    assert_eq!(two.lines(6), frame("*3 $9 subscribe $5 other :2"));
    assert!(two.ask("GET a").starts_with("-ERR Can't execute 'get'"));
    three.stream.write_all(b"HELLO 3\r\nECHO end\r\nPSUBSCRIBE n?ws\r\nGET a\r\n").unwrap();
    while three.line() != "end" {}
    assert_eq!(three.lines(6), frame(">3 $10 psubscribe $4 n?ws :1"));
    assert_eq!(three.lines(2), frame("$1 1"));
    assert_eq!(other.ask("PUBSUB NUMPAT"), ":1");
    for text in ["one", "two"] {
        assert_eq!(other.ask(&format!("PUBLISH news {text}")), ":2");
        assert_eq!(two.lines(7), frame(&format!("*3 $7 message $4 news $3 {text}")));
        assert_eq!(three.lines(9), frame(&format!(">4 $8 pmessage $4 n?ws $4 news $3 {text}")));
    }
    assert_eq!(two.ask("UNSUBSCRIBE news"), "*3");
    assert_eq!(two.lines(5), frame("$11 unsubscribe $4 news :1"));
    assert_eq!(other.ask("PUBLISH news three"), ":1");
    assert_eq!(other.ask("PUBLISH other four"), ":1");
    assert_eq!(two.lines(7), frame("*3 $7 message $5 other $4 four"));
}

/// What one client sends without waiting is executed in its order, whichever servers it goes by.
fn keeps_order(port: u16) {
    const COUNT: usize = 5000;
    let mut client = Client::connect(port);
    let requests: String = (0..COUNT).map(|number| format!("RPUSH order {number}\r\n")).collect();
    client.stream.write_all(requests.as_bytes()).unwrap();
    (1..=COUNT).for_each(|length| assert_eq!(client.line(), format!(":{length}")));
    assert_eq!(client.ask("LRANGE order 0 -1"), format!("*{COUNT}"));
    (0..COUNT).for_each(|number| assert_eq!(client.bulk(), number.to_string()));
    assert_eq!(client.ask("DEL order"), ":1");
}

fn survives(start_storage: StartStorage, model: &str) {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let ports: Vec<u16> = (0..5).map(|_| free_port()).collect();
    let mut storages =
        [start_storage(ports[0], directories[0].path()), start_storage(ports[1], directories[1].path())];
    let backends =
        |ports: &[u16]| ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
    let (storage, logic) = (backends(&ports[..2]), backends(&ports[2..4]));
    let passes_on = |at: usize, role, behind| {
        server(ports[at], &["--role", role, "--backends", behind, "--model", model])
    };
    let _logics = [2, 3].map(|at| passes_on(at, "logic", &storage));
    let mut access = passes_on(4, "access", &logic);
    let port = ports[4];

    let mut client = Client::connect(port);
    assert_eq!(client.ask("PING"), "+PONG");
    assert_eq!(client.ask("MSET a 1 b 2 c 3 d 4 e 5"), "+OK");
    assert_eq!(client.ask("EXISTS a b c d e f"), ":5");
    assert_eq!(client.ask("DBSIZE"), ":5");
    assert_eq!(client.ask("MGET a b c nope"), "*4");
    let elements: Vec<String> = (0..7).map(|_| client.line()).collect();
    assert_eq!(elements, ["$1", "1", "$1", "2", "$1", "3", "$-1"]);
    assert!(client.ask("RENAME a b").starts_with("-CROSSSLOT") || client.ask("RENAME b a") == "+OK");

    listens(port);
    keeps_order(port);

    let stop = Arc::new(AtomicBool::new(false));
    let (sender, acknowledged) = channel();
    let clients: Vec<_> = (0..6)
        .map(|number| {
            let (stop, sender) = (stop.clone(), sender.clone());
            std::thread::spawn(move || load(port, number, &stop, &sender))
        })
        .collect();
    let wait_for = |count| (0..count).for_each(|_| acknowledged.recv_timeout(NEVER).unwrap());
    wait_for(300);
    storages[0].0.kill().unwrap();
    storages[0].0.wait().unwrap();
    // Keys of the other one.
    wait_for(100);
    storages[0] = start_storage(ports[0], directories[0].path());
    stop.store(true, SeqCst);
    let known: Vec<Known> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();

    for known in known {
        let value: u64 = client.ask(&format!("GET {}", known.key)).parse().unwrap_or(0);
        let Known { key, acknowledged, attempted } = known;
        assert!(
            (acknowledged..=attempted).contains(&value),
            "{key}: {value}, not {acknowledged}..={attempted}"
        );
    }

    Linux.kill(access.0.id() as i32, Signal::SIGTERM).unwrap();
    assert_eq!(access.0.wait().unwrap().code(), Some(0));
    assert_eq!(client.stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_was_acknowledged_survives_the_kill_of_a_storage_server() {
    survives(|port, directory| ours(port, directory, "log"), "epoll");
}

#[test]
fn the_same_roles_stand_on_tokio() {
    let storage = |port, directory: &Path| {
        let directory = directory.to_str().unwrap();
        let keeps = ["--storage", "log", "--appendfsync", "always", "--dir", directory];
        server(port, &[&["--role", "storage", "--model", "tokio"], &keeps[..]].concat())
    };
    survives(storage, "tokio");
}

#[test]
fn what_was_acknowledged_survives_in_a_database_too() {
    survives(|port, directory| ours(port, directory, "redb"), "epoll");
}

#[test]
fn the_same_roles_stand_before_real_redis_servers() {
    if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
        // Not by a macro, whose output the test runner keeps to itself when all is well: a skip is to be seen.
        let _ = writeln!(std::io::stderr(), "skipped: no redis-server is installed here");
        return;
    }
    survives(redis, "epoll");
}

/// Damages the file of a server that was killed. Starting again refuses it; the text that says so.
fn refused(engine: &str, damage: fn(&mut [u8])) -> String {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let running = ours(port, directory.path(), engine);
    let mut client = Client::connect(port);
    (0..5).for_each(|number| assert_eq!(client.ask(&format!("SET key:{number} value")), "+OK"));
    drop(running);
    let path = directory.path().join(engine);
    let mut bytes = std::fs::read(&path).unwrap();
    damage(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_eagain-server"));
    command.args(["--port", &port.to_string(), "--storage", engine, "--dir"]).arg(directory.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    if engine == "log" {
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "nothing is touched");
    }
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_damaged_log_is_refused_with_its_own_exit_status() {
    let text = refused("log", |bytes| bytes[80] ^= 1);
    assert!(text.contains("is damaged at byte") && text.contains("--recover truncate"), "{text}");
}

#[test]
fn a_damaged_database_is_refused_with_its_own_exit_status() {
    let text = refused("redb", |bytes| {
        bytes[4096..].iter_mut().filter(|byte| **byte != 0).for_each(|byte| *byte ^= 1)
    });
    assert!(text.contains("redb is damaged at bytes ") && text.contains("none was kept"), "{text}");
}

#[test]
fn a_cluster_speaks_both_dialects_shows_all_keys_and_fails_at_once_without_a_server() {
    let ports: Vec<u16> = (0..4).map(|_| free_port()).collect();
    let at = |port: u16| format!("127.0.0.1:{port}");
    let storage = |port| server(port, &["--role", "storage", "--requirepass", "secret"]);
    let (mut storages, behind) =
        ([storage(ports[0]), storage(ports[1])], format!("{},{}", at(ports[0]), at(ports[1])));
    let _logic =
        server(ports[2], &["--role", "logic", "--backends", &behind, "--backend-password", "secret"]);
    let _access = server(ports[3], &["--role", "access", "--backends", &at(ports[2])]);
    let (mut two, mut three) = (Client::connect(ports[3]), Client::connect(ports[3]));
    three.stream.write_all(b"HELLO 3\r\nECHO end\r\n").unwrap();
    while three.line() != "end" {}
    for _ in 0..2 {
        assert_eq!(three.ask("HSET hash field value").as_bytes()[0], b':');
        assert_eq!(
            (three.ask("HGETALL hash"), three.line(), three.line()),
            ("%1".into(), "$5".into(), "field".into())
        );
        assert_eq!((three.line(), three.line()), ("$5".into(), "value".into()));
        assert_eq!(three.ask("GET nothing"), "_");
        assert_eq!(two.ask("HGETALL hash"), "*2");
        (0..4).for_each(|_| drop(two.line()));
        assert_eq!(two.ask("GET nothing"), "$-1");
    }
    assert_eq!(two.ask("DEL hash"), ":1");
    (0..50).for_each(|key| assert_eq!(two.ask(&format!("SET key:{key} value")), "+OK"));
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        assert_eq!(two.ask(&format!("SCAN {cursor} COUNT 7")), "*2");
        cursor = two.bulk();
        let count: usize = two.line()[1..].parse().unwrap();
        keys.extend((0..count).map(|_| two.bulk()));
        if cursor == "0" {
            break;
        }
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 50);

    for request in ["BLPOP list 0", "WATCH key:1", "CLIENT PAUSE 10"] {
        let name = request.to_lowercase();
        let name =
            name.split(' ').take(1 + usize::from(name.starts_with("client"))).collect::<Vec<_>>().join("|");
        assert_eq!(
            two.ask(request),
            format!(
                "-ERR '{name}' is not passed on by access and logic servers, whose links all clients share; ask a storage server itself"
            )
        );
    }

    storages[0].0.kill().unwrap();
    storages[0].0.wait().unwrap();
    // A refusal comes at once: a request that waited for its time (2 s) would be an error of the read.
    two.stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut answered = 0;
    for key in 0..50 {
        let reply = two.ask(&format!("GET key:{key}"));
        answered += usize::from(reply == "value");
        assert!(reply == "value" || reply.starts_with("-CLUSTERDOWN"), "{reply}");
    }
    assert!((1..50).contains(&answered), "{answered} of 50");
}
