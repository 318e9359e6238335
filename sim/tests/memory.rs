//! O4: a process that grows without bound is found, one that does not is left alone, and nobody pays for another.

use eagain_net::{Clock, Descriptors, Domain, Readiness, SendFlags, SocketAddr, SocketFlags, Sockets};
use eagain_sim::run::{RunReport, RunSpec, Scenario};
use eagain_sim::{Engine, Sim, SimKernel, run_spec};
use std::time::Duration;

eagain_sim::count_memory!();

const LIMIT: u64 = 1 << 20;

fn run(body: fn(&mut Sim)) -> RunReport {
    let scenario = Scenario { name: "memory", about: "", knobs: &[], seeds: 1, body };
    let spec = RunSpec::seeded(scenario, Default::default(), 1);
    run_spec(&spec, &mut Engine::new())
}

fn allocate(k: SimKernel, blocks: usize, keep: bool) {
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    let mut kept = Vec::new();
    for _ in 0..blocks {
        let block = vec![0_u8; 64 << 10];
        if keep {
            kept.push(block);
        }
        k.nanosleep(Duration::from_millis(1)).unwrap();
        k.write(event, &1_u64.to_ne_bytes()).unwrap();
    }
}

#[test]
fn a_process_that_keeps_everything_is_found() {
    let report = run(|sim| {
        let host = sim.host("server");
        let hoarder = sim.client(host, "hoarder", |k| allocate(k, 100, true));
        sim.memory_limit(hoarder, LIMIT);
    });
    let failure = report.failure.expect("more than the limit was kept");
    assert_eq!((failure.oracle.code(), failure.site.as_str()), ("O4", "memory"));
    assert_eq!(failure.message, "hoarder holds more than 1048576 bytes");
}

#[test]
fn a_process_that_lets_go_is_not_blamed_nor_is_the_neighbour_of_a_hoarder() {
    let report = run(|sim| {
        let host = sim.host("server");
        let frugal = sim.client(host, "frugal", |k| allocate(k, 100, false));
        sim.memory_limit(frugal, LIMIT);
        sim.client(host, "hoarder", |k| allocate(k, 100, true));
    });
    assert_eq!(report.failure, None);
}

/// From the 64th process on there are no accounts of their own.
#[test]
fn process_without_an_account_of_its_own_is_not_blamed_for_others() {
    let report = run(|sim| {
        let host = sim.host("server");
        for number in 0..70 {
            let client = sim.client(host, &format!("client-{number}"), |k| allocate(k, 10, true));
            sim.memory_limit(client, LIMIT);
        }
    });
    assert_eq!(report.failure, None);
}

const CLIENTS: usize = 16;

/// Accepts, and never reads; makes calls meanwhile.
fn hoard(k: SimKernel) {
    let listener = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.bind(listener, SocketAddr::from(([0, 0, 0, 0], 7))).unwrap();
    k.listen(listener, CLIENTS as i32).unwrap();
    for _ in 0..CLIENTS {
        k.accept4(listener, SocketFlags::NONE).unwrap();
    }
    for _ in 0..1_000 {
        k.nanosleep(Duration::from_millis(1)).unwrap();
    }
}

/// Sends a piece now and then.
fn fill(k: SimKernel, server: SocketAddr) {
    let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.nanosleep(Duration::from_millis(1)).unwrap();
    k.connect(fd, server).unwrap();
    for _ in 0..100 {
        k.nanosleep(Duration::from_millis(5)).unwrap();
        if k.send(fd, &[0; 1024], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_err() {
            break;
        }
    }
}

#[test]
fn what_sockets_hold_unread_counts() {
    let with_limit = |limit: u64| {
        let scenario = move |sim: &mut Sim| {
            sim.faults(&[]);
            let host = sim.host("server");
            let server = sim.address(host, 7);
            let hoarder = sim.client(host, "hoarder", hoard);
            sim.memory_limit(hoarder, limit);
            for client in 0..CLIENTS {
                sim.client(host, &format!("client-{client}"), move |k| fill(k, server));
            }
        };
        let named = Scenario { name: "memory", about: "", knobs: &[], seeds: 1, body: |_| {} };
        let spec = RunSpec::seeded(named, Default::default(), 1);
        eagain_sim::run_body(&spec, &mut Engine::new(), &mut |sim| scenario(sim)).failure
    };
    let sent = (CLIENTS * 100 * 1024) as u64;
    let found = with_limit(sent - 1).expect("all was sent and none was read");
    assert_eq!(found.message, format!("hoarder holds more than {} bytes", sent - 1));
    assert_eq!(with_limit(2 * sent), None);
}
