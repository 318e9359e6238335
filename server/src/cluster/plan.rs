//! What is to be done with a request: answered here, refused, passed on, or split.

use super::merge::Merge;
use super::ring::Ring;
use crate::config::Role;
use crate::logic_unit::command::{self, Command, Flags};
use crate::resp::number::parse_integer;
use crate::resp::{Arguments, encode_request};

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan<'a> {
    /// It is about the connection, or about this server.
    Local,
    /// It makes no sense here; the error.
    Refused(String),
    /// It goes on as it is, to the server that the key decides about, or to any.
    One(Option<&'a [u8]>),
    /// It is a message for this channel: it goes on as it is, behind those before it.
    Publish(&'a [u8]),
    /// Several servers have a part in it.
    Split(Vec<Part>, Merge),
}

/// What one server is asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub server: usize,
    /// The request.
    pub request: Vec<u8>,
    /// Which of the keys of the original request, by their order.
    pub positions: Vec<usize>,
}

/// Answered by whoever the client is connected to.
const LOCAL: &[&str] = &[
    "auth",
    "client",
    "command",
    "config",
    "echo",
    "eval",
    "eval_ro",
    "evalsha",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
    "function",
    "hello",
    "info",
    "lastsave",
    "ping",
    "psubscribe",
    "pubsub",
    "punsubscribe",
    "quit",
    "reset",
    "role",
    "script",
    "select",
    "shutdown",
    "subscribe",
    "time",
    "unsubscribe",
    "wait",
];
/// What is asked of every storage server.
const EVERYWHERE: &[(&str, Merge)] = &[
    ("randomkey", Merge::Any),
    ("save", Merge::Same),
    ("dbsize", Merge::Sum),
    ("flushall", Merge::Same),
    ("flushdb", Merge::Same),
    ("keys", Merge::Concat),
    ("bgrewriteaof", Merge::Same),
];
/// What can be split by key.
const BY_KEY: &[(&str, Merge)] = &[
    ("del", Merge::Sum),
    ("unlink", Merge::Sum),
    ("exists", Merge::Sum),
    ("touch", Merge::Sum),
    ("mget", Merge::Pick),
    ("mset", Merge::Same),
];

fn find(table: &[(&str, Merge)], command: &Command) -> Option<Merge> {
    table.iter().find(|(name, _)| *name == command.name).map(|(_, merge)| *merge)
}

/// The plan of a server with this role for a request of at least one word.
pub fn plan<'a>(role: Role, ring: &Ring, servers: usize, request: Arguments<'a>) -> Plan<'a> {
    let Some(command) = command::find(request.at(0)).filter(|command| command.takes(request.len())) else {
        // The logic unit says what is wrong with it.
        return Plan::Local;
    };
    if LOCAL.contains(&command.name) {
        return local(command, request);
    }
    if command.name == "publish" {
        return Plan::Publish(request.at(1));
    }
    if command.name == "scan" {
        return if role == Role::Access { Plan::One(None) } else { scan(servers, request) };
    }
    if command.keys.0 == 0 && command.numbered == 0 {
        return match (find(EVERYWHERE, command), role) {
            (Some(_), Role::Access) => Plan::One(None),
            (Some(merge), _) => everywhere(servers, request, merge),
            (None, _) => not_passed_on(command.name),
        };
    }
    if command.flags.has(Flags::BLOCKING) {
        // A link carries the requests of many clients, whose replies come one after the other.
        return not_passed_on(command.name);
    }
    let keys: Vec<&[u8]> = command.keys_of(request).collect();
    let Some(first) = keys.first().copied() else { return Plan::Local };
    if command.name == "watch" {
        return not_passed_on(command.name);
    }
    let owner = ring.owner(first);
    if role == Role::Access || keys.iter().all(|key| ring.owner(key) == owner) {
        return Plan::One(Some(first));
    }
    match find(BY_KEY, command) {
        Some(merge) => by_key(ring, servers, command, request, merge),
        None => Plan::Refused("CROSSSLOT Keys in request don't hash to the same storage server".to_owned()),
    }
}

