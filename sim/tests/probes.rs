//! How long TCP tries when nobody answers: a SYN, a shut window, an idle peer, and what the user has set.

use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::run::{RunSpec, Scenario};
use eagain_sim::{Engine, HostId, Sim, SimKernel, control, run_body};
use std::time::Duration;

const WORLD: Scenario = Scenario { name: "probes", about: "a test", knobs: &[], seeds: 1, body: |_| {} };
const SECOND: Duration = Duration::from_secs(1);

/// The server's host, its address, and a socket of the client.
#[derive(Clone, Copy)]
struct Parts {
    host: HostId,
    address: SocketAddr,
    fd: Fd,
}

/// A server that accepts and reads nothing, and a client.
fn with_server(body: impl Fn(SimKernel, Parts) + Copy + Send + 'static) {
    let spec = RunSpec::new(WORLD, Default::default(), Base::Zero);
    let report = run_body(&spec, &mut Engine::new(), &mut |sim: &mut Sim| {
        sim.faults(&[]);
        sim.quiet_after(u64::MAX);
        sim.knobs().stuck_after_ns = u64::MAX / 2;
        let (host, other) = (sim.host("server"), sim.host("client"));
        let address = sim.address(host, 7);
        sim.server_restarting(host, "server", |k, _| {
            let l = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            k.setsockopt(l, SocketOption::ReuseAddr(true)).unwrap();
            k.bind(l, SocketAddr::from(([0, 0, 0, 0], 7))).unwrap();
            k.listen(l, 8).unwrap();
            loop {
                k.accept4(l, SocketFlags::NONE).unwrap();
            }
        });
        sim.client(other, "client", move |k| {
            k.nanosleep(SECOND).unwrap();
            let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            body(k, Parts { host, address, fd });
        });
    });
    assert_eq!(report.failure, None, "{}", report.output);
}

fn now(k: SimKernel) -> Duration {
    Duration::from_nanos(k.clock_gettime(ClockId::Monotonic).0)
}

/// What `call` comes to, and how many seconds that takes.
fn timed<T>(k: SimKernel, call: impl FnOnce() -> T) -> (T, u64) {
    let before = now(k);
    let result = call();
    (result, (now(k) - before).as_secs_f64().round() as u64)
}

/// Fills the connection until its window is shut.
fn fill(k: SimKernel, Parts { fd, address, .. }: Parts) {
    k.connect(fd, address).unwrap();
    while k.send(fd, &[0; 65_536], SendFlags::DONTWAIT) != Err(Errno::EAGAIN) {
        k.nanosleep(SECOND / 100).unwrap();
    }
    k.nanosleep(SECOND).unwrap();
}

/// `tcp_syn_linear_timeouts`: after 1, 2, 3, 4, 5, 7, 11, 19, 35 and 67 s; given up after 131.
#[test]
fn syn_is_sent_again_five_times_a_second_apart_then_at_doubling_intervals() {
    for (healed_after, connected_after) in
        [(500, 1), (3_500, 4), (4_500, 5), (5_500, 7), (7_500, 11), (40_000, 67)]
    {
        with_server(move |k, Parts { host, address, fd }| {
            control::isolate(host);
            let healer = move || {
                k.nanosleep(Duration::from_millis(healed_after)).unwrap();
                control::heal_all();
            };
            k.spawn("healer", Box::new(healer)).unwrap();
            assert_eq!(timed(k, || k.connect(fd, address)), (Ok(()), connected_after));
        });
    }
    with_server(|k, Parts { host, address, fd }| {
        control::isolate(host);
        assert_eq!(timed(k, || k.connect(fd, address)), (Err(Errno::ETIMEDOUT), 131));
        k.setsockopt(fd, SocketOption::UserTimeout(2_700)).unwrap();
        assert_eq!(timed(k, || k.connect(fd, address)), (Err(Errno::ETIMEDOUT), 3));
    });
}

