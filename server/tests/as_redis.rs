//! The same requests to the server and to redis-server 7.0: the same bytes come back, in both dialects. Skipped where
//! redis-server is not installed.
//!
//! A file in `as_redis/` is a conversation, a request a line, in the words of the inline protocol. `~` before a request:
//! the lines of the reply may come in any order. `?`: chance decides, and only the number of lines is compared. `#` is a
//! remark.
#![allow(clippy::disallowed_methods, reason = "the clients of a real process are real threads")]

use eagain_server::resp::ReplyDecoder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that does not outlive the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Client(TcpStream);

impl Client {
    /// Says something; the bytes of the one reply.
    fn say(&mut self, line: &str) -> String {
        self.0.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let (mut reply, mut buffer, mut decoder) = (Vec::new(), [0; 4096], ReplyDecoder::new(8, 1 << 30));
        while decoder.next_reply().unwrap_or_else(|error| panic!("{line}: {error:?}")).is_none() {
            let n = self.0.read(&mut buffer).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(n > 0, "{line}: hung up");
            decoder.feed(&buffer[..n]);
            reply.extend_from_slice(&buffer[..n]);
        }
        reply.escape_ascii().to_string().replace("\\r\\n", "\n")
    }
}

fn connect(port: u16) -> Client {
    let stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    Client(stream)
}

fn redis() -> Option<(Process, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--save", "", "--appendonly", "no", "--daemonize", "no"]);
    let process = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?);
    Some((process, port))
}

fn ours() -> (Process, u16) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eagain-server"));
    command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let at = line.strip_prefix("listening at 127.0.0.1:").and_then(|rest| rest.split(' ').next());
    let port = at.and_then(|port| port.trim().parse().ok()).unwrap_or_else(|| panic!("{line}"));
    (Process(child), port)
}

fn play(conversation: &str) {
    let Some((_redis, theirs)) = redis() else {
        let _ = writeln!(std::io::stderr(), "skipped: redis-server is not installed");
        return;
    };
    let (_ours, ours) = ours();
    let mut different = Vec::new();
    for hello in ["PING", "HELLO 3"] {
        let (mut left, mut right) = (connect(ours), connect(theirs));
        for client in [&mut left, &mut right] {
            client.say(hello);
            client.say("FLUSHALL");
        }
        for line in conversation.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (kind, line) = match line.as_bytes()[0] {
                b'~' | b'?' => line.split_at(1),
                _ => ("", line),
            };
            let replies = [left.say(line), right.say(line)].map(|reply| match kind {
                "~" => {
                    let mut lines: Vec<&str> = reply.lines().collect();
                    lines.sort_unstable();
                    lines.join("\n")
                }
                "?" => reply.lines().count().to_string(),
                _ => reply,
            });
            if replies[0] != replies[1] {
                different
                    .push(format!("{hello}: {line}\n  ours  {:?}\n  redis {:?}", replies[0], replies[1]));
            }
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn sets() {
    play(include_str!("as_redis/sets.txt"));
}

#[test]
fn sorted_sets() {
    play(include_str!("as_redis/sorted_sets.txt"));
}

#[test]
fn protocol() {
    play(include_str!("as_redis/protocol.txt"));
}
