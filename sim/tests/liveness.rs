//! O6: each client goes on, whatever others do, and every run ends; a wait that a client has set itself is no standstill.

mod common;

use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::run::{RunReport, RunSpec, Scenario, Settings};
use eagain_sim::runner::engine;
use eagain_sim::runner::explore::Plan;
use eagain_sim::runner::shard::Shard;
use eagain_sim::{Engine, HostId, Sim, SimKernel, run_spec, within};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn run(body: fn(&mut Sim)) -> RunReport {
    common::run(body, Base::Zero)
}

/// The site where O6 broke, and what was said.
fn broke(report: &RunReport) -> (&str, &str) {
    let failure = report.failure.as_ref().expect("it holds");
    assert_eq!(failure.oracle.code(), "O6", "{}", failure.message);
    (&failure.site, &failure.message)
}

#[track_caller]
fn holds(report: &RunReport) {
    assert_eq!(report.failure, None);
}

/// A server that takes every connection in and answers nothing; `idle` is done by another thread of it.
fn silent(sim: &mut Sim, idle: fn(SimKernel)) -> SocketAddr {
    let host = sim.host("server");
    let address = sim.address(host, 80);
    sim.server(host, "server", move |k| {
        eagain_net::thread::spawn(k, "idle", move || idle(k)).unwrap();
        let listener = TcpListener::bind(k, address).unwrap();
        let mut kept = Vec::new();
        while let Ok(accepted) = listener.accept() {
            kept.push(accepted);
        }
    });
    address
}

fn client(sim: &mut Sim, body: impl FnOnce(SimKernel) + Send + 'static) -> HostId {
    let host = sim.host("client");
    sim.client(host, "client", body);
    host
}

fn connect(k: SimKernel, to: SocketAddr) -> TcpStream<SimKernel> {
    loop {
        match TcpStream::connect(k, to) {
            Ok(stream) => return stream,
            Err(_) => k.nanosleep(Duration::from_millis(1)).unwrap(),
        }
    }
}

fn ticks(k: SimKernel) {
    while k.nanosleep(SECOND).is_ok() {}
}

#[test]
fn a_client_that_waits_for_ever_is_stuck_however_a_server_ticks() {
    let report = run(|sim| {
        let address = silent(sim, ticks);
        client(sim, move |k| {
            let _ = connect(k, address).read(&mut [0; 9]);
        });
    });
    let (site, message) = broke(&report);
    assert_eq!(site, "stuck");
    assert!(message.starts_with("client has achieved nothing since 0.0"), "{message}");
    assert!(message.contains("for more than 120s without faults (stuck_after"), "{message}");
    assert!(report.simulated < 200 * SECOND.as_nanos() as u64, "{}", report.simulated);
}

#[test]
fn one_client_is_stuck_while_another_is_served() {
    let report = run(|sim| {
        let address = silent(sim, |_| {});
        client(sim, move |k| {
            let _ = connect(k, address).read(&mut [0; 9]);
        });
        let host = sim.host("other");
        sim.client(host, "other", |k| {
            let (a, b) = common::pair(k, SocketFlags::NONE);
            loop {
                k.send(a, b"x", SendFlags::NONE).unwrap();
                k.recv(b, &mut [0; 9], RecvFlags::NONE).unwrap();
                k.nanosleep(SECOND).unwrap();
            }
        });
    });
    let (site, message) = broke(&report);
    assert!(site == "stuck" && message.starts_with("client has achieved nothing"), "{message}");
}

#[test]
fn a_client_that_only_tries_again_is_stuck() {
    let report = run(|sim| {
        let host = sim.host("server");
        let address = sim.address(host, 80);
        client(sim, move |k| drop(connect(k, address)));
    });
    assert_eq!(broke(&report).0, "stuck");
}

#[test]
fn a_bound_of_the_scenario_is_the_one_that_counts() {
    let report = run(|sim| {
        sim.knobs().stuck_after_ns = 5 * SECOND.as_nanos() as u64;
        let address = silent(sim, ticks);
        client(sim, move |k| {
            let _ = connect(k, address).read(&mut [0; 9]);
        });
    });
    assert!(broke(&report).1.contains("for more than 5s without faults"), "{}", broke(&report).1);
    assert!(report.simulated < 10 * SECOND.as_nanos() as u64, "{}", report.simulated);
}

