//! How a scenario of one server runs: the server, a nemesis who kills it or cuts its power, clients, and the check.

use super::client::{CLIENT_TIMEOUT, Client, clients};
use super::prefix;
use super::server::{FULL, QUIET_NS, Serve, Server, durable, expect, reached};
use super::workload::{Outcome, check};
use eagain_net::{Instant, now, sleep};
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::fault::Family;
use eagain_sim::{Sim, USUAL_FAULTS, choose, control, fail};
use std::time::Duration;

/// The disk is full for a while.
pub const FULL_DISK: &[Family] = &[Family::DiskSpace, Family::HostPower, Family::DiskTorn];
/// A sync fails.
pub const FAILING_SYNC: &[Family] = &[Family::DiskSync, Family::HostPower, Family::DiskTorn];
/// The power fails, and the process may be killed before.
pub const POWER: &[Family] = &[Family::HostPower, Family::DiskTorn, Family::DiskSlow, Family::ProcessKill];

/// Allows these families besides the usual ones, up to [`QUIET_NS`].
pub fn allow(sim: &mut Sim, more: &[Family]) {
    sim.faults(&[USUAL_FAULTS, more].concat());
    crate::with_tightest_buffers(sim);
    sim.quiet_after(QUIET_NS);
}

/// A server that syncs before every reply, and three clients whose history has to be linearizable.
pub fn run(sim: &mut Sim, engine: Engine, faults: &[Family], serve: Serve) {
    allow(sim, faults);
    let (server, address) = durable(sim, engine, SyncPolicy::Always, serve);
    nemesis(sim, &server, 0, if faults.contains(&Family::HostPower) { cut_power } else { kill });
    let history = clients(sim, address, 3, 30, CLIENT_TIMEOUT);
    sim.run();
    check(sim, &history);
}

/// A second's batches are not synced when the power fails, so that something is there to be torn.
pub fn torn_tail(sim: &mut Sim, serve: Serve) {
    allow(sim, &[Family::HostPower, Family::DiskTorn]);
    let server = prefix::build(sim, Engine::Log, serve);
    nemesis(sim, &server, 4, cut_power);
    sim.run();
}

/// The power of the server's host fails.
pub fn cut_power(server: &Server) {
    control::crash(server.host);
}

/// The server is killed.
pub fn kill(server: &Server) {
    control::kill(server.process);
}

/// Strikes in the middle of the load, `least` to 8 times.
pub fn nemesis(sim: &mut Sim, server: &Server, least: u64, strike: fn(&Server)) {
    let host = sim.host("nemesis");
    let server = server.clone();
    sim.client(host, "nemesis", move |k| {
        for _ in 0..choose("crashes", least, 8) {
            sleep(k, Duration::from_micros(choose("within", 0, 1000) << choose("scale", 0, 5)));
            strike(&server);
            // Clients learn of it by their timeout; by then load begins again.
            sleep(k, CLIENT_TIMEOUT);
        }
    });
}

/// A disk that is full again and again while a client writes. When it has room for good and nobody has asked anything for a
/// while, the first write succeeds, without a restart.
pub fn room_again(sim: &mut Sim, engine: Engine, policy: SyncPolicy, serve: Serve) {
    allow(sim, &[Family::DiskSpace]);
    expect(sim, &[FULL]);
    let (_, address) = durable(sim, engine, policy, serve);
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        let mut client = Client::new(k, address, 1, CLIENT_TIMEOUT);
        let value = [b'x'; 2000];
        while now(k) < Instant(QUIET_NS) {
            let outcome = client.ask(&[b"SET", format!("key:{}", choose("key", 0, 9)).as_bytes(), &value]);
            if let Outcome::Refused(text) = outcome {
                reached(FULL, text.contains("disk is full"));
            }
            sleep(k, Duration::from_millis(1 << choose("pause", 0, 10)));
        }
        sleep(k, Duration::from_secs(60));
        let outcome = client.ask(&[b"SET", b"last", &value]);
        if !matches!(outcome, Outcome::Answered(_)) {
            fail(
                "O6",
                "not healed",
                format!("a minute after the end of faults a write ends so: {outcome:?}"),
            );
        }
    });
    sim.run();
}
