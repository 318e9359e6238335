//! Faults are legal, and count only what they did; a connect has a timeout.

mod common;

use common::{check, pair, run_with};
use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::Family;
use eagain_sim::run::Record;
use eagain_sim::trace::Kind;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

const SEEDS: u64 = 200;

/// How often a family says that it fired over many seeds, and how many events of it there are.
fn fired(body: fn(&mut Sim), family: Family) -> (u64, u64) {
    let (mut said, mut events) = (0, 0);
    for seed in 0..SEEDS {
        let report = run_with(body, Base::Seed(seed), Overrides::new(), Record::Trace);
        assert!(report.failure.is_none(), "seed {seed}: {:?}", report.failure);
        said += report.faults.get(family.row().name).copied().unwrap_or(0);
        let trace = report.trace.expect("it is recorded");
        events += trace.events.iter().filter(|event| event.kind == Kind::Fault(family)).count() as u64;
    }
    (said, events)
}

/// The table of a client is never made full.
#[test]
fn a_table_that_is_not_made_full_does_not_count() {
    fn body(sim: &mut Sim) {
        sim.faults(&[Family::FdLimit]);
        let host = sim.host("host");
        sim.client(host, "client", |k: SimKernel| {
            for _ in 0..400 {
                let fd = k.eventfd(0, SocketFlags::NONE).unwrap();
                k.close(fd).unwrap();
            }
        });
    }
    assert_eq!(fired(body, Family::FdLimit), (0, 0));
}

/// A segment of one byte cannot be split; longer ones are.
#[test]
fn a_segment_that_is_not_split_does_not_count() {
    fn exchange<const LEN: usize>(sim: &mut Sim) {
        sim.faults(&[Family::WireSplit]);
        let host = sim.host("host");
        sim.client(host, "client", |k: SimKernel| {
            let (a, b) = pair(k, SocketFlags::NONE);
            for _ in 0..50 {
                k.send(a, &[7; LEN], SendFlags::NONE).unwrap();
                k.recv(b, &mut [0; LEN], RecvFlags::WAITALL).unwrap();
            }
        });
    }
    assert_eq!(fired(exchange::<1>, Family::WireSplit), (0, 0));
    let (said, events) = fired(exchange::<1000>, Family::WireSplit);
    assert!(said > 0 && said == events, "{said} {events}");
}

/// `connect(2)` under `SO_SNDTIMEO` (socket(7)), to a host that is cut off.
#[test]
fn a_connect_gives_up_after_its_timeout() {
    check(|sim| {
        sim.faults(&[]);
        let (host, other) = (sim.host("host"), sim.host("other"));
        let address = sim.address(other, 7);
        sim.client(host, "caller", move |k: SimKernel| {
            let socket = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            k.setsockopt(socket, SocketOption::SendTimeout(Some(Duration::from_millis(100)))).unwrap();
            for errno in [Errno::EINPROGRESS, Errno::EALREADY] {
                let begun = k.clock_gettime(ClockId::Monotonic);
                assert_eq!(k.connect(socket, address), Err(errno));
                let took = k.clock_gettime(ClockId::Monotonic) - begun;
                assert!(took >= Duration::from_millis(100) && took < Duration::from_millis(104), "{took:?}");
            }
        });
        sim.client(other, "other", move |k: SimKernel| {
            eagain_sim::control::isolate(other);
            k.nanosleep(Duration::from_secs(20)).unwrap();
        });
    });
}
