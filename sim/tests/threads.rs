//! What the thread of a simulated program is to itself: its own thread-local storage and its own panics, which end it and
//! nobody else.

use eagain_net::*;
use eagain_sim::run::{Failure, RunReport, RunSpec, Scenario};
use eagain_sim::{Engine, Sim, run_body};
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SCENARIO: Scenario = Scenario { name: "threads", about: "", knobs: &[], seeds: 1, body: |_| {} };

fn run_in(engine: &mut Engine, seed: u64, mut body: impl FnMut(&mut Sim)) -> RunReport {
    let spec = RunSpec::seeded(SCENARIO, Default::default(), seed);
    run_body(&spec, engine, &mut body)
}

fn run(seed: u64, body: impl FnMut(&mut Sim)) -> Option<Failure> {
    run_in(&mut Engine::new(), seed, body).failure
}

thread_local! {
    static MINE: Cell<u32> = const { Cell::new(0) };
    static NAMES: RefCell<Vec<String>> = RefCell::default();
    static LEFT: RefCell<Option<Leaves>> = const { RefCell::new(None) };
}

/// Says that it is gone.
struct Leaves(Arc<Mutex<Vec<&'static str>>>, &'static str);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(self.1);
    }
}

#[test]
fn a_thread_local_is_one_a_thread_and_fresh_in_each_run() {
    let mut engine = Engine::new();
    for seed in 0..20 {
        let report = run_in(&mut engine, seed, |sim| {
            let host = sim.host("host");
            for name in ["one", "two"] {
                sim.client(host, name, move |k| {
                    assert_eq!(MINE.replace(1), 0, "fresh");
                    NAMES.with_borrow_mut(|names| names.push(name.to_owned()));
                    let child = thread::spawn(k, "child", move || {
                        sleep(k, Duration::from_micros(3));
                        NAMES.with_borrow_mut(|names| names.push("child".repeat(1000)));
                        MINE.replace(7)
                    });
                    sleep(k, Duration::from_micros(5));
                    assert_eq!(child.unwrap().join(), Some(0), "the child begins with its own");
                    assert_eq!(MINE.get(), 1);
                    assert_eq!(NAMES.take(), [name]);
                });
            }
        });
        assert_eq!(report.failure, None);
    }
    assert_eq!(MINE.get(), 0, "the thread of the test has its own");
}

#[test]
fn thread_locals_are_dropped_at_the_end_of_their_thread_and_where_it_is_killed() {
    let gone = Arc::new(Mutex::new(Vec::new()));
    let failure = run(1, |sim| {
        let (host, gone) = (sim.host("host"), gone.clone());
        let waits = gone.clone();
        sim.server(host, "waits", move |k| {
            LEFT.set(Some(Leaves(waits, "killed")));
            sleep(k, Duration::from_secs(1000));
        });
        sim.client(host, "client", move |k| {
            let seen = gone.clone();
            let left = gone.clone();
            let child = thread::spawn(k, "child", move || LEFT.set(Some(Leaves(left, "ended"))));
            child.unwrap().join();
            assert_eq!(*seen.lock().unwrap(), ["ended"], "before it is joined");
        });
    });
    assert_eq!(failure, None);
    assert_eq!(*gone.lock().unwrap(), ["ended", "killed"]);
}

#[test]
fn a_thread_local_may_hold_what_makes_calls_when_it_is_dropped() {
    thread_local!(static STREAM: RefCell<Option<TcpListener<eagain_sim::SimKernel>>> = const { RefCell::new(None) });
    for seed in 0..50 {
        let failure = run(seed, |sim| {
            let host = sim.host("host");
            // The end of the process meets the thread where its listener is closed.
            sim.client(host, "main", |k| {
                let open = move || {
                    let address = SocketAddr::from(([0, 0, 0, 0], 0));
                    STREAM.set(Some(TcpListener::bind(k, address).unwrap()));
                };
                let child = thread::spawn(k, "child", open).unwrap();
                sleep(k, Duration::from_micros(eagain_sim::choose("wait", 0, 30)));
                if eagain_sim::choose("join", 0, 1) == 1 {
                    child.join();
                }
            });
        });
        assert_eq!(failure, None);
    }
}

/// A guard whose drop makes calls, each of them a place where others run.
struct Calls<K: Kernel>(K);

impl<K: Kernel> Drop for Calls<K> {
    fn drop(&mut self) {
        for _ in 0..10 {
            sleep(self.0, Duration::from_micros(3));
        }
    }
}

#[test]
fn threads_that_panic_at_the_same_time_unwind_each_by_itself() {
    for seed in 0..50 {
        let failure = run(seed, |sim| {
            let host = sim.host("host");
            for name in ["one", "two"] {
                let process = sim.client(host, name, |k| {
                    let workers = [(); 3].map(|()| {
                        thread::spawn(k, "worker", move || {
                            let _calls = Calls(k);
                            if k.gettid().0 != 0 {
                                panic!("all of them");
                            }
                        })
                    });
                    let none = workers.map(|worker| worker.unwrap().join().is_none());
                    assert_eq!(none, [true; 3]);
                    let _calls = Calls(k);
                    panic!("and main");
                });
                sim.may_panic(process);
            }
        });
        assert_eq!(failure, None);
    }
}