#[test]
fn a_setting_comes_before_the_scenario() {
    let body = |sim: &mut Sim| {
        sim.knobs().stuck_after_ns = 60 * SECOND.as_nanos() as u64;
        let address = silent(sim, ticks);
        client(sim, move |k| {
            let _ = connect(k, address).read(&mut [0; 9]);
        });
    };
    let scenario = Scenario { name: "test", about: "test", knobs: &[], seeds: 1, body };
    let settings = Settings::from([("stuck-after".into(), "7".into())]);
    let report = run_spec(&RunSpec::seeded(scenario, settings, 1), &mut Engine::new());
    assert!(broke(&report).1.contains("for more than 7s without faults"), "{}", broke(&report).1);
}

#[test]
fn a_client_that_pauses_on_purpose_is_not_stuck() {
    holds(&run(|sim| {
        let address = silent(sim, ticks);
        client(sim, move |k| {
            k.nanosleep(1000 * SECOND).unwrap();
            let stream = connect(k, address);
            stream.set_read_timeout(Some(500 * SECOND)).unwrap();
            assert_eq!(stream.read(&mut [0; 9]), Err(Errno::EAGAIN));
            let timer = TimerFd::new(k).unwrap();
            timer.set_deadline(k.clock_gettime(ClockId::Monotonic) + 7200 * SECOND).unwrap();
            k.poll(&mut [PollFd::new(timer.fd(), Events::IN)], None, None).unwrap();
            timer.read().unwrap();
        });
    }));
}

/// The client has set no time itself: what it waits for is the end of its server's wait.
#[test]
fn a_client_may_wait_for_a_time_that_its_server_has_set() {
    holds(&run(|sim| {
        let host = sim.host("server");
        let address = sim.address(host, 80);
        sim.server(host, "server", move |k| {
            // So the client is looked at long before the server's time is over.
            eagain_net::thread::spawn(k, "ticks", move || ticks(k)).unwrap();
            let listener = TcpListener::bind(k, address).unwrap();
            while let Ok((stream, _)) = listener.accept() {
                stream.set_read_timeout(Some(300 * SECOND)).unwrap();
                let _ = stream.read(&mut [0; 9]);
            }
        });
        client(sim, move |k| assert_eq!(connect(k, address).read(&mut [0; 9]), Ok(0)));
    }));
}

/// It may not do so without end: an hour is too long, whoever sleeps for it.
#[test]
fn a_client_does_not_wait_for_whatever_is_planned() {
    let report = run(|sim| {
        let address = silent(sim, |k| k.nanosleep(3600 * SECOND).unwrap());
        client(sim, move |k| {
            let _ = connect(k, address).read(&mut [0; 9]);
        });
    });
    assert_eq!(broke(&report).0, "stuck");
}

#[test]
fn a_request_that_must_be_over_within_a_time_is() {
    let report = run(|sim| {
        let address = silent(sim, ticks);
        client(sim, move |k| {
            let stream = connect(k, address);
            let _ = within(3 * SECOND, "a reply", || stream.read(&mut [0; 9]));
        });
    });
    let (site, message) = broke(&report);
    assert_eq!(site, "a reply");
    assert!(message.starts_with("client/0: a reply was not over within 3s"), "{message}");
    assert!(report.simulated < 5 * SECOND.as_nanos() as u64, "{}", report.simulated);
}

