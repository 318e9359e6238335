//! Processes that are killed, hosts that crash, and what is left on their disks.

mod common;

use common::{check, run, run_with, sweep};
use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::Family;
use eagain_sim::run::Record;
use eagain_sim::trace::Kind;
use eagain_sim::{Sim, SimKernel, control};
use std::time::Duration;

const NEW: OpenFlags = OpenFlags(OpenFlags::RDWR.0 | OpenFlags::CREAT.0);
const SECOND: Duration = Duration::from_secs(1);

fn connect(k: SimKernel, server: SocketAddr) -> Result<Fd> {
    let fd = k.socket(Domain::Inet, SocketFlags::NONE)?;
    if let Err(errno) = k.connect(fd, server) {
        k.close(fd)?;
        return Err(errno);
    }
    Ok(fd)
}

/// Answers each byte with the number of the start, one connection at a time.
fn send_incarnation(k: SimKernel, incarnation: u32) {
    let l = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.setsockopt(l, SocketOption::ReuseAddr(true)).unwrap();
    k.bind(l, SocketAddr::from(([0, 0, 0, 0], 7))).unwrap();
    k.listen(l, 8).unwrap();
    loop {
        let Ok((fd, _)) = k.accept4(l, SocketFlags::NONE) else { continue };
        while matches!(k.recv(fd, &mut [0; 1], RecvFlags::NONE), Ok(1)) {
            let _ = k.send(fd, &[incarnation as u8], SendFlags::NOSIGNAL);
        }
        k.close(fd).unwrap();
    }
}

fn ask(k: SimKernel, fd: Fd) -> Result<u8> {
    let mut answer = [0; 1];
    k.send(fd, b"?", SendFlags::NOSIGNAL)?;
    match k.recv(fd, &mut answer, RecvFlags::NONE)? {
        0 => Err(Errno::ECONNRESET),
        _ => Ok(answer[0]),
    }
}

#[test]
fn a_killed_process_begins_again_and_its_connections_are_closed() {
    check(|sim| {
        sim.faults(&[]);
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        let server = sim.server_restarting(host, "server", send_incarnation);
        sim.client(other, "client", move |k| {
            let fd = connect(k, address).unwrap();
            assert_eq!(ask(k, fd), Ok(0));
            control::kill(server);
            assert_eq!(k.recv(fd, &mut [0; 1], RecvFlags::NONE), Ok(0));
            assert_eq!(connect(k, address), Err(Errno::ECONNREFUSED));
            assert!(!control::is_running(server));
            k.nanosleep(SECOND).unwrap();
            assert_eq!(ask(k, connect(k, address).unwrap()), Ok(1));
            assert_eq!(control::restarts(server), 1);
        });
    });
}

#[test]
fn after_a_host_crash_peers_see_nothing_until_they_send() {
    check(|sim| {
        sim.faults(&[]);
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.server_restarting(host, "server", send_incarnation);
        sim.client(other, "client", move |k| {
            let fd = connect(k, address).unwrap();
            assert_eq!(ask(k, fd), Ok(0));
            control::crash(host);
            k.nanosleep(SECOND).unwrap();
            let nonblocking = RecvFlags::DONTWAIT;
            assert_eq!(k.recv(fd, &mut [0; 1], nonblocking), Err(Errno::EAGAIN), "not a word");
            assert_eq!(ask(k, fd), Err(Errno::ECONNRESET), "it knows nothing of it");
            assert_eq!(ask(k, connect(k, address).unwrap()), Ok(1));
            control::switch_off(host);
            let fd = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
            assert_eq!(k.connect(fd, address), Err(Errno::EINPROGRESS));
            k.nanosleep(SECOND).unwrap();
            assert_eq!(k.poll(&mut [PollFd::new(fd, Events::OUT)], Some(Duration::ZERO), None), Ok(0));
            control::switch_on(host);
            assert_eq!(k.poll(&mut [PollFd::new(fd, Events::OUT)], None, None), Ok(1));
            k.fcntl_setfl(fd, StatusFlags::NONE).unwrap();
            assert_eq!(ask(k, fd), Ok(2), "the SYN was sent again");
        });
    });
}

