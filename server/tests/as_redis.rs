//! The same requests to the server and to redis-server 7.0: the same bytes come back, in both dialects. Skipped where
//! redis-server is not installed.
//!
//! A file in `as_redis/` is a conversation, a request a line, in the words of the inline protocol. `~` before a request:
//! the lines of the reply may come in any order. `?`: chance decides, and only the number of lines is compared. `#` is a
//! remark.
//!
//! In a conversation of several clients, a line begins with one of their letters: `b: SET a 1` is said and answered, `b~ KEYS *` where
//! the lines of the reply may come in any order; `b> PING` is said, `b! BLPOP a 0` is said, and then the server says that it blocks `b`;
//! `b<` is the next reply or message, `b-` hangs up. `$b` is the client's number.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the clients of a real process are real threads"
)]

use eagain_server::resp::ReplyDecoder;
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

mod process;
use process::Process;

/// What has not come by then never does.
const NEVER: Duration = Duration::from_secs(20);

struct Client(BufReader<TcpStream>);

impl Client {
    /// Says something.
    fn send(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// The bytes of the next reply, or of a message that is none.
    fn hear(&mut self, line: &str) -> String {
        let (mut reply, mut byte, mut decoder) = (Vec::new(), [0], ReplyDecoder::new(8, 1 << 30));
        while decoder.next_reply().unwrap_or_else(|error| panic!("{line}: {error:?}")).is_none() {
            if let Err(error) = self.0.read_exact(&mut byte) {
                return format!("{}; then {:?}", reply.escape_ascii(), error.kind());
            }
            decoder.feed(&byte);
            reply.push(byte[0]);
        }
        reply.escape_ascii().to_string().replace("\\r\\n", "\n")
    }

    /// Says something; the bytes of the one reply.
    fn say(&mut self, line: &str) -> String {
        self.send(line);
        self.hear(line)
    }
}

fn sorted(reply: &str) -> String {
    let mut lines: Vec<&str> = reply.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn connect(port: u16) -> Client {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    Client(BufReader::new(stream))
}

fn redis() -> Option<(Process, u16)> {
    let port = process::free_port();
    Some((process::redis(port, &["--appendonly", "no"])?, port))
}

fn ours(arguments: &[&str]) -> (Process, u16) {
    process::ours(&[&["--listen", "127.0.0.1:0"], arguments].concat())
}

fn play(conversation: &str) {
    let Some((_redis, theirs)) = redis() else {
        let _ = writeln!(std::io::stderr(), "skipped: redis-server is not installed");
        return;
    };
    let (_ours, ours) = ours(&[]);
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
                "~" => sorted(&reply),
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

/// Whether a line of `CLIENT LIST` says that its client has a command that waits, or is put off.
fn is_blocked(client: &str) -> bool {
    client.split(' ').any(|field| field.strip_prefix("flags=").is_some_and(|flags| flags.contains('b')))
}

/// A conversation of several clients with the server at `port`, in the dialect that `hello` asks for: each line, and what came.
fn together(port: u16, hello: &str, conversation: &str) -> Vec<(String, String)> {
    let (mut clients, mut ids) = (BTreeMap::new(), BTreeMap::<&str, String>::new());
    let mut observer = connect(port);
    observer.say("FLUSHALL");
    // What the server says of a client, once that is as it should be.
    let mut observe = |line: &str, id: &str, is_so: fn(&str) -> bool| {
        let (question, begun) = (format!("CLIENT LIST ID {id}"), Instant::now());
        while !is_so(&observer.say(&question)) {
            assert!(begun.elapsed() < NEVER, "{line}: it does not come to that");
        }
    };
    let lines = conversation.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let heard = lines.map(|line| {
        let (letter, rest) = line.split_at(1);
        let client = clients.entry(letter).or_insert_with(|| {
            let mut client = connect(port);
            client.say(hello);
            ids.insert(letter, client.say("CLIENT ID").trim_matches([':', '\n']).to_owned());
            client
        });
        let words = rest[1..].trim().to_owned();
        let words = &ids.iter().fold(words, |words, (letter, id)| words.replace(&format!("${letter}"), id));
        let heard = match &rest[..1] {
            ":" => client.say(words),
            "~" => sorted(&client.say(words)),
            "<" => client.hear(line),
            ">" => {
                client.send(words);
                String::new()
            }
            "!" => {
                client.send(words);
                observe(line, &ids[letter], is_blocked);
                String::new()
            }
            _ => {
                clients.remove(letter);
                observe(line, &ids[letter], |client| !client.contains("id="));
                String::new()
            }
        };
        (line.to_owned(), heard)
    });
    heard.collect()
}

/// The conversation with redis-server, and with ours on each of these.
fn play_together(conversation: &str) {
    let Some((_redis, theirs)) = redis() else {
        let _ = writeln!(std::io::stderr(), "skipped: redis-server is not installed");
        return;
    };
    let servers: &[&[&str]] = &[
        &[],
        &["--model", "blocking"],
        &["--model", "epoll-edge", "--workers", "2"],
        &["--model", "poll", "--pattern", "proactor", "--workers", "2"],
        &["--model", "io_uring", "--pattern", "proactor", "--workers", "1"],
        &["--model", "tokio"],
        &["--loops", "2"],
    ];
    for hello in ["PING", "HELLO 3"] {
        let expected = together(theirs, hello, conversation);
        for arguments in servers {
            let (_ours, port) = ours(arguments);
            let got = together(port, hello, conversation);
            let differ = expected.iter().zip(&got).filter(|(expected, got)| expected != got);
            let differ: Vec<_> = differ
                .map(|((line, redis), (_, ours))| format!("{line}\n  ours  {ours:?}\n  redis {redis:?}"))
                .collect();
            assert!(differ.is_empty(), "{hello}, {arguments:?}:\n{}", differ.join("\n"));
        }
    }
}

#[test]
fn channels() {
    play_together(include_str!("as_redis/channels.txt"));
}

#[test]
fn commands_that_wait() {
    play_together(include_str!("as_redis/waiting.txt"));
}

#[test]
fn slow_commands() {
    play_together(include_str!("as_redis/slowlog.txt"));
}

#[test]
fn pauses() {
    play_together(include_str!("as_redis/pauses.txt"));
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