#[test]
fn probe_of_a_shut_window_is_answered_with_a_reset_by_a_host_that_came_back() {
    with_server(|k, parts| {
        fill(k, parts);
        control::crash(parts.host);
        let (result, took) = timed(k, || k.send(parts.fd, &[0; 1], SendFlags::NONE));
        assert_eq!(result, Err(Errno::ECONNRESET));
        assert!(took < 10, "{took} s");
    });
}

#[test]
fn window_that_nobody_opens_is_given_up() {
    with_server(|k, parts| {
        fill(k, parts);
        control::isolate(parts.host);
        let (result, took) = timed(k, || k.send(parts.fd, &[0; 1], SendFlags::NONE));
        assert_eq!(result, Err(Errno::ETIMEDOUT));
        assert!((800..1000).contains(&took), "{took} s");
    });
    with_server(|k, parts| {
        fill(k, parts);
        k.setsockopt(parts.fd, SocketOption::UserTimeout(30_000)).unwrap();
        control::isolate(parts.host);
        let (result, took) = timed(k, || k.send(parts.fd, &[0; 1], SendFlags::NONE));
        assert_eq!(result, Err(Errno::ETIMEDOUT));
        assert!((30..60).contains(&took), "{took} s");
    });
}

#[test]
fn shut_window_of_a_peer_that_is_there_is_waited_for() {
    with_server(|k, parts| {
        fill(k, parts);
        control::isolate(parts.host);
        k.nanosleep(60 * SECOND).unwrap();
        control::heal_all();
        k.setsockopt(parts.fd, SocketOption::SendTimeout(Some(3_600 * SECOND))).unwrap();
        assert_eq!(timed(k, || k.send(parts.fd, &[0; 1], SendFlags::NONE)), (Err(Errno::EAGAIN), 3_600));
    });
}

#[test]
fn idle_peer_that_is_gone_is_found_by_keep_alive_alone() {
    with_server(|k, Parts { host, address, fd }| {
        k.setsockopt(fd, SocketOption::KeepAlive(true)).unwrap();
        k.connect(fd, address).unwrap();
        k.nanosleep(SECOND).unwrap();
        control::crash(host);
        let (result, took) = timed(k, || k.recv(fd, &mut [0; 1], RecvFlags::NONE));
        assert_eq!((result, took), (Err(Errno::ECONNRESET), 7_199));
    });
    with_server(|k, Parts { host, address, fd }| {
        k.setsockopt(fd, SocketOption::KeepAlive(true)).unwrap();
        k.setsockopt(fd, SocketOption::KeepIdle(10)).unwrap();
        k.setsockopt(fd, SocketOption::KeepInterval(2)).unwrap();
        k.setsockopt(fd, SocketOption::KeepCount(3)).unwrap();
        k.connect(fd, address).unwrap();
        k.nanosleep(SECOND).unwrap();
        control::isolate(host);
        let (result, took) = timed(k, || k.recv(fd, &mut [0; 1], RecvFlags::NONE));
        assert_eq!((result, took), (Err(Errno::ETIMEDOUT), 9 + 3 * 2));
    });
    with_server(|k, Parts { host, address, fd }| {
        k.setsockopt(fd, SocketOption::RecvTimeout(Some(100_000 * SECOND))).unwrap();
        k.connect(fd, address).unwrap();
        k.nanosleep(SECOND).unwrap();
        control::crash(host);
        assert_eq!(timed(k, || k.recv(fd, &mut [0; 1], RecvFlags::NONE)), (Err(Errno::EAGAIN), 100_000));
    });
}

#[test]
fn what_is_not_acknowledged_is_given_up_after_the_user_timeout() {
    with_server(|k, Parts { host, address, fd }| {
        k.setsockopt(fd, SocketOption::UserTimeout(5_000)).unwrap();
        k.connect(fd, address).unwrap();
        control::isolate(host);
        k.send(fd, b"x", SendFlags::NONE).unwrap();
        assert_eq!(timed(k, || k.recv(fd, &mut [0; 1], RecvFlags::NONE)), (Err(Errno::ETIMEDOUT), 5));
    });
}
