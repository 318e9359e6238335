//! Datagrams between hosts: lost, late or doubled as chosen, never over the loopback, and what partitions and crashes do to them.

mod common;

use common::{run_with, sweep};
use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::run::Record;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn bound(k: SimKernel, port: u16) -> Fd {
    let fd = k.socket(Domain::Inet, SocketFlags::DGRAM).unwrap();
    k.bind(fd, SocketAddr::from(([0, 0, 0, 0], port))).unwrap();
    k.setsockopt(fd, SocketOption::RecvTimeout(Some(2000 * MS))).unwrap();
    fd
}

/// What arrives until nothing does for two seconds, and when, in milliseconds.
fn received(k: SimKernel, fd: Fd) -> Vec<(u8, u64)> {
    let start = k.clock_gettime(ClockId::Monotonic).0;
    let mut all = Vec::new();
    let mut byte = [0];
    loop {
        match k.recvfrom(fd, &mut byte, RecvFlags::NONE) {
            Ok((n, from)) => {
                assert!(n == 1 && from.is_some_and(|from| from.ip().to_string() == "10.0.0.2"), "{from:?}");
                all.push((byte[0], (k.clock_gettime(ClockId::Monotonic).0 - start) / 1_000_000));
            }
            Err(Errno::EINTR) => {}
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                return all;
            }
        }
    }
}

/// One host sends three datagrams, and the other expects these, at these milliseconds.
fn three(sim: &mut Sim, expected: &'static [(u8, u64)]) {
    let (host, other) = (sim.host("to"), sim.host("from"));
    let to = sim.address(host, 9);
    sim.client(host, "to", move |k| assert_eq!(received(k, bound(k, 9)), expected));
    sim.client(other, "from", move |k| {
        let fd = bound(k, 0);
        for byte in 0..3 {
            assert_eq!(k.sendto(fd, &[byte], SendFlags::NONE, to), Ok(1));
        }
    });
}

fn with(body: fn(&mut Sim), choices: &[(&str, u64)]) {
    let overrides: Overrides = choices.iter().map(|&(key, value)| (key.parse().unwrap(), value)).collect();
    let report = run_with(body, Base::Zero, overrides, Record::Trace);
    assert_eq!(report.failure, None, "{}", report.output);
    assert_eq!(report.unused, [], "never asked for");
}

#[test]
fn datagrams_are_lost_late_and_doubled_as_chosen() {
    with(|sim| three(sim, &[(0, 0), (1, 0), (2, 0)]), &[]);
    with(|sim| three(sim, &[(0, 0), (2, 0)]), &[("datagram.loss from#udp1 1", 1)]);
    with(|sim| three(sim, &[(1, 0), (2, 0), (0, 30)]), &[("datagram.reorder from#udp1 0", 30_000_000)]);
    with(
        |sim| three(sim, &[(0, 0), (1, 0), (2, 0), (2, 7)]),
        &[("datagram.duplicate from#udp1 2", 7_000_000)],
    );
}

#[test]
fn datagrams_do_not_pass_where_the_network_is_cut() {
    fn scenario(sim: &mut Sim) {
        let (host, other) = (sim.host("to"), sim.host("from"));
        let to = sim.address(host, 9);
        sim.client(host, "to", |k| assert_eq!(received(k, bound(k, 9)), [(0, 0), (2, 100)]));
        sim.client(other, "from", move |k| {
            let fd = bound(k, 0);
            let send = |byte| assert_eq!(k.sendto(fd, &[byte], SendFlags::NONE, to), Ok(1));
            send(0);
            let _ = k.nanosleep(50 * MS);
            eagain_sim::control::partition(other, host);
            send(1);
            let _ = k.nanosleep(50 * MS);
            eagain_sim::control::heal_all();
            send(2);
        });
    }
    with(scenario, &[]);
}

