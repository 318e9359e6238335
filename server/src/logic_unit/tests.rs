//! Conversations with the logic unit: what is said, what is answered, and what the clock did in between.

use super::*;
use crate::request_queue::Wait;
use crate::resp::{Frame, Protocol, ReplyDecoder, inline};
use crate::storage_unit::Memory;

mod operator;

/// A logic unit with some clients, and a clock that is moved by hand.
struct Bench {
    unit: LogicUnit<Memory>,
    sessions: Vec<Session>,
    now_ms: u64,
    after: After,
}

impl Bench {
    fn with(config: Config) -> Self {
        let now = WallTime::from_unix_ms(1_700_000_000_000);
        let storage = Memory::new(config.databases, 1);
        let mut unit = LogicUnit::new(config, storage, 1, now);
        let sessions = (0..3).map(|n| unit.connect(&format!("10.0.0.{n}:1"), "10.0.0.9:6379", now)).collect();
        Bench { unit, sessions, now_ms: now.unix_ms(), after: After::KeepOpen }
    }

    fn new() -> Self {
        Bench::with(Config::default())
    }

    /// Says one line as client `client` and returns the reply as it goes over the wire.
    fn raw(&mut self, client: usize, line: &str) -> Vec<u8> {
        let (mut spans, mut unquoted, mut out) = (Vec::new(), Vec::new(), Vec::new());
        let quoted = inline::split(line.as_bytes(), &mut spans, &mut unquoted).expect("a well-formed line");
        let source = if quoted { &unquoted[..] } else { line.as_bytes() };
        let now = WallTime::from_unix_ms(self.now_ms);
        let session = &mut self.sessions[client];
        self.after = self.unit.execute(session, Arguments::new(source, &spans), now, &mut out);
        self.unit.finish_turn(session, now);
        out
    }

    /// Says one line and returns the reply as one would write it down.
    fn say_as(&mut self, client: usize, line: &str) -> String {
        let bytes = self.raw(client, line);
        let mut decoder = ReplyDecoder::new(8, 1 << 30);
        decoder.feed(&bytes);
        match decoder.next_reply().expect("a well-formed reply") {
            None => "nothing".to_owned(),
            Some(frame) => {
                assert!(decoder.is_between_replies(), "one reply to one request");
                show(&frame)
            }
        }
    }

    fn say(&mut self, line: &str) -> String {
        self.say_as(0, line)
    }

    /// Plays a table of lines and replies; `wait N` moves the clock by N milliseconds.
    fn play(&mut self, table: &[(&str, &str)]) {
        for (line, expected) in table {
            match line.strip_prefix("wait ") {
                Some(milliseconds) => self.now_ms += milliseconds.parse::<u64>().expect("a number"),
                None => assert_eq!(self.say(line), *expected, "{line}"),
            }
        }
    }
}

fn show(frame: &Frame) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let list = |items: &[Frame]| items.iter().map(show).collect::<Vec<_>>().join(" ");
    match frame {
        Frame::Simple(bytes) => text(bytes),
        Frame::Error(bytes) => format!("-{}", text(bytes)),
        Frame::Integer(value) => value.to_string(),
        Frame::Bulk(bytes) => format!("\"{}\"", text(bytes)),
        Frame::Null => "nil".to_owned(),
        Frame::Array(items) | Frame::Push(items) => format!("[{}]", list(items)),
        Frame::Set(items) => format!("~[{}]", list(items)),
        Frame::Map(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{}: {}", show(k), show(v))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Frame::Double(value) => value.to_string(),
        Frame::Boolean(value) => value.to_string(),
        Frame::BigNumber(digits) => text(digits),
        Frame::Verbatim(_, bytes) => text(bytes),
    }
}

#[test]
fn a_reply_has_an_end_where_nothing_bounds_what_waits_for_a_client() {
    let mut config = Config::default();
    config.limits.output = crate::limits::OutputLimit::NONE;
    let mut bench = Bench::with(config);
    let long = "m".repeat(16 << 20);
    for line in ["SADD set", "HSET hash", "ZADD sorted 1", "RPUSH list", "SET string"] {
        let value = if line.starts_with("HSET") { " v" } else { "" };
        bench.raw(0, &format!("{line} {long}{value}"));
    }
    for line in ["SRANDMEMBER set", "HRANDFIELD hash", "ZRANDMEMBER sorted"] {
        let far = bench.raw(0, &format!("{line} -2000000000000000000"));
        assert_eq!(far, b"-ERR value is out of range\r\n", "{line}");
        let long = bench.raw(0, &format!("{line} -1000"));
        assert_eq!(long, b"-ERR the reply is longer than 256 MiB\r\n", "{line}");
    }
    let again = bench.raw(0, &format!("MGET{}", " string".repeat(1000)));
    assert_eq!(again, b"-ERR the reply is longer than 256 MiB\r\n");
    assert_eq!(bench.raw(0, "STRLEN string"), b":16777216\r\n");
}

