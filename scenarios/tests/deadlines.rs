//! Who has waited for the server, or has been busy with its replies, was not idle, however short `timeout` is.

use eagain_net::model::ModelKind;
use eagain_net::{Result, SocketAddr, TcpStream, now, sleep};
use eagain_scenarios::durability::replaced::{Log, LogDefect, with_log};
use eagain_scenarios::durability::server::{persistent, server};
use eagain_scenarios::script::PORT;
use eagain_server::config::{Config, Pattern};
use eagain_server::server::serve;
use eagain_server::storage_unit::durable::Backend;
use eagain_server::storage_unit::{Engine as Storage, SyncPolicy};
use eagain_sim::run::{RunSpec, Scenario, Settings};
use eagain_sim::{Engine, Sim, SimKernel, run_spec};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
/// `timeout`.
const IDLE_NS: u64 = 2 * SECOND;
/// Longer than that.
const LONG: Duration = Duration::from_secs(5);

/// The log of a disk that takes long to sync.
#[derive(Default)]
struct SyncsSlowly;

impl LogDefect for SyncsSlowly {
    fn sync(&mut self, log: &mut Log) -> Result<()> {
        sleep(SimKernel, LONG);
        log.sync()
    }
}

/// The model, the pattern and the number of workers of a run.
fn choose_server(sim: &mut Sim) -> (ModelKind, Pattern, usize) {
    let models = [ModelKind::Blocking, ModelKind::Epoll, ModelKind::IoUring];
    let model = models[sim.choose("model", 0, models.len() as u64 - 1) as usize];
    let pattern = match model {
        ModelKind::Blocking => Pattern::Reactor,
        ModelKind::IoUring => Pattern::Proactor,
        _ => [Pattern::Reactor, Pattern::Proactor][sim.choose("pattern", 0, 1) as usize],
    };
    (model, pattern, sim.choose("workers", 0, 2) as usize)
}

fn connect(k: SimKernel, address: SocketAddr) -> TcpStream<SimKernel> {
    loop {
        match TcpStream::connect(k, address) {
            Ok(stream) => return stream,
            Err(_) => sleep(k, Duration::from_micros(10)),
        }
    }
}

fn expect(stream: &TcpStream<SimKernel>, reply: &[u8]) {
    let mut got = vec![0; reply.len()];
    let came = stream.read_exact(&mut got);
    assert_eq!((came, got.as_slice()), (Ok(true), reply), "at {:?}", now(SimKernel));
}

fn hold(name: &'static str, body: fn(&mut Sim)) {
    let scenario =
        Scenario { name, about: "nobody is closed as idle who is not", knobs: &[], seeds: 1, body };
    let mut engine = Engine::new();
    for seed in 0..60 {
        let spec = RunSpec::seeded(scenario, Settings::new(), seed);
        assert_eq!(run_spec(&spec, &mut engine).failure, None, "{name}, seed {seed:#x}");
    }
}

/// Takes a large reply so late that sending it takes longer than `timeout`, and asks again.
fn takes_slowly(sim: &mut Sim) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    // Time is measured: nothing happens that takes any.
    sim.faults(&[]);
    let (model, pattern, workers) = choose_server(sim);
    let mut config =
        Config { listen: ([0, 0, 0, 0], PORT).into(), model, pattern, workers, ..Config::default() };
    config.limits.idle_timeout_ns = IDLE_NS;
    sim.server(host, "server", move |k| serve(k, config, |_| {}).expect("a server that nobody stops"));
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        let stream = connect(k, address);
        stream.set_recv_buffer(2048).expect("an open socket");
        // More than the server's socket holds.
        let length = 6 << 20;
        let value = "x".repeat(length);
        let request = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${length}\r\n{value}\r\n");
        stream.write_all(request.as_bytes()).expect("it is read");
        expect(&stream, b"+OK\r\n");
        stream.write_all(b"GET k\r\n").expect("it is read");
        sleep(k, LONG);
        expect(&stream, format!("${length}\r\n{value}\r\n").as_bytes());
        // Nobody is idle at once.
        sleep(k, Duration::from_nanos(IDLE_NS / 2));
        stream.write_all(b"PING\r\n").expect("it is read");
        expect(&stream, b"+PONG\r\n");
    });
    sim.run();
}

/// Waits longer than `timeout` until a write is safe, and asks again.
fn waits_for_the_disk(sim: &mut Sim) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    // Time is measured: nothing happens that takes any.
    sim.faults(&[]);
    let (model, pattern, workers) = choose_server(sim);
    let mut config = Config { model, pattern, workers, ..persistent(Storage::Log, SyncPolicy::Always) };
    config.limits.idle_timeout_ns = IDLE_NS;
    server(sim, host, "server", config, with_log::<SyncsSlowly>);
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        let stream = connect(k, address);
        stream.write_all(b"SET k v\r\n").expect("it is read");
        expect(&stream, b"+OK\r\n");
        sleep(k, Duration::from_nanos(IDLE_NS / 2));
        stream.write_all(b"PING\r\n").expect("it is read");
        expect(&stream, b"+PONG\r\n");
    });
    sim.run();
}

#[test]
fn a_client_that_took_a_slow_reply_is_not_idle() {
    hold("takes-slowly", takes_slowly);
}

#[test]
fn a_client_that_waits_for_a_slow_sync_is_not_idle() {
    hold("waits-for-the-disk", waits_for_the_disk);
}
