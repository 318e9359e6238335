//! Fault families one by one: each with the one choice that makes it, and in a sweep in which it fires.

mod common;

use common::{run_with, sweep};
use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::Family;
use eagain_sim::run::{Record, RunReport};
use eagain_sim::trace::{Kind, text};
use eagain_sim::{Sim, SimKernel, USUAL_FAULTS};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Runs with these choices and nothing else; it must hold, and each choice must have been asked for.
fn with(body: fn(&mut Sim), choices: &[(&str, u64)]) -> RunReport {
    let overrides: Overrides = choices.iter().map(|&(key, value)| (key.parse().unwrap(), value)).collect();
    let report = run_with(body, Base::Zero, overrides, Record::Trace);
    assert_eq!(report.failure, None, "{}", report.output);
    assert_eq!(report.unused, [], "never asked for");
    report
}

/// When events of this kind happened, with their first two words.
fn events(report: &RunReport, kind: Kind) -> Vec<(u64, u64, u64)> {
    let events = &report.trace.as_ref().unwrap().events;
    events.iter().filter(|e| e.kind == kind).map(|e| (e.time, e.args[0], e.args[1])).collect()
}

fn now(k: SimKernel) -> Instant {
    k.clock_gettime(ClockId::Monotonic)
}

fn listen(k: SimKernel, backlog: i32) -> Fd {
    let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.bind(fd, SocketAddr::from(([0, 0, 0, 0], 7))).unwrap();
    k.listen(fd, backlog).unwrap();
    fd
}

fn call(k: SimKernel, server: SocketAddr) -> Fd {
    loop {
        let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        match k.connect(fd, server) {
            Ok(()) => return fd,
            Err(_) => k.close(fd).unwrap(),
        }
        let _ = k.nanosleep(MS);
    }
}

fn recv(k: SimKernel, fd: Fd, len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let n = k.recv(fd, &mut bytes, RecvFlags::NONE)?;
    bytes.truncate(n);
    Ok(bytes)
}

fn send(k: SimKernel, fd: Fd, bytes: &[u8]) -> Result<usize> {
    k.send(fd, bytes, SendFlags::NOSIGNAL)
}

/// A server that sends back every byte, to one client after the other, and a client that asks `asks` times.
fn echo(sim: &mut Sim) {
    let (host, other) = (sim.host("server"), sim.host("client"));
    let address = sim.address(host, 7);
    sim.server(host, "server", |k| {
        let l = listen(k, 8);
        loop {
            let Ok((fd, _)) = k.accept4(l, SocketFlags::NONE) else { continue };
            loop {
                match recv(k, fd, 64) {
                    Ok(bytes) if !bytes.is_empty() => assert_eq!(send(k, fd, &bytes), Ok(bytes.len())),
                    Err(Errno::EINTR) => {}
                    _ => break,
                }
            }
            k.close(fd).unwrap();
        }
    });
    sim.client(other, "client", move |k| {
        let fd = call(k, address);
        for round in 0..10_u8 {
            assert_eq!(send(k, fd, &[round]), Ok(1));
            assert_eq!(recv(k, fd, 1), Ok(vec![round]));
        }
    });
}

#[test]
fn a_priority_changes_at_the_chosen_calls() {
    fn scenario(sim: &mut Sim) {
        let host = sim.host("host");
        sim.client(host, "main", |k| {
            let times: Vec<u64> = (0..8).map(|_| now(k).0).collect();
            let slow: Vec<bool> = times.windows(2).map(|two| two[1] - two[0] > 500_000).collect();
            // From the third call on, until the sixth.
            assert_eq!(slow, [false, true, true, true, false, false, false]);
        });
    }
    let report = with(
        scenario,
        &[
            ("thread.change main/0 0", 3),
            ("thread.change.to main/0 0", 600_000),
            ("thread.change main/0 2", 6),
        ],
    );
    assert_eq!(events(&report, Kind::Fault(Family::Change)).len(), 2);
    sweep(echo, 0..60, &["thread.change", "wire.coalesce"]);
}