#[test]
fn what_is_no_command_is_refused_in_redis_words() {
    Bench::new().play(&[
        ("FOO", "-ERR unknown command \\'FOO\\', with args beginning with: "),
        ("foo a 'b c'", "-ERR unknown command \\'foo\\', with args beginning with: \\'a\\' \\'b c\\' "),
        ("GET", "-ERR wrong number of arguments for \\'get\\' command"),
        ("get a b", "-ERR wrong number of arguments for \\'get\\' command"),
        ("PING a b", "-ERR wrong number of arguments for \\'ping\\' command"),
        ("CONFIG", "-ERR wrong number of arguments for \\'config\\' command"),
        ("CONFIG FOO", "-ERR unknown subcommand \\'FOO\\'. Try CONFIG HELP."),
        ("CLIENT SETNAME", "-ERR wrong number of arguments for \\'client|setname\\' command"),
        ("SET a", "-ERR wrong number of arguments for \\'set\\' command"),
        ("MSET a b c", "-ERR wrong number of arguments for \\'mset\\' command"),
        ("SELECT 16", "-ERR DB index is out of range"),
        ("SELECT a", "-ERR value is not an integer or out of range"),
        ("AUTH x", "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"),
        ("HELLO 4", "-NOPROTO unsupported protocol version"),
        ("HELLO x", "-ERR Protocol version is not an integer or out of range"),
        ("CLIENT SETNAME 'a b'", "-ERR Client names cannot contain spaces, newlines or special characters."),
    ]);
}

