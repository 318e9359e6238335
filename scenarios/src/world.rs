//! The world of a story: our server on a host of its own, with the model, the pattern and the workers that the knobs say,
//! clients on theirs, and an auditor who stays until everybody has gone, so that what is left over can be counted.

use crate::actor::{Client, Stage, must};
use crate::checker;
use crate::history::History;
use crate::workload::Request;
use eagain_net::{Signal, Signals, sleep};
use eagain_server::config::{Config, Model, Pattern};
use eagain_server::server::serve;
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues};
use eagain_sim::{HostId, ProcessId, Sim, SimKernel, fail};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// The knobs of every story about the server.
pub const KNOBS: &[Knob] = &[
    Knob {
        name: "model",
        about: "how the server learns that something can be read or written",
        values: KnobValues::Words(&[
            "epoll",
            "blocking",
            "nonblocking",
            "select",
            "poll",
            "epoll-edge",
            "epoll-oneshot",
            "sigio",
            "aio",
            "io_uring",
            "tokio",
        ]),
    },
    Knob {
        name: "pattern",
        about: "who reads, thinks and writes",
        values: KnobValues::Words(&["reactor", "proactor"]),
    },
    Knob {
        name: "workers",
        about: "threads of the logic unit; 0: logic runs on the I/O thread",
        values: KnobValues::Number { low: 0, high: 16, default: 2 },
    },
    Knob {
        name: "loops",
        about: "I/O threads, each with its own listener and connections",
        values: KnobValues::Number { low: 1, high: 8, default: 1 },
    },
    Knob {
        name: "clients",
        about: "how many clients come",
        values: KnobValues::Number { low: 1, high: 64, default: 3 },
    },
];

/// Where the server listens.
pub const PORT: u16 = 6379;
/// Entries of the server's ring; what it is stands with the server, here it only has to be more than few.
const RING_ENTRIES: u32 = 1024;
/// What the server may hold, in bytes, with whatever few clients do to it: twice of what any story was seen to need.
const MEMORY_MAX: u64 = 1 << 20;
/// How long the auditor stays when everybody has gone: longer than the server waits for anybody.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// A story's world.
pub struct World {
    /// Where the server runs.
    pub host: HostId,
    /// The server's process.
    pub server: ProcessId,
    /// What a client needs.
    pub stage: Stage,
    /// Told when the server was stopped on purpose: its end is then part of the story.
    stopping: Arc<AtomicBool>,
    pid: Arc<AtomicI32>,
    running: Arc<AtomicUsize>,
    clients: u64,
    /// How long the auditor stays when everybody has gone.
    afterwards: Duration,
}

/// A client that is there; who dies in the middle of its play is not.
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
        let server = sim.server(host, "server", move |k| {
            its_pid.store(k.getpid(), SeqCst);
            run_server(k, config, &its_end);
        });
        sim.memory_limit(server, MEMORY_MAX);
        let stage = Stage { server: address, history: History::default() };
        Some(World {
            host,
            server,
            stage,
            stopping,
            pid,
            running: Arc::default(),
            clients: 0,
            afterwards: AFTERWARDS,
        })
    }

    /// The same, with an auditor who stays longer: the server takes its time to let go of something.
    pub fn stay(self, afterwards: Duration) -> World {
        World { afterwards, ..self }
    }

    /// A client on a host of its own. `play` gets its number, counted from 1.
    pub fn client(
        &mut self,
        sim: &mut Sim,
        play: impl FnOnce(SimKernel, &Stage, u64) + Send + 'static,
    ) -> ProcessId {
        self.clients += 1;
        let (number, stage, present) = (self.clients, self.stage.clone(), Present::new(&self.running));
        let name = format!("client-{number}");
        let host = sim.host(&name);
        sim.client(host, &name, move |k| {
            play(k, &stage, number);
            drop(present);
        })
    }

    /// A client whose host may be gone at any of its calls.
    pub fn mortal(&mut self, sim: &mut Sim, play: impl FnOnce(SimKernel, &Stage, u64) + Send + 'static) {
        let client = self.client(sim, play);
        sim.may_vanish(client);
    }

    /// An operator who sends SIGTERM, `patience` after the server was seen to answer.
    pub fn stop_after(&mut self, sim: &mut Sim, patience: impl FnOnce() -> Duration + Send + 'static) {
        let (pid, stopping, stage) = (self.pid.clone(), self.stopping.clone(), self.stage.clone());
        sim.client(self.host, "operator", move |k| {
            // Before its handler is there, the signal would just kill it; a first answer says that it is.
            must(0, Client::connect(k, &stage, 0, "<0.0>".to_owned()).ask(&Request::Ping(b"up?".to_vec())));
            sleep(k, patience());
            stopping.store(true, SeqCst);
            if let Err(errno) = k.kill(pid.load(SeqCst), Signal::SIGTERM) {
                fail("O16", "server gone", format!("it had ended before it was told to: {errno}"));
            }
        });
    }

    /// Runs it to its end, and judges what every story has in common.
    pub fn play(&self, sim: &mut Sim) {
        let (running, afterwards) = (self.running.clone(), self.afterwards);
        let host = sim.host("auditor");
        sim.client(host, "auditor", move |k| {
            while running.load(SeqCst) > 0 {
                sleep(k, Duration::from_millis(500));
            }
            sleep(k, afterwards);
        });
        sim.run();
        if sim.failed() {
            return;
        }
        checker::counter::judge(sim, &self.stage.history);
        if self.stopping.load(SeqCst) {
            checker::stop::judge(sim, self.server);
        } else {
            let loops = sim.number("loops") as usize;
            checker::descriptors::judge(sim, self.server, loops);
        }
    }
}

fn run_server(k: SimKernel, config: Config, stopping: &AtomicBool) {
    // A table that is full at the start is waited out, as an operator would.
    let ended = loop {
        match serve(k, config.clone(), |_| {}) {
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
    let model = Model::NAMES.iter().find(|(name, _)| *name == model).map(|&(_, model)| model);
    let pattern = Pattern::NAMES.iter().find(|(name, _)| *name == pattern).map(|&(_, pattern)| pattern);
    let mut config = Config {
        listen: ([0, 0, 0, 0], PORT).into(),
        model: model.unwrap_or_default(),
        pattern: pattern.unwrap_or_default(),
        workers: sim.number("workers") as usize,
        loops: sim.number("loops") as usize,
        ..Config::default()
    };
    perturb(sim, &mut config);
    adjust(&mut config);
    config.check().map_err(|error| error.to_string())?;
    if config.model == Model::Tokio {
        return Err("tokio: not on this kernel".to_owned());
    }
    Ok(config)
}

/// Settings that may be as small as they can be, where the run chooses so: queues and batches that are always full.
fn perturb(sim: &mut Sim, config: &mut Config) {
    let mut small = |name: &str, setting: &mut usize| {
        *setting = sim.perturbed(name, *setting as u64, 1) as usize;
    };
    let limits = &mut config.limits;
    small("request-queue", &mut limits.queue_length_max);
    small("requests-per-turn", &mut limits.requests_per_turn_max);
    small("in-flight", &mut limits.in_flight_max);
    small("output-high", &mut limits.output_bytes_high);
    if config.model == Model::IoUring {
        // An operation under way needs an entry only until it is submitted.
        let entries = sim.perturbed("ring-entries", u64::from(RING_ENTRIES), 1);
        config.depth = if entries == u64::from(RING_ENTRIES) { 0 } else { entries as u32 };
    }
}