#[test]
fn what_is_written_waits_for_company() {
    fn scenario(sim: &mut Sim) {
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.client(host, "server", |k| {
            let (fd, _) = k.accept4(listen(k, 8), SocketFlags::NONE).unwrap();
            let before = now(k);
            assert_eq!(recv(k, fd, 64), Ok(b"abc".to_vec()), "all three in one");
            assert!(now(k) - before >= 5 * MS);
            assert_eq!(recv(k, fd, 64), Ok(b"d".to_vec()));
        });
        sim.client(other, "client", move |k| {
            let fd = call(k, address);
            for byte in [b"a", b"b", b"c"] {
                assert_eq!(send(k, fd, byte), Ok(1));
            }
            k.nanosleep(20 * MS).unwrap();
            assert_eq!(send(k, fd, b"d"), Ok(1));
        });
    }
    with(scenario, &[("wire.coalesce client#1>10.0.0.1:7/up 0", 5_000_000)]);
}

#[test]
fn a_black_hole_swallows_data_and_acknowledgements_until_it_is_healed() {
    fn scenario(sim: &mut Sim) {
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.client(host, "server", |k| {
            let (fd, _) = k.accept4(listen(k, 8), SocketFlags::NONE).unwrap();
            let started = now(k);
            // The other direction carries, but what comes back through the hole does not say so.
            let sent = k.send(fd, &[0; 400_000], SendFlags::DONTWAIT).unwrap();
            assert!(sent < 400_000);
            let timeout = Some(900 * MS);
            assert_eq!(k.poll(&mut [PollFd::new(fd, Events::OUT)], timeout, None), Ok(0));
            assert_eq!(k.poll(&mut [PollFd::new(fd, Events::OUT)], timeout, None), Ok(1));
            assert_eq!(recv(k, fd, 64), Ok(b"ab".to_vec()));
            let took = now(k) - started;
            // Sent again after 200, 600, 1400 ms.
            assert!(took > SECOND && took < 2 * SECOND, "{took:?}");
        });
        sim.client(other, "client", move |k| {
            let fd = call(k, address);
            assert_eq!(send(k, fd, b"a"), Ok(1));
            assert_eq!(send(k, fd, b"b"), Ok(1));
            let started = now(k);
            assert!(recv(k, fd, 64).is_ok(), "the other direction carries");
            assert!(now(k) - started < SECOND / 2);
            k.nanosleep(5 * SECOND).unwrap();
        });
    }
    let report = with(scenario, &[("wire.black-hole client#1>10.0.0.1:7/up 0", 1_000_000_000)]);
    assert_eq!(events(&report, Kind::Fault(Family::BlackHole)).len(), 1);
    let holes = |sim: &mut Sim| {
        sim.faults(&[USUAL_FAULTS, &[Family::BlackHole]].concat());
        echo(sim);
    };
    sweep(holes, 0..60, &["wire.black-hole"]);
}

fn swizzled(sim: &mut Sim) {
    sim.faults(&[USUAL_FAULTS, &[Family::Swizzle]].concat());
    echo(sim);
    let third = sim.host("third");
    sim.client(third, "third", |k| {
        let _ = k.nanosleep(10 * SECOND);
    });
}

#[test]
fn hosts_go_one_after_another_and_come_back_in_another_order() {
    let ms = 1_000_000;
    let report = with(
        swizzled,
        &[
            ("link.swizzle network 0", 1_000 * ms),
            ("link.swizzle.host 1:server 0", 100 * ms),
            ("link.swizzle.host 1:server 1", 2_000 * ms),
            ("link.swizzle.host 1:third 0", 300 * ms),
            ("link.swizzle.host 1:third 1", 500 * ms),
        ],
    );
    let [first, second] = events(&report, Kind::Fault(Family::Swizzle))[..] else {
        panic!("two are cut off")
    };
    assert_eq!((first.0 / ms, first.1, second.0 / ms, second.1), (1_100, 0, 1_300, 2));
    let [first, second] = events(&report, Kind::Back)[..] else { panic!("two are back") };
    assert_eq!((first.0 / ms, first.1, second.0 / ms, second.1), (1_800, 2, 3_300, 0));
    sweep(swizzled, 0..60, &["link.swizzle"]);
}

