//! Faults are legal, and count only what they did; a connect has a timeout.

mod common;

use common::{check, listener, pair, run_with};
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

/// How much a connection takes that nobody reads from, sent in pieces of `piece` bytes, as a text.
fn fill(k: SimKernel, piece: usize) {
    let (listening, address) = listener(k);
    k.setsockopt(listening, SocketOption::RecvBuffer(1)).unwrap();
    let caller = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.setsockopt(caller, SocketOption::SendBuffer(1)).unwrap();
    k.connect(caller, address).unwrap();
    k.fcntl_setfl(caller, StatusFlags::NONBLOCK).unwrap();
    let first = k.send(caller, &vec![0; piece], SendFlags::NONE).unwrap();
    let mut taken = first;
    while let Ok(n) = k.send(caller, &vec![0; piece], SendFlags::NONE) {
        taken += n;
    }
    eagain_sim::print(&format!("first {first} of {piece}, taken {taken}"));
}

/// The numbers of a line of [`fill`].
fn numbers(output: &str) -> (usize, usize) {
    let mut words = output.split_whitespace().skip_while(|word| *word != "first").skip(1);
    let number = |word: Option<&str>| word.and_then(|word| word.parse().ok()).expect("a number");
    (number(words.next()), number(words.nth(3)))
}

/// Linux's smallest takes 2,304 bytes of an idle connection's first send, and some thousand in all.
#[test]
fn a_tight_buffer_is_between_linuxs_smallest_and_what_was_set() {
    fn body<const PIECE: usize>(sim: &mut Sim) {
        sim.faults(&[Family::SendBuffer, Family::RecvBuffer]);
        let host = sim.host("host");
        sim.client(host, "client", |k: SimKernel| fill(k, PIECE));
    }
    let mut tight = 0;
    for body in [body::<5>, body::<1000>, body::<100_000>] {
        let plain = run_with(body, Base::Zero, Overrides::new(), Record::Hash);
        let (first, taken) = numbers(&plain.output);
        for seed in 0..SEEDS {
            let report = run_with(body, Base::Seed(seed), Overrides::new(), Record::Hash);
            let (smaller, less) = numbers(&report.output);
            assert!(smaller <= first && smaller >= first.min(2304), "seed {seed}: {}", report.output);
            assert!(less <= taken && less >= 2304, "seed {seed}: {} instead of {taken}", report.output);
            let fired = report.faults.values().any(|&count| count > 0);
            assert!(fired || less == taken, "seed {seed}: it counts where it is so");
            tight += u32::from(fired);
        }
    }
    assert!(tight > 0);
}

/// Beyond Linux, where the world asks for it.
#[test]
fn a_knob_lets_buffers_be_tighter_than_linuxs_smallest() {
    fn body(sim: &mut Sim) {
        sim.faults(&[Family::SendBuffer]);
        sim.knobs().tight_buffer_min = 1;
        let host = sim.host("host");
        sim.client(host, "client", |k: SimKernel| fill(k, 5));
    }
    let short = |seed| {
        let report = run_with(body, Base::Seed(seed), Overrides::new(), Record::Hash);
        numbers(&report.output).0 < 5
    };
    assert!((0..SEEDS).any(short));
}

/// A byte that nobody takes is one of those that the smallest buffer has room for.
#[test]
fn an_urgent_byte_that_nobody_takes_does_not_stop_a_stream() {
    fn body(sim: &mut Sim) {
        sim.faults(&[Family::RecvBuffer]);
        let host = sim.host("host");
        sim.client(host, "client", |k: SimKernel| {
            let (a, b) = pair(k, SocketFlags::NONE);
            k.send(a, b"!", SendFlags::OOB).unwrap();
            k.send(a, b"after", SendFlags::NONE).unwrap();
            k.setsockopt(b, SocketOption::RecvLowAt(5)).unwrap();
            assert_eq!(k.recv(b, &mut [0; 9], RecvFlags::NONE), Ok(5));
        });
    }
    for seed in 0..SEEDS {
        let report = run_with(body, Base::Seed(seed), Overrides::new(), Record::Hash);
        assert!(report.failure.is_none(), "seed {seed}: {:?}", report.failure);
    }
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