#[test]
fn what_is_sent_during_a_partition_arrives_after_it() {
    check(|sim| {
        sim.faults(&[]);
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.server_restarting(host, "server", send_incarnation);
        sim.client(other, "client", move |k| {
            let fd = connect(k, address).unwrap();
            for (one_way, back) in [(false, false), (true, false), (true, true)] {
                match (one_way, back) {
                    (false, _) => control::partition(host, other),
                    (_, false) => control::partition_one_way(other, host),
                    (_, true) => control::partition_one_way(host, other),
                }
                let started = k.clock_gettime(ClockId::Monotonic);
                k.setsockopt(fd, SocketOption::RecvTimeout(Some(SECOND))).unwrap();
                assert_eq!(ask(k, fd), Err(Errno::EAGAIN));
                control::heal(other, host);
                k.setsockopt(fd, SocketOption::RecvTimeout(None)).unwrap();
                assert_eq!(k.recv(fd, &mut [0; 1], RecvFlags::NONE), Ok(1));
                let took = k.clock_gettime(ClockId::Monotonic) - started;
                assert!(took > SECOND && took < 2 * SECOND, "sent again after 200, 400, 800 ms: {took:?}");
            }
            control::isolate(host);
            let called = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
            assert_eq!(k.connect(called, address), Err(Errno::EINPROGRESS));
            k.nanosleep(5 * SECOND).unwrap();
            control::heal_all();
            assert_eq!(k.poll(&mut [PollFd::new(called, Events::OUT)], Some(5 * SECOND), None), Ok(1));
            assert_eq!(k.getsockopt(called, SocketOptionName::Error), Ok(SocketOption::Error(None)));
        });
    });
}

#[test]
fn a_peer_that_is_away_for_too_long_is_given_up() {
    check(|sim| {
        sim.faults(&[]);
        sim.quiet_after(u64::MAX);
        sim.knobs().stuck_after_ns = u64::MAX / 2;
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.server_restarting(host, "server", send_incarnation);
        sim.client(other, "client", move |k| {
            let fd = connect(k, address).unwrap();
            control::partition(host, other);
            let started = k.clock_gettime(ClockId::Monotonic);
            assert_eq!(ask(k, fd), Err(Errno::ETIMEDOUT));
            let took = (k.clock_gettime(ClockId::Monotonic) - started).as_secs();
            assert!((900..1000).contains(&took), "{took} s");
            assert_eq!(connect(k, address), Err(Errno::ETIMEDOUT));
        });
    });
}

/// Appends numbered records: `synced` of them durable, the others not; then the host crashes. Reports what is left.
fn append(k: SimKernel, incarnation: u32) {
    if incarnation == 0 {
        let fd = k.open("/log", NEW).unwrap();
        let root = k.open("/", OpenFlags::DIRECTORY).unwrap();
        for n in 0..8_u8 {
            k.write(fd, &[n + 1; 700]).unwrap();
            if n == 3 {
                k.fsync(fd).unwrap();
                k.fsync(root).unwrap();
            }
        }
        k.open("/unsynced", NEW).unwrap();
        k.nanosleep(3600 * SECOND).unwrap();
    }
    let fd = k.open("/log", OpenFlags::NONE).unwrap();
    let mut all = vec![0; 8 * 700];
    let n = k.pread(fd, &mut all, 0).unwrap();
    all.truncate(n);
    assert!(n >= 2800, "what was synced is there");
    for (at, byte) in all.iter().enumerate() {
        let written = (at / 700) as u8 + 1;
        assert!(*byte == written || at >= 2800 && *byte == 0, "byte {at} is {byte}");
    }
    let sector_of_zeros = all[2800..].windows(512).any(|w| w == [0; 512]);
    let name = k.open("/unsynced", OpenFlags::NONE).is_ok();
    eagain_sim::sometimes("nothing was lost", n == 5600 && !sector_of_zeros && name);
    eagain_sim::sometimes("everything was lost", n == 2800 && !name);
    eagain_sim::sometimes("a tail was torn off", n > 2800 && n < 5600 && !sector_of_zeros);
    eagain_sim::sometimes("a hole", sector_of_zeros);
    k.write(k.open("/done", NEW).unwrap(), b"x").unwrap();
    k.nanosleep(3600 * SECOND).unwrap();
}

fn crash_once(sim: &mut Sim) {
    sim.faults(&[Family::DiskTorn]);
    sim.quiet_after(3_600_000_000_000);
    let (host, other) = (sim.host("server"), sim.host("client"));
    sim.server_restarting(host, "server", append);
    sim.client(other, "client", move |k| {
        k.nanosleep(SECOND).unwrap();
        control::crash(host);
        k.nanosleep(10 * SECOND).unwrap();
    });
}