#[test]
fn who_is_cut_off_is_heard_of_again_and_what_waited_arrives() {
    fn scenario(sim: &mut Sim) {
        sim.faults(&[Family::Swizzle]);
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.client(host, "server", |k| {
            let (fd, _) = k.accept4(listen(k, 8), SocketFlags::NONE).unwrap();
            assert_eq!(recv(k, fd, 64), Ok(b"a".to_vec()));
            // Sent again after 200, 600, 1400, 3000 ms; the clock began at one second.
            assert_eq!(now(k).0 / 1_000_000_000, 5);
        });
        sim.client(other, "client", move |k| {
            let fd = call(k, address);
            k.nanosleep(SECOND).unwrap();
            assert_eq!(send(k, fd, b"a"), Ok(1));
            assert_eq!(recv(k, fd, 64), Ok(vec![]), "the end of the server");
        });
    }
    let ms = 1_000_000;
    with(
        scenario,
        &[
            ("link.swizzle network 0", 500 * ms),
            ("link.swizzle.host 1:client 0", ms),
            ("link.swizzle.host 1:client 1", 2_000 * ms),
        ],
    );
}

#[test]
fn a_host_that_is_gone_leaves_its_peers_half_open() {
    fn scenario(sim: &mut Sim) {
        sim.faults(&[Family::HostGone]);
        sim.knobs().stuck_after_ns = u64::MAX / 2;
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.client(host, "server", |k| {
            let (fd, _) = k.accept4(listen(k, 8), SocketFlags::NONE).unwrap();
            assert_eq!(recv(k, fd, 64), Ok(b"a".to_vec()));
            k.setsockopt(fd, SocketOption::RecvTimeout(Some(60 * SECOND))).unwrap();
            assert_eq!(recv(k, fd, 64), Err(Errno::EAGAIN), "not a word, neither end nor reset");
            assert_eq!(send(k, fd, b"are you there?"), Ok(14));
            k.setsockopt(fd, SocketOption::RecvTimeout(None)).unwrap();
            let asked = now(k);
            assert_eq!(recv(k, fd, 64), Err(Errno::ETIMEDOUT));
            assert!((900..1000).contains(&(now(k) - asked).as_secs()), "tcp_retries2");
        });
        let client = sim.client(other, "client", move |k| {
            let fd = call(k, address);
            assert_eq!(send(k, fd, b"a"), Ok(1));
            loop {
                k.nanosleep(SECOND).unwrap();
            }
        });
        sim.may_disappear(client);
    }
    let report = with(scenario, &[("host.gone client 0", 20)]);
    assert_eq!(events(&report, Kind::Fault(Family::HostGone)).len(), 1);
    // Two that may disappear, and one for which the run waits.
    let some = |sim: &mut Sim| {
        sim.faults(&[USUAL_FAULTS, &[Family::HostGone]].concat());
        echo(sim);
        for name in ["one", "another"] {
            let host = sim.host(name);
            let client = sim.client(host, name, |k| {
                for _ in 0..200 {
                    let _ = k.nanosleep(10 * MS);
                }
            });
            sim.may_disappear(client);
        }
    };
    sweep(some, 0..60, &["host.gone"]);
}

/// Also when the rest has left and is on its way.
#[test]
fn a_read_before_the_rest_of_a_split_segment_names_the_split() {
    fn scenario(sim: &mut Sim) {
        sim.faults(&[Family::WireSplit]);
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.client(host, "server", |k| {
            let (fd, _) = k.accept4(listen(k, 8), SocketFlags::NONE).unwrap();
            assert_eq!(recv(k, fd, 64).unwrap(), b"a");
            assert_eq!(recv(k, fd, 64).unwrap(), b"b");
        });
        sim.client(other, "client", move |k| {
            assert_eq!(send(k, call(k, address), b"ab"), Ok(2));
        });
    }
    let [split, gap] = ["wire.split", "wire.gap"].map(|domain| format!("{domain} client#1>10.0.0.1:7/up 0"));
    let report = with(scenario, &[(&split, 1), (&gap, 5_000)]);
    let log = report.trace.as_ref().unwrap();
    let cause = log.events.iter().find(|e| e.kind == Kind::Fault(Family::WireSplit)).unwrap().number;
    let lines = text::plain(log);
    assert!(lines.contains(&format!("= 1 \"a\"  <- #{cause} split")), "{lines}");
    assert!(lines.contains("= 1 \"b\"\n"), "{lines}");
}

