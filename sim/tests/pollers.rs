//! The pollers of `net`, with a thread that takes descriptors out and closes them while another waits.

mod common;

use common::{pair, sweep};
use eagain_net::model::{AnyPoller, Interest, ModelKind, Outcome, Poller};
use eagain_net::*;
use eagain_sim::{Sim, choose};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// How long a wait lasts that nobody ends.
const TURN: Duration = Duration::from_micros(100);

fn closing(sim: &mut Sim) {
    let host = sim.host("host");
    sim.client(host, "main", |k| {
        for kind in ModelKind::ALL.into_iter().filter(|kind| kind.is_readiness()) {
            let poller = Arc::new(AnyPoller::new(k, kind).expect("it can be had"));
            let over = Arc::new(AtomicBool::new(false));
            let (theirs, is_over) = (poller.clone(), over.clone());
            let closer = thread::spawn(k, "closer", move || {
                for _ in 0..8 {
                    let (a, b) = pair(k, SocketFlags::NONBLOCK);
                    theirs.register(a, 1, Interest::READABLE).expect("a new descriptor");
                    sleep(k, Duration::from_micros(choose("patience", 0, 300)));
                    theirs.forget(a);
                    k.close(a).expect("it is open");
                    k.close(b).expect("it is open");
                }
                is_over.store(true, SeqCst);
            });
            let mut events = Vec::new();
            while !over.load(SeqCst) {
                poller
                    .wait(&mut events, Some(TURN))
                    .unwrap_or_else(|errno| panic!("{}: {errno}", kind.name()));
            }
            closer.expect("a thread").join().expect("no panic");
        }
    });
}

#[test]
fn a_wait_outlives_what_another_thread_takes_out() {
    sweep(closing, 0..50, &["thread.off-cpu"]);
}

/// As a full table has it: the same few numbers come and go between two waits.
fn coming_and_going(sim: &mut Sim) {
    common::synchronous(sim);
    let host = sim.host("host");
    let process = sim.client(host, "main", |k| {
        let poller = AnyPoller::new(k, ModelKind::Sigio).expect("it can be had");
        let (a, b) = pair(k, SocketFlags::NONBLOCK);
        for _ in 0..20 {
            poller.register(a, 1, Interest::READABLE).expect("a new descriptor");
            poller.forget(a);
        }
        poller.register(a, 1, Interest::READABLE).expect("a new descriptor");
        k.send(b, b"x", SendFlags::NONE).expect("there is room");
        let mut events = Vec::new();
        poller.wait(&mut events, Some(TURN)).expect("no more than are open");
        assert_eq!(events.len(), 1, "once");
    });
    sim.fd_limit(process, 6);
}

#[test]
fn a_number_that_was_used_often_is_asked_for_once() {
    common::check(coming_and_going);
}

/// Who wants nothing of a connection is notified once that it broke, and not again for saying so.
fn breaking(sim: &mut Sim) {
    common::synchronous(sim);
    let host = sim.host("host");
    sim.client(host, "main", |k| {
        for kind in [ModelKind::Epoll, ModelKind::EpollEdge, ModelKind::EpollOneshot] {
            let poller = AnyPoller::new(k, kind).expect("it can be had");
            let (a, b) = pair(k, SocketFlags::NONBLOCK);
            poller.register(a, 1, Interest::READABLE).expect("a new descriptor");
            poller.modify(a, 1, Interest::NONE).expect("it is registered");
            // Not read by b, whose end is a reset then.
            k.send(a, b"x", SendFlags::NONE).expect("there is room");
            k.close(b).expect("it is open");
            let (mut events, mut reported) = (Vec::new(), 0);
            for _ in 0..8 {
                poller.wait(&mut events, Some(TURN)).expect("nothing of it fails");
                for event in events.drain(..) {
                    reported += 1;
                    poller.rearm(a, event.token, Interest::NONE, Outcome::More).expect("it is registered");
                }
            }
            assert_eq!(reported, 1, "{}", kind.name());
            k.close(a).expect("it is open");
        }
    });
}

#[test]
fn a_reset_is_reported_once_where_nothing_is_asked_for() {
    common::check(breaking);
}

/// A waker is rung around the moment at which a poller that asks before it sleeps goes to sleep.
fn ringing(sim: &mut Sim) {
    let host = sim.host("host");
    sim.client(host, "main", |k| {
        for kind in [ModelKind::Epoll, ModelKind::EpollEdge, ModelKind::EpollOneshot] {
            let mut poller = AnyPoller::new(k, kind).expect("it can be had");
            poller.set_busy_polls(3);
            let waker = poller.waker();
            let rung = Arc::new(AtomicBool::new(false));
            let is_rung = rung.clone();
            let ringer = thread::spawn(k, "ringer", move || {
                for _ in 0..8 {
                    sleep(k, Duration::from_micros(choose("patience", 0, 20)));
                    is_rung.store(true, SeqCst);
                    waker.wake().expect("the poller is there");
                    while is_rung.load(SeqCst) {
                        sleep(k, TURN);
                    }
                }
            });
            let mut events = Vec::new();
            for _ in 0..8 {
                while !rung.swap(false, SeqCst) {
                    // For ever: a ring that is lost is a deadlock.
                    poller.wait(&mut events, None).expect("it waits");
                }
            }
            ringer.expect("a thread").join().expect("no panic");
        }
    });
}

#[test]
fn a_ring_ends_a_wait_that_asks_first() {
    sweep(ringing, 0..50, &[]);
}