#[test]
fn a_crash_leaves_what_was_synced_and_of_the_rest_anything() {
    sweep(crash_once, 0..200, &["disk.torn"]);
    let mut reached = std::collections::BTreeMap::new();
    for seed in 0..200 {
        for (name, was) in run(crash_once, Base::Seed(seed)).sometimes {
            *reached.entry(name).or_insert(false) |= was;
        }
    }
    assert_eq!(reached.len(), 4);
    assert!(reached.values().all(|&was| was), "{reached:?}");
    let benign = run_with(crash_once, Base::Zero, Overrides::new(), Record::Choices);
    assert!(benign.sometimes["nothing was lost"]);
}

fn crash_an_ordered_disk(sim: &mut Sim) {
    sim.knobs().disk_ordered = true;
    crash_once(sim);
    sim.run();
}

#[test]
fn the_event_of_a_crash_counts_all_that_is_gone() {
    for seed in 0..50 {
        let base = Base::Seed(seed);
        let events =
            run_with(crash_an_ordered_disk, base, Overrides::new(), Record::Trace).trace.unwrap().events;
        let read = events.iter().position(|event| event.kind == Kind::Pread).unwrap();
        let opened = events[read..].iter().find(|event| event.kind == Kind::Open).unwrap();
        // The first sector that is not durable as a whole is gone where no byte of it is left.
        let left = match events[read].result as u64 {
            2800 => 5,
            bytes => bytes.div_ceil(512),
        };
        let gone = 5600_u64.div_ceil(512) - left + u64::from(opened.result < 0);
        let torn = events.iter().find(|event| event.kind == Kind::Fault(Family::DiskTorn));
        assert_eq!(torn.map_or(0, |event| event.args[1]), gone, "seed {seed}");
    }
}

#[test]
fn an_ordered_disk_leaves_no_hole_in_what_was_appended() {
    let mut reached = std::collections::BTreeMap::new();
    for seed in 0..200 {
        for (name, was) in run(crash_an_ordered_disk, Base::Seed(seed)).sometimes {
            *reached.entry(name).or_insert(false) |= was;
        }
    }
    let hole = reached.remove("a hole");
    assert!(hole == Some(false) && reached.values().all(|&was| was), "{hole:?} {reached:?}");
}

/// Makes a file larger by `ftruncate`, writes into it and behind it; then the host crashes. Reports how long it is.
fn grow(k: SimKernel, incarnation: u32) {
    if incarnation == 0 {
        let fd = k.open("/f", NEW).unwrap();
        k.write(fd, &[1; 700]).unwrap();
        k.fsync(fd).unwrap();
        k.fsync(k.open("/", OpenFlags::DIRECTORY).unwrap()).unwrap();
        k.ftruncate(fd, 9001).unwrap();
        k.pwrite(fd, &[2; 3000], 4096).unwrap();
        k.pwrite(fd, &[3; 2000], 9001).unwrap();
        k.nanosleep(3600 * SECOND).unwrap();
    }
    let fd = k.open("/f", OpenFlags::NONE).unwrap();
    let len = k.fstat(fd).unwrap().len;
    eagain_sim::always("a whole length", len == 700 || len >= 9001, || format!("{len} bytes"));
    eagain_sim::sometimes("it is as long as it was", len == 700);
    eagain_sim::sometimes("it is as long as it was made", len == 9001);
    eagain_sim::sometimes("some of the end is there", len > 9001);
    k.nanosleep(3600 * SECOND).unwrap();
}

#[test]
fn a_crash_takes_a_length_whole() {
    let scenario = |sim: &mut Sim| {
        sim.faults(&[Family::DiskTorn]);
        sim.quiet_after(3_600_000_000_000);
        let (host, other) = (sim.host("server"), sim.host("client"));
        sim.server_restarting(host, "server", grow);
        sim.client(other, "client", move |k| {
            k.nanosleep(SECOND).unwrap();
            control::crash(host);
            k.nanosleep(10 * SECOND).unwrap();
        });
        sim.run();
    };
    let mut reached = std::collections::BTreeMap::new();
    for seed in 0..300 {
        let report = run(scenario, Base::Seed(seed));
        assert_eq!(report.failure, None, "{}", report.output);
        for (name, was) in report.sometimes {
            *reached.entry(name).or_insert(false) |= was;
        }
    }
    assert_eq!(reached.len(), 3);
    assert!(reached.values().all(|&was| was), "{reached:?}");
}

