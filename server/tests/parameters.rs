//! Every parameter that `CONFIG GET *` lists has an effect: each has a row here that sees it.
#![allow(clippy::disallowed_methods, reason = "the clients of a real process are real threads")]

use eagain_net::{Linux, Signal, Signals};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_eagain-server");

/// A process that does not outlive the test, and where it listens.
struct Server {
    child: Child,
    host: String,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// With these flags, in which `DIR` is a folder of its own.
    fn start(flags: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let flags = flags.replace("DIR", folder.path().to_str().unwrap());
        let mut command = Command::new(PROGRAM);
        command.args(["--port", "0"]).args(flags.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening at ").and_then(|rest| rest.split(' ').next()).unwrap();
        let (host, port) = address.rsplit_once(':').unwrap();
        Server { child, host: host.to_owned(), port: port.parse().unwrap(), folder }
    }

    fn client(&self) -> Client {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client(BufReader::new(stream))
    }

    /// What it has written to the file for the operator, all of it: it is stopped first.
    fn stopped_lines(mut self) -> String {
        Linux.kill(self.child.id() as i32, Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
        std::fs::read_to_string(self.path("lines")).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    /// The first line of the reply.
    fn say(&mut self, request: &str) -> String {
        let _ = self.0.get_mut().write_all(format!("{request}\r\n").as_bytes());
        let mut line = String::new();
        let _ = self.0.read_line(&mut line);
        line.trim_end().to_owned()
    }

    fn set(&mut self, name: &str, value: &str) -> &mut Client {
        assert_eq!(self.say(&format!("CONFIG SET {name} {value}")), "+OK", "{name} {value}");
        self
    }

    fn get(&mut self, name: &str) -> String {
        assert_eq!(self.say(&format!("CONFIG GET {name}")), "*2", "{name}");
        self.lines(4).pop().unwrap()
    }

    fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for _ in 0..count {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// Whether the server ends the connection.
    fn is_ended(&mut self) -> bool {
        self.0.read(&mut [0; 64]).unwrap() == 0
    }
}

/// What sees the effect of a parameter.
type Effect = fn();

const EFFECTS: &[(&str, Effect)] = &[
    ("maxclients", || {
        let server = Server::start("");
        let mut one = server.client();
        one.set("maxclients", "1");
        assert_eq!(server.client().say(""), "-ERR max number of clients reached");
        let refused = one.say("CONFIG SET maxclients 4000000000");
        assert!(refused.contains("not enough descriptors"), "{refused}");
    }),
    ("timeout", || {
        let server = Server::start("");
        let mut silent = server.client();
        assert_eq!(silent.say("PING"), "+PONG");
        server.client().set("timeout", "1");
        assert!(silent.is_ended(), "one that was open before");
    }),
    ("maxmemory", || {
        let server = Server::start("");
        let mut one = server.client();
        assert_eq!(one.set("maxmemory", "1").say("SET a b"), "+OK");
        assert_eq!(one.say("SET a b"), "-OOM command not allowed when used memory > 'maxmemory'.");
    }),
    ("maxmemory-policy", || {
        let server = Server::start("--maxmemory 1");
        let mut one = server.client();
        one.say("SET a b");
        assert!(one.say("SET a b").starts_with("-OOM"));
        assert_eq!(one.set("maxmemory-policy", "allkeys-lru").say("SET a b"), "+OK");
    }),
    ("requirepass", || {
        let server = Server::start("");
        server.client().set("requirepass", "secret");
        let mut other = server.client();
        assert_eq!(other.say("GET a"), "-NOAUTH Authentication required.");
        assert_eq!(other.say("AUTH secret"), "+OK");
    }),
    ("proto-max-bulk-len", || {
        let server = Server::start("");
        let mut open = server.client();
        assert_eq!(open.say("PING"), "+PONG");
        server.client().set("proto-max-bulk-len", "2mb");
        assert_eq!(open.say("*2\r\n$3\r\nGET\r\n$2097153"), "-ERR Protocol error: invalid bulk length");
    }),
    ("client-query-buffer-limit", || {
        let server = Server::start("");
        server.client().set("client-query-buffer-limit", "1mb");
        assert!(server.client().say("*2\r\n$3\r\nGET\r\n$1048577").starts_with("-ERR Protocol error"));
    }),
    ("client-output-buffer-limit", || {
        let server = Server::start("");
        let mut one = server.client();
        one.set("client-output-buffer-limit", "\"normal 1000 0 0\"");
        let refused = one.say(&format!("ECHO {}", "x".repeat(2000)));
        assert_eq!(refused, "-ERR output buffer limit of 1000 bytes exceeded, closing the connection");
        assert!(one.is_ended());
    }),
    ("slowlog-log-slower-than", || {
        let server = Server::start("");
        let mut one = server.client();
        assert_eq!(one.say("SLOWLOG LEN"), ":0");
        one.set("slowlog-log-slower-than", "0").say("PING");
        assert_ne!(one.say("SLOWLOG LEN"), ":0");
    }),
    ("slowlog-max-len", || {
        let server = Server::start("--slowlog-log-slower-than 0");
        let mut one = server.client();
        one.set("slowlog-max-len", "1").say("PING");
        assert_eq!(one.say("SLOWLOG LEN"), ":1");
    }),
    ("databases", || {
        let server = Server::start("--databases 2");
        assert_eq!(server.client().say("SELECT 1"), "+OK");
        assert_eq!(server.client().say("SELECT 2"), "-ERR DB index is out of range");
    }),
    ("port", || {
        let server = Server::start("");
        assert_eq!(server.client().get("port"), server.port.to_string());
    }),
    ("bind", || {
        let server = Server::start("--bind 127.0.0.2");
        assert_eq!((server.host.as_str(), server.client().get("bind").as_str()), ("127.0.0.2", "127.0.0.2"));
    }),
    ("unixsocket", || {
        let server = Server::start("--unixsocket DIR/socket");
        let mut stream = UnixStream::connect(server.path("socket")).unwrap();
        stream.write_all(b"PING\r\nQUIT\r\n").unwrap();
        let mut replies = String::new();
        stream.read_to_string(&mut replies).unwrap();
        assert_eq!(replies, "+PONG\r\n+OK\r\n");
        assert_eq!(server.client().get("unixsocket"), server.path("socket"));
    }),
    ("unixsocketperm", || {
        let server = Server::start("--unixsocket DIR/socket --unixsocketperm 711");
        let mode = std::fs::metadata(server.path("socket")).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, server.client().get("unixsocketperm").as_str()), (0o711, "711"));
    }),
    // What the kernel does with it, for each model, is in drivers/check.rs.
    ("tcp-keepalive", || {
        let server = Server::start("--tcp-keepalive 17");
        assert_eq!(server.client().get("tcp-keepalive"), "17");
    }),
    ("loglevel", || {
        let server = Server::start("--logfile DIR/lines");
        let mut one = server.client();
        one.set("loglevel", "verbose");
        server.client().say("PING");
        drop(one);
        let lines = server.stopped_lines();
        assert_eq!(lines.matches("verbose: a client has come").count(), 1, "{lines}");
    }),
    ("logfile", || {
        let server = Server::start("--logfile DIR/lines");
        let lines = std::fs::read_to_string(server.path("lines")).unwrap();
        assert!(lines.contains("notice: listening at 127.0.0.1:"), "{lines}");
        // Moved away, as programs that rotate logs do.
        std::fs::rename(server.path("lines"), server.path("older")).unwrap();
        let mut one = server.client();
        one.set("maxclients", "1");
        assert_eq!(server.client().say(""), "-ERR max number of clients reached");
        let lines = server.stopped_lines();
        assert!(lines.contains("warning: 1 clients are as many as there may be (maxclients 1)"), "{lines}");
    }),
    ("save", || {
        let server = Server::start("");
        let mut one = server.client();
        assert_eq!((one.get("save").as_str(), one.say("CONFIG SET save \"\"").as_str()), ("", "+OK"));
        assert!(one.say("CONFIG SET save 60").contains("this server makes no snapshots"));
    }),
    ("appendonly", || {
        let (memory, log) = (Server::start(""), Server::start("--storage log --dir DIR"));
        assert_eq!(memory.client().get("appendonly"), "no");
        assert_eq!(log.client().get("appendonly"), "yes");
    }),
    // What it promises is in the scenarios durability-*.
    ("appendfsync", || {
        let server = Server::start("--storage log --dir DIR --appendfsync always");
        let mut one = server.client();
        assert_eq!(one.get("appendfsync"), "always");
        assert!(one.say("CONFIG SET appendfsync no").contains("can't set immutable config"));
        let server = Server::start("");
        assert!(server.client().say("CONFIG SET appendfsync no").contains("keeps nothing on a disk"));
    }),
    ("dir", || {
        let server = Server::start("--storage log --dir DIR");
        assert!(std::fs::exists(server.path("log")).unwrap());
    }),
];

#[test]
fn each_has_an_effect() {
    let server = Server::start("");
    let mut one = server.client();
    let count = one.say("CONFIG GET *").trim_start_matches('*').parse::<usize>().unwrap() * 2;
    let words: Vec<String> = one.lines(count).into_iter().skip(1).step_by(2).collect();
    let names: Vec<&String> = words.iter().step_by(2).collect();
    let shown: Vec<&str> = EFFECTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, shown, "a parameter without a row, or a row without a parameter");
    for (name, effect) in EFFECTS {
        // For the one who reads a failure.
        println!("{name}");
        effect();
    }
}
