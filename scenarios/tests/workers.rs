//! A reactor with workers: what its main thread does while a worker has a peer.

use eagain_net::model::ModelKind;
use eagain_net::{ShutdownHow, SocketOption, TcpStream, sleep};
use eagain_scenarios::durability::server::{PORT, SHIPPED, persistent, server};
use eagain_scenarios::run::run;
use eagain_scenarios::server::{graceful_stop, idle_stop};
use eagain_server::config::Config;
use eagain_server::storage_unit::{Engine as Storage, SyncPolicy};
use eagain_sim::fault::Family;
use eagain_sim::run::{Record, RunSpec, Scenario, Settings};
use eagain_sim::trace::Kind;
use eagain_sim::{Engine, Sim, run_spec};
use std::time::Duration;

fn body(sim: &mut Sim) {
    // The main thread is awake for more calls than these only while a worker is held up.
    sim.knobs().spin_limit = 1_000;
    run(sim, &graceful_stop::SCRIPT);
}

/// One worker arms the socket of a peer that is gone, while another is still to take up an event of it: each arming reports once.
/// Once the main thread took such an event for that of a paused socket, and was notified of it until a worker came.
#[test]
fn a_closed_socket_that_was_armed_again_is_paused_again() {
    let scenario = Scenario { body, ..graceful_stop::SCENARIO };
    let mut engine = Engine::new();
    for model in ["epoll", "epoll-edge"] {
        for seed in 0..300 {
            let settings = Settings::from([("model".to_owned(), model.to_owned())]);
            let report = run_spec(&RunSpec::seeded(scenario, settings, seed), &mut engine);
            assert_eq!(report.failure, None, "{model}, seed {seed:#x}");
        }
    }
}

/// A model that asks every socket in each turn fills a short queue with tasks, so that there is no room for the one that says that the
/// server stops: whichever task of a peer comes first does what is due.
#[test]
fn a_stop_needs_no_room_in_the_queue() {
    let mut engine = Engine::new();
    for seed in 0..60 {
        let settings = [("model", "nonblocking"), ("pattern", "reactor"), ("workers", "1"), ("loops", "1")];
        let settings = Settings::from(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let report = run_spec(&RunSpec::seeded(idle_stop::SCENARIO, settings, seed), &mut engine);
        assert_eq!(report.failure, None, "seed {seed:#x}");
    }
}

/// Its client has sent all and resets, while the reply waits for a slow disk: nothing is wanted of the socket then.
fn reset_while_syncing(sim: &mut Sim) {
    sim.knobs().spin_limit = 200;
    sim.faults(&[Family::DiskSlow]);
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let model = if sim.choose("model", 0, 1) == 0 { ModelKind::Epoll } else { ModelKind::EpollEdge };
    let config = Config { model, workers: 2, ..persistent(Storage::Log, SyncPolicy::Always) };
    server(sim, host, "server", config, SHIPPED);
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        for _ in 0..50 {
            sleep(k, Duration::from_millis(100));
            // It may still wait for its own disk to begin.
            let Ok(stream) = TcpStream::connect(k, address) else { continue };
            stream.write_all(b"SET a 1\r\n").expect("there is room");
            stream.shutdown(ShutdownHow::Write).expect("it is connected");
            sleep(k, Duration::from_millis(1));
            stream.set(SocketOption::Linger(Some(0))).expect("a stream has it");
            drop(stream);
        }
    });
    sim.run();
}

/// Once the main thread and a worker notified each other of it until the disk was done.
#[test]
fn a_reset_socket_of_which_nothing_is_wanted_stays_paused() {
    let scenario =
        Scenario { name: "reset-while-syncing", about: "", knobs: &[], seeds: 1, body: reset_while_syncing };
    let mut engine = Engine::new();
    for seed in 0..100 {
        let report = run_spec(&RunSpec::seeded(scenario, Settings::new(), seed), &mut engine);
        assert_eq!(report.failure, None, "seed {seed:#x}");
    }
}

const WRITES: usize = 20;

/// Writes whose replies wait for the disk, one after the other.
fn waits_for_the_disk(sim: &mut Sim) {
    sim.faults(&[]);
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let config =
        Config { model: ModelKind::Epoll, workers: 2, ..persistent(Storage::Log, SyncPolicy::Always) };
    server(sim, host, "server", config, SHIPPED);
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        sleep(k, Duration::from_secs(1));
        let stream = TcpStream::connect(k, address).expect("the server is there");
        for _ in 0..WRITES {
            stream.write_all(b"SET a 1\r\n").expect("it is read");
            let mut reply = [0; 5];
            stream.read_exact(&mut reply).expect("it is answered");
            sleep(k, Duration::from_millis(10));
        }
    });
    sim.run();
}

/// A peer that a worker looks at because the disk is done was not paused for that. Once it was armed again all the same.
#[test]
fn a_peer_that_goes_on_without_an_event_is_not_armed_again() {
    let body = waits_for_the_disk;
    let scenario = Scenario { name: "waits-for-the-disk", about: "", knobs: &[], seeds: 1, body };
    let spec = RunSpec { record: Record::Trace, ..RunSpec::seeded(scenario, Settings::new(), 1) };
    let report = run_spec(&spec, &mut Engine::new());
    assert_eq!(report.failure, None);
    let events = report.trace.expect("it was recorded").events;
    let armed = events.iter().filter(|event| event.kind == Kind::EpollCtl).count();
    // Each write's event pauses the socket and arms it again. The listener and the waker are watched from the start on, the
    // connection is accepted, and ends.
    assert!((2 * WRITES..2 * WRITES + 12).contains(&armed), "{armed} calls of epoll_ctl for {WRITES} writes");
}
