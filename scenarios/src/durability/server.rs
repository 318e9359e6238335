//! A server that begins again whenever it ends, on a disk that keeps what was synced. The scenarios of `crate::cluster`
//! have several of them.

use eagain_net::*;
use eagain_server::config::Config;
use eagain_server::server::{ServeError, serve_with_log};
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::{HostId, ProcessId, Sim, SimKernel, fail, sometimes};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// Where every server listens.
pub const PORT: u16 = 6379;
/// From then on faults have stopped, and everything has to work again.
pub const QUIET_NS: u64 = 25_000_000_000;
/// Recovery has met a torn batch.
pub const TORN: &str = "a torn batch was dropped";
/// A write was refused for want of room.
pub const FULL: &str = "a full disk refused a write";
/// A write was refused because nobody knows what the disk has.
pub const SYNC_FAILED: &str = "a failed sync refused a write";
/// A server has answered that an outcome is unknown.
pub const UNKNOWN: &str = "a server said that it did not know";

/// Marks only where it holds: whether that has to happen is said by [`expect`].
pub(super) fn reached(mark: &'static str, holds: bool) {
    if holds {
        sometimes(mark, true);
    }
}

/// Paths that some seed of a sweep of this scenario has to take.
pub fn expect(sim: &mut Sim, marks: &'static [&'static str]) {
    let host = sim.host("expectation");
    sim.client(host, "expectation", move |_| marks.iter().for_each(|mark| sometimes(mark, false)));
}

/// A server.
#[derive(Clone)]
pub struct Server {
    /// Where.
    pub host: HostId,
    /// Its process, through all its starts.
    pub process: ProcessId,
    /// Its current number, for signals.
    pub pid: Arc<AtomicI32>,
    /// How often it has begun again.
    pub incarnation: Arc<AtomicU64>,
}

/// Runs a server as its configuration says, until it ends; `log` gets its lines for the operator.
pub type Serve = fn(SimKernel, Config, &dyn Fn(&str)) -> Result<(), ServeError>;

/// The server as it is.
pub const SHIPPED: Serve = |k, config, log| serve_with_log(k, config, log, |_| {});

/// A configuration with an engine that keeps its data on the host's disk.
pub fn persistent(storage: Engine, policy: SyncPolicy) -> Config {
    Config {
        listen: ([0, 0, 0, 0], PORT).into(),
        storage,
        directory: "/data".to_owned(),
        sync_policy: policy,
        ..Config::default()
    }
}

/// A server that begins again whenever it ends, for whatever reason, as an operator's supervisor would have it.
pub fn server(sim: &mut Sim, host: HostId, name: &str, config: Config, serve: Serve) -> Server {
    let pid = Arc::new(AtomicI32::new(0));
    let incarnation = Arc::new(AtomicU64::new(0));
    let (its_pid, its_incarnation) = (pid.clone(), incarnation.clone());
    let process = sim.server_restarting(host, name, move |k, incarnation| {
        its_pid.store(k.getpid(), SeqCst);
        reached("a server began again", incarnation > 0);
        loop {
            its_incarnation.fetch_add(1, SeqCst);
            let report = |line: &str| reached(TORN, line.contains("torn batch"));
            match serve(k, config.clone(), &report) {
                Ok(()) => sometimes!("a server was asked to stop and began again", true),
                Err(error @ (ServeError::Damaged(_) | ServeError::Refused(_))) => {
                    return fail("O9", "recovery refused", error.to_string());
                }
                Err(_) => sometimes!("a server did not start", true),
            }
            sleep(k, Duration::from_millis(50));
        }
    });
    Server { host, process, pid, incarnation }
}

/// One server that keeps its data, on a host of its own, and where clients find it.
pub fn durable(sim: &mut Sim, storage: Engine, policy: SyncPolicy, serve: Serve) -> (Server, SocketAddr) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    (server(sim, host, "server", persistent(storage, policy), serve), address)
}