#[test]
fn a_short_backlog_lets_the_next_caller_ask_again() {
    fn scenario(sim: &mut Sim) {
        sim.faults(&[Family::Backlog]);
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.client(host, "server", |k| {
            let l = listen(k, 8);
            k.nanosleep(SECOND / 2).unwrap();
            for _ in 0..3 {
                k.accept4(l, SocketFlags::NONE).unwrap();
            }
        });
        sim.client(other, "client", move |k| {
            k.nanosleep(10 * MS).unwrap();
            let started = now(k);
            let mut took = Vec::new();
            let mut all = Vec::new();
            for _ in 0..3 {
                let fd = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
                assert_eq!(k.connect(fd, address), Err(Errno::EINPROGRESS));
                all.push(fd);
            }
            for fd in all {
                assert_eq!(k.poll(&mut [PollFd::new(fd, Events::OUT)], None, None), Ok(1));
                took.push((now(k) - started).as_millis() / 500);
            }
            assert_eq!(took, [0, 0, 2], "there is room for two, the third asks again after a second");
        });
    }
    let report = with(scenario, &[("listen.backlog server 0", 2)]);
    let events = &report.trace.as_ref().unwrap().events;
    let short = events.iter().find(|e| e.kind == Kind::Fault(Family::Backlog)).unwrap().number;
    assert!(events.iter().any(|e| e.kind == Kind::SynDropped && e.cause == short), "the cause is named");
    let storm = |sim: &mut Sim| {
        sim.faults(&[USUAL_FAULTS, &[Family::Backlog]].concat());
        echo(sim);
    };
    sweep(storm, 0..60, &["listen.backlog"]);
}

#[test]
fn settings_are_fuzzed_and_processors_too() {
    fn scenario(sim: &mut Sim) {
        sim.faults(&[Family::Knob]);
        assert_eq!(sim.fuzzed_setting("usual", 100, 2), 100);
        assert_eq!(sim.fuzzed_setting("small", 100, 2), 6);
        assert_eq!(sim.fuzzed_setting("tiny", 3, 2), 3, "never more than usual");
        let host = sim.host("host");
        sim.client(host, "main", |k| {
            let busy = |k: SimKernel| {
                for _ in 0..100 {
                    k.getpid();
                }
            };
            let started = now(k);
            let other = k.spawn("other", Box::new(move || busy(k))).unwrap();
            busy(k);
            k.join(other).unwrap();
            // 200 calls of 30 ns, one after the other.
            assert!((now(k) - started).as_nanos() >= 200 * 30 + 10_000);
        });
    }
    with(scenario, &[("knob small 0", 3), ("knob tiny 0", 4), ("knob host:cpus 0", 1)]);
    let many = |sim: &mut Sim| {
        sim.faults(&[USUAL_FAULTS, &[Family::Knob]].concat());
        let batch = sim.fuzzed_setting("batch", 64, 1);
        assert!(batch == 64 || batch <= 4);
        echo(sim);
    };
    sweep(many, 0..60, &["knob"]);
}

#[test]
fn a_family_more_moves_no_choice_of_another() {
    fn choices(body: fn(&mut Sim), seed: u64) -> std::collections::BTreeMap<String, u64> {
        let report = run_with(body, Base::Seed(seed), Overrides::new(), Record::Choices);
        report.choices.iter().map(|(key, value)| (key.to_string(), *value)).collect()
    }
    for seed in 0..40 {
        let before = choices(echo, seed);
        let after = choices(swizzled, seed);
        for (key, value) in before.iter().filter(|(key, _)| key.starts_with("swarm")) {
            assert_eq!(after.get(key), Some(value), "seed {seed}: {key}");
        }
        // What is chosen before anything happens is the same, too.
        for key in ["thread.slow server/0 0", "thread.change server/0 0", "thread.off-cpu server/0 0"] {
            assert_eq!(before.get(key), after.get(key), "seed {seed}: {key}");
        }
    }
}

#[test]
fn what_was_promised_has_to_come_to_hold() {
    fn scenario(sim: &mut Sim) {
        let host = sim.host("host");
        sim.client(host, "main", |k| {
            eagain_sim::eventually("it is done", false);
            eagain_sim::eventually("it is kept", false);
            let _ = k.nanosleep(SECOND);
            eagain_sim::eventually("it is kept", true);
        });
    }
    let failure = common::run(scenario, Base::Zero).failure.unwrap();
    assert_eq!((failure.oracle.code(), &*failure.site), ("O6", "it is done"));
}