/// A failure is of whom it concerns, and not of whom happens to run: shrinking keeps that name.
#[test]
fn what_breaks_is_of_whom_it_concerns() {
    let stands_still = run(|sim| {
        let address = silent(sim, ticks);
        client(sim, move |k| {
            let _ = connect(k, address).read(&mut [0; 9]);
        });
    });
    let promised = run(|sim| {
        client(sim, |k| {
            let late = move || within(SECOND, "a reply", || k.nanosleep(5 * SECOND)).unwrap();
            let late = eagain_net::thread::spawn(k, "late", late).unwrap();
            k.nanosleep(2 * SECOND).unwrap();
            late.join();
        });
    });
    let waits = run(|sim| {
        client(sim, |k| {
            let counter = EventFd::with_flags(k, 0, SocketFlags::NONE).unwrap();
            counter.read().unwrap();
        });
    });
    let never_ends = run(|sim| {
        sim.knobs().events_max = 50_000;
        client(sim, reader);
    });
    for (report, site, thread) in [
        (stands_still, "stuck", "client"),
        (promised, "a reply", "client/late"),
        (waits, "deadlock", ""),
        (never_ends, "no end", ""),
    ] {
        assert_eq!(broke(&report).0, site);
        assert_eq!(report.failure.unwrap().thread, thread, "{site}");
    }
}

#[test]
fn a_request_that_ends_too_late_breaks_its_bound_too() {
    let report = run(|sim| {
        client(sim, |k| {
            within(SECOND, "a short sleep", || k.nanosleep(SECOND + Duration::from_nanos(1))).unwrap()
        });
    });
    assert_eq!(broke(&report).0, "a short sleep");
}

/// Where nothing else happens it would never be late.
#[test]
fn a_request_that_never_ends_breaks_its_bound_where_no_thread_can_run_again() {
    let report = run(|sim| {
        client(sim, |k| {
            let counter = EventFd::with_flags(k, 0, SocketFlags::NONE).unwrap();
            within(SECOND, "a number", || counter.read()).unwrap();
        });
    });
    let (site, message) = broke(&report);
    assert_eq!(site, "a number");
    let begin = "client/0: a number was not over within 1s; no thread can ever run again\n";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(report.failure.unwrap().thread, "client/0");
}

/// A report of a deadlock says who has to act next: whom each thread waits for, and what that one has not read.
#[test]
fn whom_each_thread_waits_for_is_said() {
    let report = run(|sim| {
        let address = silent(sim, |k| k.nanosleep(SECOND).unwrap());
        client(sim, move |k| {
            let stream = connect(k, address);
            stream.send(b"abc", SendFlags::NOSIGNAL).unwrap();
            let idle = eagain_net::thread::spawn(k, "idle", move || {
                let epoll = Epoll::new(k).unwrap();
                let counter = EventFd::with_flags(k, 0, SocketFlags::NONE).unwrap();
                epoll.add(stream.fd(), Events::IN | Events::ET, 1).unwrap();
                epoll.add(counter.fd(), Events::IN, 2).unwrap();
                epoll.wait(&mut [EpollEvent::default(); 4], None).unwrap();
            });
            idle.unwrap().join();
        });
        client(sim, move |k| {
            let stream = connect(k, address);
            stream.recv(&mut [0; 9], RecvFlags::NONE).unwrap();
        });
    });
    let (site, message) = broke(&report);
    assert_eq!(site, "deadlock");
    let lines = [
        "  server/0 waits in accept4(0, SOCK_CLOEXEC)\n    for a connection\n",
        "  client/0 waits in join(2001)\n    for the end of client/0.1:idle\n",
        "    for EPOLLIN on fd 0: bytes from fd 1 of server, which has 3 bytes to read\n    for EPOLLIN on fd 2: a write to an eventfd\n",
        "  client-2/0 waits in recv(0, 9, 0)\n    for bytes from fd 2 of server, which has nothing to read\n",
    ];
    for line in lines {
        assert!(message.contains(line), "{line}\n{message}");
    }
}

#[test]
fn a_request_that_ends_in_time_holds_and_is_forgotten() {
    holds(&run(|sim| {
        client(sim, |k| {
            within(2 * SECOND, "a sleep", || k.nanosleep(SECOND)).unwrap();
            k.nanosleep(10 * SECOND).unwrap();
        });
    }));
}

/// Bytes move for ever.
fn chatter(k: SimKernel) {
    let (a, b) = common::pair(k, SocketFlags::NONE);
    loop {
        k.send(a, b"x", SendFlags::NONE).unwrap();
        k.recv(b, &mut [0; 9], RecvFlags::NONE).unwrap();
    }
}