/// A file replaced by rename, as everybody should: after a crash it is the old one or the new one.
fn replace(k: SimKernel, _boot: u32) {
    if let Ok(fd) = k.open("/f", OpenFlags::NONE) {
        let mut data = [0; 2000];
        let n = k.pread(fd, &mut data, 0).unwrap();
        assert!(n == 2000 && data.iter().all(|byte| *byte == data[0]), "a mixture");
    }
    let root = k.open("/", OpenFlags::DIRECTORY).unwrap();
    for round in 0..=255_u8 {
        let fd = k.open("/f.new", NEW | OpenFlags::TRUNC).unwrap();
        assert_eq!(k.pwrite(fd, &[round; 2000], 0), Ok(2000));
        k.fsync(fd).unwrap();
        k.close(fd).unwrap();
        k.rename("/f.new", "/f").unwrap();
        k.fsync(root).unwrap();
    }
    k.nanosleep(3600 * SECOND).unwrap();
}

/// The same without the sync of the file.
fn replace_carelessly(k: SimKernel, _boot: u32) {
    if let Ok(fd) = k.open("/f", OpenFlags::NONE) {
        let mut data = [0; 2000];
        let n = k.pread(fd, &mut data, 0).unwrap();
        eagain_sim::always("whole", n == 2000 && data.iter().all(|b| *b == data[0]), || format!("{n} bytes"));
    }
    let root = k.open("/", OpenFlags::DIRECTORY).unwrap();
    for round in 0..=255_u8 {
        let fd = k.open("/f.new", NEW | OpenFlags::TRUNC).unwrap();
        assert_eq!(k.pwrite(fd, &[round; 2000], 0), Ok(2000));
        k.close(fd).unwrap();
        k.rename("/f.new", "/f").unwrap();
        k.fsync(root).unwrap();
    }
    k.nanosleep(3600 * SECOND).unwrap();
}

fn storms(sim: &mut Sim, body: fn(SimKernel, u32)) {
    sim.faults(&[Family::ProcessKill, Family::HostPower, Family::DiskTorn]);
    let (host, other) = (sim.host("server"), sim.host("client"));
    sim.server_restarting(host, "server", body);
    sim.client(other, "client", |k| k.nanosleep(20 * SECOND).unwrap());
}

#[test]
fn a_careful_replacement_survives_kills_and_crashes() {
    sweep(|sim| storms(sim, replace), 0..150, &["process.kill", "host.power", "disk.torn"]);
}

#[test]
fn a_careless_one_is_found() {
    let found =
        (0..150).find_map(|seed| run(|sim| storms(sim, replace_carelessly), Base::Seed(seed)).failure);
    assert_eq!(found.map(|failure| failure.site), Some("whole".to_owned()));
}

/// A client that asks again and again through everything.
fn persistent(sim: &mut Sim) {
    let mut faults = eagain_sim::USUAL_FAULTS.to_vec();
    faults.extend([Family::ProcessKill, Family::HostPower, Family::Partition]);
    sim.faults(&faults);
    let (host, other) = (sim.host("server"), sim.host("client"));
    let address = sim.address(host, 7);
    sim.server_restarting(host, "server", send_incarnation);
    sim.client(other, "client", move |k| {
        let mut answers = 0;
        let mut last = 0;
        while answers < 30 {
            let Ok(fd) = connect(k, address) else {
                let _ = k.nanosleep(Duration::from_millis(20));
                continue;
            };
            k.setsockopt(fd, SocketOption::RecvTimeout(Some(5 * SECOND))).unwrap();
            while answers < 30
                && let Ok(incarnation) = ask(k, fd)
            {
                assert!(incarnation >= last);
                last = incarnation;
                answers += 1;
                let _ = k.nanosleep(Duration::from_millis(100));
            }
            k.close(fd).unwrap();
        }
    });
}

#[test]
fn a_persistent_client_gets_its_answers() {
    sweep(persistent, 0..200, &["process.kill", "host.power", "link.partition"]);
}

