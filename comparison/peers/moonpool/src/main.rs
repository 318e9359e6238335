//! The comparison's worlds on moonpool-sim: its executor and its simulated network, stepped as its own orchestrator does.

use comparison_work::command::{self, Setting};
use comparison_work::net::{Draws, Net, Peer};
use moonpool_sim::executor::{Executor, spawn, until_stalled};
use moonpool_sim::sim::{reset_sim_rng, set_config_seed, set_select_seed, set_sim_seed};
use moonpool_sim::{
    ConnectFailureMode, NetworkConfiguration, NetworkProvider, SimNetworkProvider, SimTimeProvider, SimWorld,
    TcpListenerTrait, TimeProvider, buggify_init, buggify_reset,
};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

const SERVER: &str = "10.0.0.1:7";

#[derive(Clone)]
struct Process {
    network: SimNetworkProvider,
    time: SimTimeProvider,
    draws: Draws,
    /// Somebody has connected and is not accepted yet: there is room for one.
    waiting: Arc<AtomicBool>,
}

impl Net for Process {
    type Listener = <SimNetworkProvider as NetworkProvider>::TcpListener;
    type Stream = Compat<<SimNetworkProvider as NetworkProvider>::TcpStream>;

    async fn listen(&self) -> io::Result<Self::Listener> {
        self.network.bind(SERVER).await
    }

    async fn accept(&self, listener: &Self::Listener) -> io::Result<Self::Stream> {
        let (stream, _) = listener.accept().await?;
        self.waiting.store(false, Ordering::Relaxed);
        Ok(stream.compat())
    }

    async fn connect(&self) -> io::Result<Self::Stream> {
        while self.waiting.swap(true, Ordering::Relaxed) {
            self.sleep(Duration::from_micros(10)).await;
        }
        let connected = self.network.connect(SERVER).await;
        if connected.is_err() {
            self.waiting.store(false, Ordering::Relaxed);
        }
        Ok(connected?.compat())
    }

    async fn sleep(&self, time: Duration) {
        // It can only fail when the world is gone.
        let _ = self.time.sleep(time).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Dropping the handle lets the task run on.
        drop(spawn("task", task));
    }

    fn choose(&self, _name: &'static str, low: u64, high: u64) -> u64 {
        self.draws.choose(low, high)
    }
}

enum Moonpool {
    /// Microseconds of latency, nothing goes wrong.
    FastLocal,
    /// Its swarm of faults, without those that no program on TCP has to bear: flipped bits, and connections that are closed
    /// or never made (the programs here have no timeouts for these).
    Hard,
}

impl Peer for Moonpool {
    type Net = Process;

    /// A clog of its swarm may take half a second, and there may be one a write.
    fn stuck_after(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn run<S, C>(
        &self,
        seed: u64,
        clients: usize,
        server: impl Fn(Process) -> S + Clone + Send + Sync + 'static,
        client: impl Fn(Process, usize) -> C + Clone + Send + Sync + 'static,
    ) -> Result<(), String>
    where
        S: Future<Output = ()> + Send + 'static,
        C: Future<Output = Result<(), String>> + Send + 'static,
    {
        reset_sim_rng();
        set_sim_seed(seed);
        set_config_seed(seed);
        set_select_seed(seed);
        let config = match self {
            Moonpool::FastLocal => {
                buggify_reset();
                NetworkConfiguration::fast_local()
            }
            Moonpool::Hard => {
                buggify_init(0.5, 0.25);
                let mut config = NetworkConfiguration::swarm_for_seed();
                config.chaos.bit_flip_probability = 0.0;
                config.chaos.random_close_probability = 0.0;
                config.chaos.partition_probability = 0.0;
                config.chaos.connect_failure_mode = ConnectFailureMode::Disabled;
                config
            }
        };
        let mut sim = SimWorld::new_with_network_config_and_seed(config, seed);
        let process = Process {
            network: sim.network_provider(),
            time: sim.time_provider(),
            draws: Draws::new(seed),
            waiting: Arc::default(),
        };
        Executor::new(seed).block_on(async move {
            drop(spawn("server", server(process.clone())));
            let all: Vec<_> =
                (0..clients).map(|which| spawn("client", client(process.clone(), which))).collect();
            loop {
                until_stalled().await;
                if all.iter().all(|one| one.is_finished()) {
                    break;
                }
                if !sim.has_pending_events() {
                    return Err("nothing can ever run again".to_owned());
                }
                sim.step();
            }
            for one in all {
                one.await.map_err(|error| error.to_string())??;
            }
            Ok(())
        })
    }
}

fn main() -> ExitCode {
    let settings = [Setting { name: "fast_local", trips: 20_000, peer: Moonpool::FastLocal }];
    command::main("moonpool-sim", &settings, |_| Moonpool::Hard)
}