#[test]
fn a_run_without_end_ends() {
    let report = run(|sim| {
        sim.knobs().events_max = 50_000;
        client(sim, chatter);
        let host = sim.host("other");
        sim.client(host, "other", chatter);
    });
    let (site, message) = broke(&report);
    assert_eq!(site, "no end");
    assert!(message.starts_with("clients had not ended after 50000 events (events_max)"), "{message}");
}

/// A thread that is alone and never waits never gives way to what ends the run.
#[test]
fn a_run_of_one_thread_that_never_waits_ends() {
    let report = run(|sim| {
        sim.knobs().events_max = 50_000;
        client(sim, reader);
    });
    assert_eq!(broke(&report).0, "no end");
    assert!(report.calls < 60_000, "{}", report.calls);
}

/// Reads a file for ever, and gives way to nobody.
fn reader(k: SimKernel) {
    let file = k.open("/file", OpenFlags::CREAT | OpenFlags::RDWR).unwrap();
    k.pwrite(file, b"x", 0).unwrap();
    while k.pread(file, &mut [0], 0) == Ok(1) {}
}

/// Without end, were it not stopped: then this test has none either.
#[test]
fn a_sweep_stops_the_run_that_is_under_way_when_its_time_is_over() {
    let bodies: [fn(&mut Sim); 2] = [
        |sim| {
            sim.knobs().events_max = u64::MAX;
            client(sim, reader);
        },
        |sim| {
            sim.knobs().events_max = u64::MAX;
            client(sim, chatter);
            let host = sim.host("other");
            sim.client(host, "other", chatter);
        },
    ];
    for body in bodies {
        let plan = Plan {
            scenarios: vec![Scenario { name: "test", about: "test", knobs: &[], seeds: 1, body }],
            settings: Settings::new(),
            from: 0,
            seeds: Some(1),
            jobs: 1,
            shard: Shard::ALL,
            time: Some(Duration::from_millis(1)),
        };
        let sweep = plan.explore(engine::make, &Arc::default());
        assert_eq!(sweep.stopped.as_deref(), Some("--time 1ms"));
        assert_eq!((sweep.sums.seeds, sweep.sums.failures), (0, 0));
    }
}

#[test]
fn a_run_ends_by_default() {
    let report = run(|sim| {
        // The default, less two zeros: this is a test.
        sim.knobs().events_max /= 100;
        client(sim, chatter);
    });
    assert_eq!(broke(&report).0, "no end");
}

/// A deadlock says what an epoll set holds and does not report: an edge that was not used up, an entry that was not armed again,
/// an event that nobody asked for.
#[test]
fn what_an_epoll_wait_does_not_report_is_named_with_the_reason() {
    let report = run(|sim| {
        client(sim, |k| {
            let epoll = Epoll::new(k).unwrap();
            let pair = || k.pipe2(SocketFlags::NONBLOCK).unwrap();
            let pipes = [(); 4].map(|()| pair());
            let asked = [Events::IN | Events::ET, Events::IN | Events::ONESHOT, Events::OUT, Events::IN];
            for ((read, write), events) in pipes.iter().zip(asked).take(3) {
                epoll.add(*read, events, 0).unwrap();
                k.write(*write, b"x").unwrap();
            }
            // Nothing is to be said of one that is empty.
            epoll.add(pipes[3].0, asked[3], 0).unwrap();
            let mut events = [EpollEvent::default(); 8];
            assert_eq!(epoll.wait(&mut events, None), Ok(2));
            let _ = epoll.wait(&mut events, None);
        });
    });
    let (site, message) = broke(&report);
    assert_eq!(site, "deadlock");
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| line.starts_with("fd ")).collect();
    assert_eq!(
        lines,
        [
            "fd 1 is EPOLLIN: reported before, and no new edge has come since (EPOLLET)",
            "fd 3 is EPOLLIN: disarmed by EPOLLONESHOT, and not armed again",
            "fd 5 is EPOLLIN: not among the events asked for",
        ],
        "{message}"
    );
}