/// Rust's runtime ignores SIGPIPE before `main`; a program in C is ended by it.
#[test]
fn sigpipe_is_ignored_from_the_start_unless_the_knob_says_otherwise() {
    fn broken(sim: &mut Sim) {
        sim.faults(&[]);
        let host = sim.host("host");
        let client = sim.client(host, "client", |k| {
            let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            assert_eq!(k.write(fd, b"x"), Err(Errno::EPIPE));
            eagain_sim::print("it goes on");
        });
        sim.may_panic(client);
    }
    let ignored = run(broken, Base::Zero);
    assert!(ignored.failure.is_none() && ignored.output.contains("it goes on"), "{}", ignored.output);
    let ended = run(
        |sim| {
            sim.knobs().sigpipe_ignored = false;
            broken(sim);
        },
        Base::Zero,
    );
    assert!(
        ended.output.contains("killed by SIGPIPE") && !ended.output.contains("it goes on"),
        "{}",
        ended.output
    );
}

/// Writes a record, syncs it, and does a lot besides.
fn write_and_sync(k: SimKernel, incarnation: u32) {
    let file = k.open("/log", OpenFlags::CREAT | OpenFlags::RDWR).unwrap();
    for n in 0..60 {
        k.pwrite(file, b"record", n + u64::from(incarnation)).unwrap();
        for _ in 0..20 {
            k.clock_gettime(ClockId::Monotonic);
        }
        k.fdatasync(file).unwrap();
        k.nanosleep(Duration::from_millis(1)).unwrap();
    }
    k.nanosleep(3600 * SECOND).unwrap();
}

fn end_somewhere(sim: &mut Sim, family: Family) {
    sim.faults(&[family]);
    let (host, other) = (sim.host("server"), sim.host("client"));
    sim.server_restarting(host, "server", write_and_sync);
    sim.client(other, "client", |k| k.nanosleep(10 * SECOND).unwrap());
}

/// A crash at a call in 23 is no test of what was not synced.
#[test]
fn half_of_the_ends_come_between_a_write_and_its_sync() {
    type Case = (fn(&mut Sim), Kind);
    let families: [Case; 2] = [
        (|sim| end_somewhere(sim, Family::HostPower), Kind::Fault(Family::HostPower)),
        (|sim| end_somewhere(sim, Family::ProcessKill), Kind::Fault(Family::ProcessKill)),
    ];
    for (body, end) in families {
        let (mut ends, mut unsynced) = (0, 0);
        for seed in 0..800 {
            let report = run_with(body, Base::Seed(seed), Overrides::new(), Record::Trace);
            assert_eq!(report.failure, None);
            let mut last = None;
            for event in report.trace.unwrap().events {
                if event.kind == end {
                    ends += 1;
                    unsynced += u32::from(last == Some(Kind::Pwrite));
                }
                if event.kind.is_call() {
                    last = Some(event.kind);
                }
            }
        }
        // Half of them on purpose, and a few of the others.
        assert!(
            ends > 80 && (ends * 45 / 100..ends * 65 / 100).contains(&unsynced),
            "{end:?}: {unsynced} of {ends}"
        );
    }
}

/// A limit that a process has set ends with it; what the world gave it stays, and cannot be raised.
#[test]
fn restarted_process_begins_with_the_limits_of_the_first() {
    fn body(sim: &mut Sim) {
        let host = sim.host("host");
        let server = sim.server_restarting(host, "server", |k, _| {
            let Rlimit { soft, hard } = k.getrlimit(Resource::Files).unwrap();
            assert_eq!((soft, hard), (7, 7));
            assert_eq!(k.setrlimit(Resource::Files, Rlimit { soft: 8, hard: 8 }), Err(Errno::EPERM));
            k.setrlimit(Resource::Files, Rlimit { soft: 3, hard: 5 }).unwrap();
            assert_eq!(k.getrlimit(Resource::Files), Ok(Rlimit { soft: 3, hard: 5 }));
            k.nanosleep(SECOND * 1000).unwrap();
        });
        sim.fd_limit(server, 7);
        sim.client(host, "client", move |k| {
            for _ in 0..3 {
                k.nanosleep(SECOND).unwrap();
                control::kill(server);
            }
            k.nanosleep(SECOND).unwrap();
            assert_eq!(control::restarts(server), 3);
        });
    }
    assert_eq!(run(body, Base::Zero).failure, None);
}