/// What belongs to one connection to one server: waiting, listening, watching. A link is that of many clients.
fn not_passed_on(name: &str) -> Plan<'static> {
    Plan::Refused(format!(
        "ERR '{name}' is not passed on by access and logic servers, whose links all clients share; ask a storage server itself"
    ))
}

/// Whether it changes nothing, so that it can be asked twice.
pub fn may_repeat(request: Arguments<'_>) -> bool {
    command::find(request.at(0)).is_some_and(|command| command.flags.has(Flags::READONLY))
}

fn local<'a>(command: &Command, request: Arguments<'a>) -> Plan<'a> {
    let word = request.get(1).unwrap_or_default();
    let refused = |text: &str| Plan::Refused(text.to_owned());
    match command.name {
        "select" if word != b"0" => refused("ERR SELECT is not allowed in cluster mode"),
        "client" if [b"reply".as_slice(), b"pause"].iter().any(|name| word.eq_ignore_ascii_case(name)) => {
            let name = String::from_utf8_lossy(word).to_ascii_lowercase();
            not_passed_on(&format!("client|{name}"))
        }
        _ => Plan::Local,
    }
}

fn encoded(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, words);
    bytes
}

/// A step of a walk over all servers' keys, one server after the other. A cursor is that of a server times their number,
/// plus that server's.
fn scan<'a>(servers: usize, request: Arguments<'a>) -> Plan<'a> {
    let mut words: Vec<&[u8]> = request.iter().collect();
    let cursor = parse_integer(request.at(1)).and_then(|cursor| u64::try_from(cursor).ok());
    let Some(cursor) = cursor else { return Plan::Refused("ERR invalid cursor".to_owned()) };
    let (its_own, server) = (cursor / servers as u64, (cursor % servers as u64) as usize);
    let its_own = its_own.to_string();
    words[1] = its_own.as_bytes();
    let part = Part { server, request: encoded(&words), positions: Vec::new() };
    Plan::Split(vec![part], Merge::Scan { server, servers })
}

fn everywhere<'a>(servers: usize, request: Arguments<'a>, merge: Merge) -> Plan<'a> {
    let bytes = encoded(&request.iter().collect::<Vec<_>>());
    let part = |server| Part { server, request: bytes.clone(), positions: Vec::new() };
    Plan::Split((0..servers).map(part).collect(), merge)
}

fn by_key<'a>(
    ring: &Ring,
    servers: usize,
    command: &Command,
    request: Arguments<'a>,
    merge: Merge,
) -> Plan<'a> {
    let step = command.keys.2.max(1) as usize;
    let mut words: Vec<Vec<&[u8]>> = vec![vec![request.at(0)]; servers];
    let mut positions: Vec<Vec<usize>> = vec![Vec::new(); servers];
    for (position, at) in (1..request.len()).step_by(step).enumerate() {
        let server = ring.owner(request.at(at));
        words[server].extend(request.from(at).take(step));
        positions[server].push(position);
    }
    let asked = words.iter().zip(positions).enumerate().filter(|(_, (_, positions))| !positions.is_empty());
    let part = |(server, (words, positions)): (usize, (&Vec<&[u8]>, _))| Part {
        server,
        request: encoded(words),
        positions,
    };
    Plan::Split(asked.map(part).collect(), merge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request_queue::RequestBatch;

    #[test]
    fn what_is_not_passed_on_is_what_the_documentation_says() {
        let ring = Ring::new(&["a".to_owned(), "b".to_owned()]);
        let mut refused = Vec::new();
        for command in command::all() {
            let argument = if command.name == "select" { " 0" } else { " 1" };
            let request =
                [command.name, &argument.repeat(command.arity.unsigned_abs() as usize - 1)].concat();
            let batch = RequestBatch::of_words(&request);
            if let Plan::Refused(text) = plan(Role::Logic, &ring, 2, batch.request(0)) {
                assert!(text.contains("is not passed on"), "{}: {text}", command.name);
                refused.push(command.name);
            }
        }
        refused.sort_unstable();
        assert_eq!(
            refused.join(" "),
            "blmove blmpop blpop brpop brpoplpush discard exec multi slowlog unwatch watch"
        );
    }
}
