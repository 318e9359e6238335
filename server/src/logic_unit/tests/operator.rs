//! What an operator sets, asks and sees.

use super::*;

#[test]
fn memory_has_a_bound() {
    let config = Config { memory_bytes_max: 1, ..Config::default() };
    let mut bench = Bench::with(config);
    bench.play(&[
        ("SET a 1", "OK"),
        ("SET b 1", "-OOM command not allowed when used memory > \\'maxmemory\\'."),
    ]);
    bench.play(&[("GET a", "\"1\""), ("CONFIG SET maxmemory-policy allkeys-lru", "OK"), ("SET b 1", "OK")]);
    assert_eq!(bench.say("EXISTS a b"), "0", "each command makes room before it runs");
}

#[test]
fn config_is_changed_whole_or_not_at_all() {
    Bench::new().play(&[
        ("CONFIG SET maxclients 5 timeout 7", "OK"),
        ("CONFIG GET maxclients timeout", "[\"maxclients\" \"5\" \"timeout\" \"7\"]"),
        (
            "CONFIG SET maxclients 6 timeout x",
            "-ERR CONFIG SET failed (possibly related to argument \\'timeout\\') - argument couldn\\'t be parsed into an integer",
        ),
        ("CONFIG GET maxclients", "[\"maxclients\" \"5\"]"),
        ("CONFIG SET foo 1", "-ERR Unknown option or number of arguments for CONFIG SET - \\'foo\\'"),
        ("CONFIG SET client-output-buffer-limit 'pubsub 2kb 0 5'", "OK"),
        (
            "CONFIG GET client-output*",
            "[\"client-output-buffer-limit\" \"normal 268435456 0 0 pubsub 2048 0 5\"]",
        ),
        // It would have no effect.
        (
            "CONFIG SET hash-max-listpack-entries 7",
            "-ERR Unknown option or number of arguments for CONFIG SET - \\'hash-max-listpack-entries\\'",
        ),
    ]);
}

#[test]
fn info_has_what_tools_look_for() {
    let mut bench = Bench::new();
    bench.say("SET a 1 EX 100");
    let info = String::from_utf8(bench.raw(0, "INFO")).unwrap();
    for line in [
        "redis_version:7.0.15",
        "arch_bits:64",
        "cluster_enabled:0",
        "loading:0",
        "role:master",
        "connected_clients:3",
        "used_memory:",
        "db0:keys=1,expires=1,avg_ttl=0",
    ] {
        assert!(info.contains(&format!("\r\n{line}")), "{line} in {info}");
    }
    let section = bench.say("INFO keyspace");
    assert!(section.starts_with("\"# Keyspace\\r\\ndb0:"), "{section}");
}

#[test]
fn the_end_of_server_and_connection_is_ordered() {
    let mut bench = Bench::new();
    assert_eq!(bench.say("QUIT"), "OK");
    assert_eq!(bench.after, After::Close);
    assert_eq!(bench.say("SHUTDOWN NOSAVE"), "nothing");
    assert_eq!(bench.unit.take_orders(), [Order::Shutdown]);
    assert_eq!(bench.say_as(1, "POST / HTTP/1.1"), "nothing");
    assert_eq!(bench.after, After::Close);
}

#[test]
fn the_same_seed_and_the_same_words_give_the_same_replies() {
    let replies = || {
        let mut bench = Bench::new();
        let mut all = Vec::new();
        for number in 0..200 {
            all.extend(bench.raw(0, &format!("SET key{} {number}", number * 7 % 50)));
            all.extend(bench.raw(0, "RANDOMKEY"));
            all.extend(bench.raw(0, "SCAN 0"));
            all.extend(bench.raw(0, &format!("HSET h f{} 1", number % 20)));
            all.extend(bench.raw(0, "HRANDFIELD h 3"));
        }
        all.extend(bench.raw(0, "KEYS *"));
        all.extend(bench.raw(0, "INFO"));
        all
    };
    assert_eq!(replies(), replies());
}

#[test]
fn who_only_asks_whether_a_key_is_there_does_not_use_it() {
    let mut bench = Bench::new();
    bench.play(&[
        ("SET a 1", "OK"),
        ("wait 5000", ""),
        ("EXISTS a a", "2"),
        ("TTL a", "-1"),
        ("TYPE a", "string"),
        ("PTTL a", "-1"),
        ("EXPIRETIME a", "-1"),
        ("OBJECT ENCODING a", "\"int\""),
        ("OBJECT IDLETIME a", "5"),
        ("TOUCH a", "1"),
        ("OBJECT IDLETIME a", "0"),
    ]);
}

#[test]
fn a_storage_that_keeps_nothing_saves_nothing() {
    let refusal = "-ERR this storage keeps nothing: the server runs with --storage memory";
    Bench::new().play(&[("SAVE", refusal), ("BGREWRITEAOF", refusal)]);
}

#[test]
fn passwords_are_not_kept_with_what_takes_long() {
    let mut bench = Bench::new();
    bench.unit.measure(|| 0);
    bench.say("CONFIG SET slowlog-log-slower-than 0");
    for words in [
        "CONFIG SET maxclients 100 REQUIREPASS secret",
        "AUTH secret",
        "AUTH default secret",
        "HELLO 3 SETNAME auth AUTH default secret",
    ] {
        bench.say(words);
    }
    let kept = bench.say("SLOWLOG GET");
    assert!(!kept.contains("secret"), "{kept}");
    for shown in [
        "[\"CONFIG\" \"SET\" \"maxclients\" \"100\" \"REQUIREPASS\" \"(redacted)\"]",
        "[\"AUTH\" \"(redacted)\"]",
        "\"AUTH\" \"(redacted)\" \"(redacted)\"]",
    ] {
        assert!(kept.contains(shown), "{shown} in {kept}");
    }
}

#[test]
fn what_takes_long_is_kept_with_its_words() {
    let mut bench = Bench::new();
    // Each look at the clock is 7 ms after the one before.
    let looks = std::sync::atomic::AtomicU64::new(0);
    bench.unit.measure(move || 7_000_000 * looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    let long = "x".repeat(130);
    let many = vec!["a"; 40].join(" ");
    bench.say("LRANGE k 0 -1");
    assert_eq!(bench.say("SLOWLOG LEN"), "0", "7 ms are not 10");
    bench.say("CONFIG SET slowlog-log-slower-than 5000");
    bench.say("SLOWLOG RESET");
    bench.say(&format!("LRANGE {long} 0 -1"));
    bench.say("GET k");
    bench.say(&format!("DEL {many}"));
    let kept = bench.say("SLOWLOG GET");
    let shown = format!("\"{}... (2 more bytes)\" \"0\" \"-1\"", "x".repeat(128));
    let words = format!("\"DEL\" {}\"... (10 more arguments)\"", "\"a\" ".repeat(30));
    assert!(kept.contains(&shown) && kept.contains(&words) && kept.contains("10.0.0.0:1"), "{kept}");
    assert!(!kept.contains("\"GET\""), "what costs the same whatever the data is not measured: {kept}");
    bench.say("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 2");
    bench.say("GET k");
    assert!(bench.say("SLOWLOG GET").contains("\"GET\" \"k\""));
    assert_eq!(bench.say("SLOWLOG LEN"), "2");
}