#[test]
fn strings_with_all_options_of_set() {
    Bench::new().play(&[
        ("SET a 1", "OK"),
        ("get A", "nil"),
        ("GET a", "\"1\""),
        ("SET a 2 NX", "nil"),
        ("SET b 2 XX", "nil"),
        ("SET a 2 XX GET", "\"1\""),
        ("SET c 2 GET NX", "nil"),
        ("GET c", "\"2\""),
        ("SET a 2 NX XX", "-ERR syntax error"),
        ("SET a 2 EX 10 PX 10", "-ERR syntax error"),
        ("SET a 2 EX 0", "-ERR invalid expire time in \\'set\\' command"),
        ("SET a 2 EX 9223372036854775807", "-ERR invalid expire time in \\'set\\' command"),
        ("SET a 2 EX x", "-ERR value is not an integer or out of range"),
        ("SET a 3 EX 10", "OK"),
        ("TTL a", "10"),
        ("SET a 4 KEEPTTL", "OK"),
        ("PTTL a", "10000"),
        ("SET a 5", "OK"),
        ("TTL a", "-1"),
        ("SETEX a 0 x", "-ERR invalid expire time in \\'setex\\' command"),
        ("PSETEX a 1500 x", "OK"),
        ("TTL a", "2"),
        ("wait 1499", ""),
        ("GET a", "\"x\""),
        ("wait 1", ""),
        ("GET a", "nil"),
        ("SET a 1 KEEPTTL", "OK"),
        ("TTL a", "-1"),
        ("GETEX a EX 5", "\"1\""),
        ("TTL a", "5"),
        ("GETEX a PERSIST", "\"1\""),
        ("TTL a", "-1"),
        ("GETEX a EX 5 PERSIST", "-ERR syntax error"),
        ("GETDEL a", "\"1\""),
        ("EXISTS a", "0"),
        ("MSET x 1 y 2", "OK"),
        ("MGET x y z", "[\"1\" \"2\" nil]"),
        ("MSETNX z 1 x 2", "0"),
        ("MSETNX z 1 w 2", "1"),
        ("GETSET x 9", "\"1\""),
        ("SETNX x 1", "0"),
        ("APPEND x abc", "4"),
        ("STRLEN x", "4"),
        ("GETRANGE x 1 -1", "\"abc\""),
        ("GETRANGE x 0 -100", "\"9\""),
        ("SETRANGE x 6 yz", "8"),
        ("GET x", "\"9abc\\x00\\x00yz\""),
        ("SETRANGE x -1 a", "-ERR offset is out of range"),
        ("SETRANGE x 536870912 a", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
        ("SETBIT bits 7 1", "0"),
        ("SETBIT bits 7 2", "-ERR bit is not an integer or out of range"),
        ("SETBIT bits 4294967296 1", "-ERR bit offset is not an integer or out of range"),
        ("GETBIT bits 7", "1"),
        ("BITCOUNT bits 0 -1 BIT", "1"),
    ]);
}

#[test]
fn counters_count_and_refuse() {
    Bench::new().play(&[
        ("INCR n", "1"),
        ("INCRBY n 41", "42"),
        ("DECRBY n 2", "40"),
        ("DECR n", "39"),
        ("OBJECT ENCODING n", "\"int\""),
        ("SET n 9223372036854775807", "OK"),
        ("INCR n", "-ERR increment or decrement would overflow"),
        ("DECRBY n -9223372036854775808", "-ERR decrement would overflow"),
        ("SET n ' 1'", "OK"),
        ("INCR n", "-ERR value is not an integer or out of range"),
        ("SET n 10.50", "OK"),
        ("INCRBYFLOAT n 0.1", "\"10.6\""),
        ("INCRBYFLOAT n x", "-ERR value is not a valid float"),
        ("RPUSH l a", "1"),
        ("INCR l", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SET e 1 EX 100", "OK"),
        ("INCR e", "2"),
        ("TTL e", "100"),
    ]);
}

#[test]
fn keys_end_when_they_should() {
    let mut bench = Bench::new();
    bench.play(&[
        ("SET a 1", "OK"),
        ("EXPIRE a 10 XX", "0"),
        ("EXPIRE a 10 NX", "1"),
        ("EXPIRE a 5 GT", "0"),
        ("EXPIRE a 5 LT", "1"),
        ("EXPIRE a 5 NX GT", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
        ("EXPIRE a 5 FOO", "-ERR Unsupported option FOO"),
        ("EXPIRE a 9223372036854775807", "-ERR invalid expire time in \\'expire\\' command"),
        ("PEXPIRETIME a", "1700000005000"),
        ("EXPIRETIME a", "1700000005"),
        ("RENAME a b", "OK"),
        ("TTL b", "5"),
        ("COPY b c", "1"),
        ("TTL c", "5"),
        ("PERSIST c", "1"),
        ("PERSIST c", "0"),
        ("TTL a", "-2"),
        ("EXPIRE b -1", "1"),
        ("EXISTS b c", "1"),
        ("PEXPIRE c 100", "1"),
    ]);
    assert_eq!(bench.unit.next_expiry_ms(), Some(bench.now_ms + 100));
    assert_eq!(bench.unit.expire_due(WallTime::from_unix_ms(bench.now_ms + 99), 10), 0);
    assert_eq!(bench.unit.expire_due(WallTime::from_unix_ms(bench.now_ms + 100), 10), 1);
    assert_eq!(bench.say("DBSIZE"), "0");
}

#[test]
fn keys_are_named_moved_and_walked() {
    let mut bench = Bench::new();
    bench.play(&[
        ("MSET k1 1 k2 2 other 3", "OK"),
        ("KEYS k*", "[\"k1\" \"k2\"]"),
        ("SCAN 0 COUNT 2", "[\"1\" [\"other\" \"k2\"]]"),
        ("SCAN 1 COUNT 2", "[\"0\" [\"k1\"]]"),
        ("SCAN x", "-ERR invalid cursor"),
        ("SCAN 0 COUNT 0", "-ERR syntax error"),
        ("SCAN 0 TYPE list", "[\"0\" []]"),
        ("RENAMENX k1 k2", "0"),
        ("RENAME nokey x", "-ERR no such key"),
        ("MOVE k1 3", "1"),
        ("SELECT 3", "OK"),
        ("GET k1", "\"1\""),
        ("TYPE k1", "string"),
        ("FLUSHDB", "OK"),
        ("DBSIZE", "0"),
        ("RANDOMKEY", "nil"),
        ("SELECT 0", "OK"),
        ("DEL k2 other nokey", "2"),
        ("COPY a a", "-ERR source and destination objects are the same"),
    ]);
}

#[test]
fn hashes_and_lists() {
    Bench::new().play(&[
        ("HSET h a 1 b 2", "2"),
        ("HSET h a 3 c 4", "1"),
        ("HSET h a", "-ERR wrong number of arguments for \\'hset\\' command"),
        ("HGETALL h", "[\"a\" \"3\" \"b\" \"2\" \"c\" \"4\"]"),
        ("HMGET h a x", "[\"3\" nil]"),
        ("HINCRBY h a 2", "5"),
        ("HINCRBYFLOAT h a 0.5", "\"5.5\""),
        ("HINCRBY h a 2", "-ERR hash value is not an integer"),
        ("HSETNX h a 1", "0"),
        ("HSTRLEN h a", "3"),
        ("HSCAN h 0", "[\"0\" [\"a\" \"5.5\" \"b\" \"2\" \"c\" \"4\"]]"),
        ("HRANDFIELD h 10 WITHVALUES", "[\"a\" \"5.5\" \"b\" \"2\" \"c\" \"4\"]"),
        ("HDEL h a b c", "3"),
        ("EXISTS h", "0"),
        ("RPUSH l a b c", "3"),
        ("LPUSH l z", "4"),
        ("LRANGE l 0 -1", "[\"z\" \"a\" \"b\" \"c\"]"),
        ("LINDEX l -1", "\"c\""),
        ("LSET l 9 x", "-ERR index out of range"),
        ("LSET nokey 0 x", "-ERR no such key"),
        ("LINSERT l BEFORE a y", "5"),
        ("LPOS l b", "3"),
        ("LREM l 1 y", "1"),
        ("LTRIM l 1 2", "OK"),
        ("LPOP l 5", "[\"a\" \"b\"]"),
        ("EXISTS l", "0"),
        ("LPOP l", "nil"),
        ("LPOP l 1", "nil"),
        ("RPUSH l a b", "2"),
        ("RPOPLPUSH l m", "\"b\""),
        ("LMOVE l l LEFT RIGHT", "\"a\""),
        ("LMPOP 2 nokey m LEFT", "[\"m\" [\"b\"]]"),
        ("GET l", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("HGET l a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SET l x GET", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("TYPE l", "list"),
    ]);
}

#[test]
fn transactions_run_whole_or_not_at_all() {
    let mut bench = Bench::new();
    bench.play(&[
        ("MULTI", "OK"),
        ("MULTI", "-ERR MULTI calls can not be nested"),
        ("SET a 1", "QUEUED"),
        ("INCR a", "QUEUED"),
        ("LPOP a", "QUEUED"),
        ("EXEC", "[OK 2 -WRONGTYPE Operation against a key holding the wrong kind of value]"),
        ("EXEC", "-ERR EXEC without MULTI"),
        ("DISCARD", "-ERR DISCARD without MULTI"),
        ("MULTI", "OK"),
        ("FOO", "-ERR unknown command \\'FOO\\', with args beginning with: "),
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors."),
        ("WATCH a b", "OK"),
        ("MULTI", "OK"),
        ("WATCH a", "-ERR WATCH inside MULTI is not allowed"),
        ("GET a", "QUEUED"),
        ("EXEC", "[\"2\"]"),
        ("WATCH a b", "OK"),
    ]);
    assert_eq!(bench.say_as(1, "SET b 1"), "OK");
    bench.play(&[("MULTI", "OK"), ("GET a", "QUEUED"), ("EXEC", "nil")]);
    bench.play(&[
        ("SET e 1 PX 10", "OK"),
        ("WATCH e", "OK"),
        ("wait 10", ""),
        ("MULTI", "OK"),
        ("EXEC", "nil"),
    ]);
    bench.play(&[("WATCH a", "OK"), ("UNWATCH", "OK"), ("SET a 5", "OK"), ("MULTI", "OK"), ("EXEC", "[]")]);
}

#[test]
fn the_dialect_is_chosen_per_connection() {
    let mut bench = Bench::new();
    let hello = bench.raw(0, "HELLO 3 SETNAME me");
    assert!(hello.starts_with(b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n"), "{}", hello.escape_ascii());
    assert_eq!(bench.sessions[0].protocol, Protocol::Resp3);
    assert_eq!(bench.raw(0, "GET nokey"), b"_\r\n");
    assert_eq!(bench.raw(1, "GET nokey"), b"$-1\r\n");
    assert_eq!(bench.raw(0, "CONFIG GET save"), b"%1\r\n$4\r\nsave\r\n$0\r\n\r\n");
    assert_eq!(bench.raw(1, "CONFIG GET save"), b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
    assert_eq!(bench.say("CLIENT GETNAME"), "\"me\"");
    assert_eq!(bench.say("RESET"), "RESET");
    assert_eq!(bench.raw(0, "GET nokey"), b"$-1\r\n");
    assert_eq!(bench.say("CLIENT GETNAME"), "nil");
}

#[test]
fn a_password_is_asked_for() {
    let mut bench = Bench::with(Config { password: b"secret".to_vec(), ..Config::default() });
    bench.play(&[
        ("GET a", "-NOAUTH Authentication required."),
        ("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled."),
        ("AUTH secre", "-WRONGPASS invalid username-password pair or user is disabled."),
        ("AUTH secretsecret", "-WRONGPASS invalid username-password pair or user is disabled."),
        ("AUTH nobody secret", "-WRONGPASS invalid username-password pair or user is disabled."),
    ]);
    assert!(bench.say("HELLO 3").starts_with("-NOAUTH HELLO must be called"));
    assert_eq!(bench.say("AUTH secret"), "OK");
    assert_eq!(bench.after, After::Trust);
    assert_eq!(bench.say("GET a"), "nil");
    bench.say("RESET");
    assert_eq!(bench.after, After::Distrust);
    assert_eq!(bench.say("GET a"), "-NOAUTH Authentication required.");
    assert!(bench.say("HELLO 2 AUTH default secret").starts_with("[\"server\""));
}

#[test]
fn clients_see_each_other_and_can_be_killed() {
    let mut bench = Bench::new();
    bench.say_as(1, "CLIENT SETNAME one");
    bench.say_as(1, "SELECT 2");
    let list = String::from_utf8(bench.raw(0, "CLIENT LIST")).unwrap();
    assert_eq!(list.matches("id=").count(), 3, "{list}");
    assert!(list.contains("id=2 addr=10.0.0.1:1 laddr=10.0.0.9:6379 fd=-1 name=one"), "{list}");
    assert!(list.contains("cmd=client|list"), "{list}");
    bench.play(&[
        ("CLIENT ID", "1"),
        ("CLIENT KILL 10.0.0.7:1", "-ERR No such client"),
        ("CLIENT KILL ID 2", "1"),
        ("CLIENT KILL ID 0", "-ERR client-id should be greater than 0"),
        ("CLIENT KILL ID 1", "0"),
        ("CLIENT KILL TYPE pubsub", "0"),
    ]);
    assert_eq!(bench.unit.take_orders(), [Order::Kill { client: 2 }]);
    assert_eq!(bench.say("CLIENT KILL ID 1 SKIPME no"), "1");
    assert_eq!(bench.after, After::Close);
    let session = bench.sessions.remove(1);
    bench.unit.disconnect(session, (Level::Verbose, "gone"));
    assert_eq!(bench.unit.directory().len(), 2);
}

#[test]
fn replies_can_be_switched_off() {
    let mut bench = Bench::new();
    bench.play(&[
        ("CLIENT REPLY SKIP", "nothing"),
        ("PING", "nothing"),
        ("PING", "PONG"),
        ("CLIENT REPLY OFF", "nothing"),
        ("PING", "nothing"),
        ("CLIENT REPLY ON", "OK"),
        ("PING", "PONG"),
    ]);
}

#[test]
fn lifetimes_and_pauses_begin_with_their_command_and_not_with_the_turn() {
    let mut bench = Bench::new();
    let late = bench.now_ms + 3;
    bench.unit.look_again(move || WallTime::from_unix_ms(late));
    bench.play(&[
        ("SET a 1 PX 50", "OK"),
        ("PTTL a", "50"),
        ("PEXPIRETIME a", "1700000000053"),
        ("PSETEX b 60 1", "OK"),
        ("PEXPIRETIME b", "1700000000063"),
        ("GETEX b PX 70", "\"1\""),
        ("PEXPIRETIME b", "1700000000073"),
        ("PEXPIRE b 80", "1"),
        ("PEXPIRETIME b", "1700000000083"),
        ("PEXPIREAT b 1700000000090", "1"),
        ("PTTL b", "87"),
        ("PEXPIRE b 1", "1"),
        ("PTTL b", "1"),
        ("CLIENT PAUSE 5 WRITE", "OK"),
        ("GET a", "\"1\""),
    ]);
    assert_eq!(bench.say("SET a 2"), "nothing");
    assert_eq!(bench.after, After::Wait(Wait::Pause(8)), "3 ms of the turn are over");
}