/// A host is off with one datagram under way to it and another sent meanwhile: neither is there when it is up again, and nobody
/// reports ECONNREFUSED to the sender.
#[test]
fn datagrams_to_a_host_that_is_down_are_lost() {
    fn scenario(sim: &mut Sim) {
        sim.knobs().latency_ns = 20_000_000;
        let (host, other) = (sim.host("to"), sim.host("from"));
        let to = sim.address(host, 9);
        sim.server_restarting(host, "to", move |k, start| {
            let expected: &[u8] = if start == 0 { &[0] } else { &[3] };
            let mut all = Vec::new();
            let fd = bound(k, 9);
            while all.len() < expected.len() {
                let mut byte = [0];
                k.recvfrom(fd, &mut byte, RecvFlags::NONE).unwrap();
                all.push(byte[0]);
            }
            eagain_sim::print(&format!("start {start}: {all:?}"));
            let _ = k.nanosleep(500 * MS);
            assert_eq!(k.recvfrom(fd, &mut [0], RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
            assert_eq!(all, expected);
            eagain_sim::print(&format!("start {start}: no more"));
        });
        sim.client(other, "from", move |k| {
            let fd = bound(k, 0);
            k.connect(fd, to).unwrap();
            let send = |byte| assert_eq!(k.send(fd, &[byte], SendFlags::NONE), Ok(1));
            let _ = k.nanosleep(MS);
            send(0);
            let _ = k.nanosleep(100 * MS);
            send(1); // Under way for 20 ms.
            let _ = k.nanosleep(10 * MS);
            eagain_sim::control::switch_off(host);
            let _ = k.nanosleep(50 * MS);
            send(2);
            let _ = k.nanosleep(50 * MS);
            eagain_sim::control::switch_on(host);
            let _ = k.nanosleep(50 * MS);
            send(3);
            let _ = k.nanosleep(2000 * MS);
        });
    }
    let report = run_with(scenario, Base::Zero, Overrides::new(), Record::Trace);
    assert_eq!(report.failure, None, "{}", report.output);
    let said: Vec<&str> = report.output.lines().filter_map(|line| Some(line.split_once(": ")?.1)).collect();
    assert_eq!(said, ["start 0: [0]", "start 1: [3]", "start 1: no more"], "{}", report.output);
}

#[test]
fn a_connected_socket_gets_econnrefused_across_hosts() {
    fn scenario(sim: &mut Sim) {
        let (host, other) = (sim.host("to"), sim.host("from"));
        let to = sim.address(host, 9);
        sim.server(host, "idle", |k| {
            let _ = k.nanosleep(1000 * MS);
        });
        sim.client(other, "from", move |k| {
            let fd = bound(k, 0);
            k.connect(fd, to).unwrap();
            assert_eq!(k.getsockname(fd).unwrap().ip().to_string(), "10.0.0.2");
            assert_eq!(k.send(fd, b"x", SendFlags::NONE), Ok(1));
            assert_eq!(k.recv(fd, &mut [0], RecvFlags::NONE), Err(Errno::ECONNREFUSED));
        });
    }
    with(scenario, &[]);
}

/// A request that is repeated until its answer comes holds under every fault; the loopback loses nothing.
#[test]
fn repeated_requests_hold_under_faults() {
    fn scenario(sim: &mut Sim) {
        let (host, other) = (sim.host("to"), sim.host("from"));
        let to = sim.address(host, 9);
        sim.server(host, "server", |k| {
            let fd = k.socket(Domain::Inet, SocketFlags::DGRAM).unwrap();
            k.bind(fd, SocketAddr::from(([0, 0, 0, 0], 9))).unwrap();
            loop {
                let mut request = [0; 2];
                if let Ok((2, Some(from))) = k.recvfrom(fd, &mut request, RecvFlags::NONE) {
                    let _ = k.sendto(fd, &request, SendFlags::NONE, from);
                }
            }
        });
        sim.client(other, "client", move |k| {
            let fd = bound(k, 0);
            k.setsockopt(fd, SocketOption::RecvTimeout(Some(50 * MS))).unwrap();
            for number in 0..10 {
                let mut answer = [0; 2];
                while answer != [number, 1] {
                    let _ = k.sendto(fd, &[number, 1], SendFlags::NONE, to);
                    let _ = k.recv(fd, &mut answer, RecvFlags::NONE);
                }
            }
            let (one, two) = (bound(k, 100), bound(k, 101));
            for byte in 0..100 {
                let local = SocketAddr::from(([127, 0, 0, 1], 101));
                assert_eq!(k.sendto(one, &[byte], SendFlags::NONE, local), Ok(1));
                let mut got = [0];
                while k.recv(two, &mut got, RecvFlags::NONE) == Err(Errno::EINTR) {}
                assert_eq!(got, [byte]);
            }
        });
    }
    sweep(scenario, 0..60, &["datagram.loss", "datagram.reorder", "datagram.duplicate"]);
}
