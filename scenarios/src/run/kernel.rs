//! Runs a script on the simulated kernel: our server on a host of its own, with the model, the pattern and the workers that
//! the knobs say, clients on theirs, and an observer who stays until everybody has gone, so that what is left can be counted.

use super::operator;
use crate::checker;
use crate::client::{Client, Context, OnKernel, wait};
use crate::history::History;
use crate::script::{PORT, Script, Setup};
use crate::workload::Request;
use eagain_net::model::ModelKind;
use eagain_net::{Signal, Signals, sleep};
use eagain_server::config::{Config, Pattern};
use eagain_server::server::{ServeError, serve};
use eagain_sim::fault::Family;
use eagain_sim::{HostId, ProcessId, Sim, SimKernel, USUAL_FAULTS, choose, control, fail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Entries of the server's ring; what it is stands with the server, here it only has to be more than few.
const RING_ENTRIES: u32 = 1024;
/// What the server may hold, in bytes, with whatever few clients do to it: twice of what any scenario was seen to need.
const MEMORY_MAX: u64 = 1 << 20;

/// A server in the place of ours.
pub type Served = fn(SimKernel, Config) -> Result<(), ServeError>;

/// Runs `setup` of `script`, and checks it. `mutate`: what else is special about the server, which the script does not say.
pub(crate) fn run(sim: &mut Sim, script: &Script, setup: &Setup, mutate: fn(&mut Config)) {
    run_on(sim, script, setup, mutate, None);
}

/// As [`run`], on another server than ours where one is given.
pub(crate) fn run_on(
    sim: &mut Sim,
    script: &Script,
    setup: &Setup,
    mutate: fn(&mut Config),
    served: Option<Served>,
) {
    sim.faults(&setup.faults.families(USUAL_FAULTS));
    crate::with_tightest_buffers(sim);
    let configure = |config: &mut Config| {
        (setup.config)(config);
        mutate(config);
    };
    let Some(mut world) = World::serving(sim, served, configure) else { return };
    (setup.host)(sim, world.server);
    let knob = sim.number("clients");
    for clients in setup.clients {
        for _ in 0..clients.count(knob) {
            let (behaviour, may_disappear) = (clients.behaviour, clients.may_disappear);
            let client = world.client(sim, async move |context| {
                let done = behaviour.run(&context).await;
                if !may_disappear {
                    context.must(done);
                }
            });
            if may_disappear {
                sim.may_disappear(client);
            }
        }
    }
    if setup.is_stopped {
        world.stop(sim);
    }
    world.run(sim, setup.observed_for);
    if !sim.failed() {
        (script.check)(sim, &world.history);
    }
}

/// A server, and its clients so far.
pub struct World {
    /// Where the server runs.
    pub host: HostId,
    /// The server's process.
    pub server: ProcessId,
    /// What clients asked and saw.
    pub history: History,
    address: SocketAddr,
    /// The server was stopped on purpose: its end is then no failure.
    stopping: Arc<AtomicBool>,
    pid: Arc<AtomicI32>,
    running: Arc<AtomicUsize>,
    clients: u64,
    /// Unix sockets of the server.
    paths: usize,
    /// Another server than ours may have more descriptors open.
    is_ours: bool,
}

/// A client that is there; one whose host disappears is not.
struct Present(Arc<AtomicUsize>);

impl Present {
    fn new(running: &Arc<AtomicUsize>) -> Present {
        running.fetch_add(1, SeqCst);
        Present(running.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl World {
    /// A world with the server in it. `None`: the settings make no sense together, and the run is refused.
    pub fn new(sim: &mut Sim, adjust: impl FnOnce(&mut Config)) -> Option<World> {
        World::serving(sim, None, adjust)
    }

    /// As [`World::new`], with another server than ours where one is given.
    pub fn serving(sim: &mut Sim, served: Option<Served>, adjust: impl FnOnce(&mut Config)) -> Option<World> {
        sim.also(&[Family::Knob]);
        let config = match configuration(sim, adjust) {
            Ok(config) => config,
            Err(why) => {
                sim.refuse(why);
                return None;
            }
        };
        let host = sim.host("server");
        let address = sim.address(host, PORT);
        let stopping = Arc::new(AtomicBool::new(false));
        let pid = Arc::new(AtomicI32::new(0));
        let (its_end, its_pid) = (stopping.clone(), pid.clone());
        let paths = usize::from(!config.unix_socket.is_empty());
        let server = sim.server(host, "server", move |k| {
            its_pid.store(k.getpid(), SeqCst);
            run_server(k, config, served, &its_end);
        });
        sim.memory_limit(server, MEMORY_MAX);
        let history = History::default();
        Some(World {
            host,
            server,
            history,
            address,
            stopping,
            pid,
            running: Arc::default(),
            clients: 0,
            paths,
            is_ours: served.is_none(),
        })
    }

    /// A client on a host of its own. Clients are numbered from 1.
    pub fn client<F: Future<Output = ()>>(
        &mut self,
        sim: &mut Sim,
        body: impl FnOnce(Context<OnKernel>) -> F + Send + 'static,
    ) -> ProcessId {
        let name = format!("client-{}", self.clients + 1);
        let host = sim.host(&name);
        self.client_on(sim, host, &name, body)
    }

    /// As [`World::client`], on the server's host.
    pub fn neighbour<F: Future<Output = ()>>(
        &mut self,
        sim: &mut Sim,
        body: impl FnOnce(Context<OnKernel>) -> F + Send + 'static,
    ) -> ProcessId {
        let name = format!("neighbour-{}", self.clients + 1);
        self.client_on(sim, self.host, &name, body)
    }

    fn client_on<F: Future<Output = ()>>(
        &mut self,
        sim: &mut Sim,
        host: HostId,
        name: &str,
        body: impl FnOnce(Context<OnKernel>) -> F + Send + 'static,
    ) -> ProcessId {
        self.clients += 1;
        let (context, present) = (self.context(self.clients), Present::new(&self.running));
        sim.client(host, name, move |k| {
            wait(body(context(k)));
            drop(present);
        })
    }

    fn context(&self, number: u64) -> impl FnOnce(SimKernel) -> Context<OnKernel> + Send + use<> {
        let (server, history) = (self.address, self.history.clone());
        move |k| Context { runtime: OnKernel { k, server }, number, history, ends_anywhere: false }
    }

    /// An operator who sends SIGTERM a while after the server was seen to answer.
    fn stop(&mut self, sim: &mut Sim) {
        let (pid, stopping, context) = (self.pid.clone(), self.stopping.clone(), self.context(0));
        sim.client(self.host, "operator", move |k| {
            let context = context(k);
            // Before its handler is there, the signal would just kill it; a first answer says that it is.
            let mut client = wait(Client::connect(&context, 0));
            context.must(wait(client.ask(&Request::Ping(b"up?".to_vec()))));
            drop(client);
            sleep(k, Duration::from_micros(choose("patience", 100, 50_000)));
            stopping.store(true, SeqCst);
            operator::send(k, &pid, Signal::SIGTERM);
        });
    }

    /// An operator who sends SIGTERM after so long. The server has to have ended soon after (O14).
    pub fn stop_within(&self, sim: &mut Sim, after: Duration, within: Duration) {
        let (pid, stopping, server) = (self.pid.clone(), self.stopping.clone(), self.server);
        sim.client(self.host, "operator", move |k| {
            sleep(k, after);
            stopping.store(true, SeqCst);
            operator::send(k, &pid, Signal::SIGTERM);
            sleep(k, within);
            if control::is_running(server) {
                fail("O14", "stopped late", format!("it runs {within:?} after it was asked to stop"));
            }
        });
    }

    /// As [`operator::stop_while_stopped`].
    pub fn stop_while_stopped(
        &self,
        sim: &mut Sim,
        begun: impl Fn() -> bool + Send + 'static,
        at: Arc<AtomicU64>,
        after: Duration,
    ) {
        let (pid, stopping) = (self.pid.clone(), self.stopping.clone());
        let stop = operator::Stop { host: self.host, pid, at, after };
        operator::stop_while_stopped(sim, stop, begun, move || stopping.store(true, SeqCst));
    }

    /// Runs it to its end, `observed_for` longer than any client, and checks what every scenario has in common.
    pub fn run(&self, sim: &mut Sim, observed_for: Duration) {
        let running = self.running.clone();
        let host = sim.host("auditor");
        sim.client(host, "auditor", move |k| {
            while running.load(SeqCst) > 0 {
                sleep(k, Duration::from_millis(500));
            }
            sleep(k, observed_for);
        });
        sim.run();
        if sim.failed() {
            return;
        }
        checker::counter::check(sim, &self.history);
        if self.stopping.load(SeqCst) {
            checker::stop::check(sim, self.server);
        } else if self.is_ours {
            let loops = sim.number("loops") as usize;
            checker::descriptors::check(sim, self.server, loops, self.paths);
        }
    }
}

fn run_server(k: SimKernel, config: Config, served: Option<Served>, stopping: &AtomicBool) {
    // A table that is full at the start is waited out, as an operator would.
    let ended = loop {
        let ended = match served {
            Some(served) => served(k, config.clone()),
            None => serve(k, config.clone(), |_| {}),
        };
        match ended {
            Err(error) if error.to_string().contains("EMFILE") => sleep(k, Duration::from_millis(100)),
            ended => break ended,
        }
    };
    match ended {
        Ok(()) if stopping.load(SeqCst) => {}
        Ok(()) => fail("O16", "server ended", "nobody asked it to".to_owned()),
        Err(error) => fail("O16", "server failed", error.to_string()),
    }
}

/// The server's configuration as the knobs say, or why it makes no sense.
fn configuration(sim: &mut Sim, adjust: impl FnOnce(&mut Config)) -> Result<Config, String> {
    let (model, pattern) = (sim.word("model"), sim.word("pattern"));
    let model = model.parse().ok();
    let pattern = Pattern::NAMES.iter().find(|(name, _)| *name == pattern).map(|&(_, pattern)| pattern);
    let mut config = Config {
        listen: ([0, 0, 0, 0], PORT).into(),
        model: model.unwrap_or_default(),
        pattern: pattern.unwrap_or_default(),
        workers: sim.number("workers") as usize,
        loops: sim.number("loops") as usize,
        ..Config::default()
    };
    fuzz(sim, &mut config);
    adjust(&mut config);
    config.check().map_err(|error| error.to_string())?;
    if config.model == ModelKind::Tokio {
        return Err("tokio: not on this kernel".to_owned());
    }
    Ok(config)
}

/// Settings that may be as small as they can be, where the run chooses so: queues and batches that are always full.
fn fuzz(sim: &mut Sim, config: &mut Config) {
    let mut small = |name: &str, setting: &mut usize| {
        *setting = sim.fuzzed_setting(name, *setting as u64, 1) as usize;
    };
    let limits = &mut config.limits;
    small("request-queue", &mut limits.queue_length_max);
    small("requests-per-turn", &mut limits.requests_per_turn_max);
    small("in-flight", &mut limits.in_flight_max);
    small("output-high", &mut limits.output_bytes_high);
    // None, or a few.
    config.busy_polls = 5 - sim.fuzzed_setting("busy-polls", 5, 1) as u32;
    if config.model == ModelKind::IoUring {
        // An operation under way needs an entry only until it is submitted.
        let entries = sim.fuzzed_setting("ring-entries", u64::from(RING_ENTRIES), 1);
        config.depth = if entries == u64::from(RING_ENTRIES) { 0 } else { entries as u32 };
    }
}