#[test]
fn a_mutex_of_std_is_poisoned_by_its_own_thread_alone() {
    for seed in 0..50 {
        let failure = run(seed, |sim| {
            let host = sim.host("host");
            let panics = sim.client(host, "panics", |k| {
                let _calls = Calls(k);
                panic!("expected");
            });
            sim.may_panic(panics);
            sim.client(host, "bystander", |k| {
                let mutex = Mutex::new(());
                for _ in 0..20 {
                    let held = mutex.lock().expect("nobody panicked here");
                    sleep(k, Duration::from_micros(2));
                    assert!(!std::thread::panicking());
                    drop(held);
                }
            });
        });
        assert_eq!(failure, None);
    }
}

fn bad_request() {
    panic!("one bad request")
}
const BAD_REQUEST: u32 = line!() - 2;

fn worker_panics(
    after: impl Fn(eagain_sim::SimKernel, thread::JoinHandle<eagain_sim::SimKernel, ()>) + Copy + Send + 'static,
) -> Option<Failure> {
    run(3, move |sim| {
        let host = sim.host("host");
        sim.client(host, "program", move |k| {
            let worker = thread::spawn(k, "worker", bad_request).unwrap();
            after(k, worker);
            sleep(k, Duration::from_millis(1));
        });
    })
}

#[test]
fn a_panic_that_is_joined_is_the_programs_own_business() {
    assert_eq!(worker_panics(|_, worker| assert_eq!(worker.join(), None)), None);
}

#[test]
fn a_panic_that_nobody_joins_breaks_survival_at_its_place() {
    for failure in [
        worker_panics(|_, worker| drop(worker)),
        // Dropped after the panic.
        worker_panics(|k, worker| {
            sleep(k, Duration::from_millis(1));
            drop(worker);
        }),
        // Neither joined nor dropped when the run ends.
        worker_panics(|_, worker| std::mem::forget(worker)),
        // What breaks later counts as a consequence.
        worker_panics(|k, worker| {
            sleep(k, Duration::from_millis(1));
            eagain_sim::fail("O1", "later", format!("{:?}", worker.thread()));
        }),
    ] {
        let failure = failure.unwrap();
        assert_eq!((failure.oracle.code(), &*failure.thread), ("O16", "program/worker"));
        assert_eq!(failure.site, format!("sim/tests/threads.rs:{BAD_REQUEST}"));
        assert!(failure.message.starts_with("program/0.1:worker panicked: one bad request"));
        assert!(failure.time < 1_000_000);
    }
}

#[test]
fn a_thread_that_panics_ends_alone_and_the_main_thread_ends_its_process() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let failure = run(5, |sim| {
        let (host, seen) = (sim.host("host"), seen.clone());
        let process = sim.client(host, "program", move |k| {
            let said = seen.clone();
            let _goes_on = thread::spawn(k, "other", move || {
                sleep(k, Duration::from_millis(2));
                said.lock().unwrap().push("after the worker");
                sleep(k, Duration::from_millis(9));
                said.lock().unwrap().push("after main");
            });
            let worker = thread::spawn(k, "worker", || panic!("the worker")).unwrap();
            assert_eq!(worker.join(), None);
            sleep(k, Duration::from_millis(5));
            panic!("main");
        });
        sim.may_panic(process);
        sim.run();
        assert_eq!(sim.exit_status(process), Some(101));
    });
    assert_eq!(failure, None);
    assert_eq!(*seen.lock().unwrap(), ["after the worker"]);
}

#[test]
fn a_thread_that_is_killed_while_it_unwinds_has_panicked() {
    let gone = Arc::new(Mutex::new(Vec::new()));
    for seed in 0..20 {
        let failure = run(seed, |sim| {
            let (host, gone) = (sim.host("host"), gone.clone());
            sim.client(host, "program", move |k| {
                let worker = move || {
                    let _leaves = Leaves(gone, "unwound");
                    let _calls = Calls(k);
                    bad_request();
                };
                let _not_joined = thread::spawn(k, "worker", worker).unwrap();
                sleep(k, Duration::from_micros(60));
            });
        });
        assert_eq!(failure.map(|failure| failure.site), Some(format!("sim/tests/threads.rs:{BAD_REQUEST}")));
    }
    assert_eq!(gone.lock().unwrap().len(), 20);
}

#[test]
fn a_killed_thread_that_catches_what_unwinds_it_is_unwound_all_the_same() {
    let failure = run(2, |sim| {
        let host = sim.host("host");
        sim.server(host, "server", |k| {
            loop {
                // A pool that survives the panics of its tasks.
                let _ = std::panic::catch_unwind(|| sleep(k, Duration::from_secs(1)));
            }
        });
        sim.client(host, "client", |k| sleep(k, Duration::from_millis(1)));
    });
    assert_eq!(failure, None);
}
