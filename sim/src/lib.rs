//! A simulated Linux kernel for servers that are written against `eagain_net`: hosts, network, clocks, files and threads, in
//! which everything that can vary is one recorded choice; with faults, trace, oracles, replay, shrinking, runner and reports.
//!
//! A test declares scenarios with [`scenarios!`], each of which builds its world with [`Sim`]. Programs get a [`SimKernel`], which
//! implements the traits of `eagain_net`. What must hold is said with [`always`], [`sometimes!`], [`eventually!`], [`within`] and
//! [`fail`]; faults are chosen with [`Sim::faults`] and [`Sim::also`] ([`fault`]), or made at a moment with [`control`].
//! [`cli::main`] makes a command of the scenarios. This is one run, without any of that:
//!
//! ```
//! use eagain_net::{TcpListener, TcpStream};
//! use eagain_sim::run::{RunSpec, Scenario};
//! use eagain_sim::{Engine, Sim, always, run_spec};
//!
//! fn body(sim: &mut Sim) {
//!     let host = sim.host("server");
//!     let address = sim.address(host, 7);
//!     sim.server(host, "server", move |kernel| {
//!         let listener = TcpListener::bind(kernel, address).unwrap();
//!         let (stream, _) = listener.accept().unwrap();
//!         stream.write_all(b"hello").unwrap();
//!     });
//!     let host = sim.host("client");
//!     sim.client(host, "client", move |kernel| {
//!         let wait = std::time::Duration::from_millis(1);
//!         let stream: TcpStream<_> = eagain_net::util::connect_retry(kernel, address, 1000, wait).unwrap();
//!         let mut reply = [0; 5];
//!         let whole = stream.read_exact(&mut reply).unwrap();
//!         always("the reply is whole", whole && &reply == b"hello", || format!("{reply:?}"));
//!     });
//!     sim.run();
//! }
//!
//! let scenario = Scenario { name: "hello", about: "what is written arrives", knobs: &[], seeds: 32, body };
//! let spec = RunSpec::seeded(scenario, Default::default(), 7);
//! let report = run_spec(&spec, &mut Engine::new());
//! assert_eq!(report.failure, None);
//! assert_eq!(report.hash, run_spec(&spec, &mut Engine::new()).hash, "a run is a function of its seed");
//! ```
//!
//! # How it is built
//!
//! ```text
//!   cli/         the commands                   testing/  scenarios as tests
//!   report/      a failure explained            replay/   a run that was saved        shrink/   the few choices that matter
//!   runner/      many runs on all cores
//!   sim          a scenario builds its world; control and assertions: what it does and says while it runs
//!   kernel/      the traits of `eagain_net`, a file each; entry: a call takes its place in time, acts, is charged, recorded
//!     stack/       threads as coroutines; the cell in which a thread finds its world
//!       syscall/     what each call does, argument checks in Linux's order
//!       world/       the components together: processes and hosts, their lifecycle, who is woken by what
//!         network/     sockets, connections, ports, links; reports readiness and wakes nobody
//!         scheduler/   threads with their own times, and the queue of planned events
//!         object/      open files: epoll sets, rings, timers, signals, disks
//!           run/         time, choices, faults, trace, verdict: the same for this kernel and for other runtimes
//!             trace/       events, their hash and their forms
//!             calls/       the table of calls             fault/   what can go wrong, a family a file
//!             choice/      the one source of every decision
//! ```
//!
//! A folder names nothing of the folders above it (a test in `scenarios/tests/house.rs` holds it): the network leaves
//! notices, the event queue names events, and `world/` alone says who is notified of the one and what the other does. `syscall/`
//! and `world/` are one layer: a call acts on the world, and what an event or a wake-up does to an epoll set, a ring or a timer is
//! with the calls of that. `network/`, `scheduler/` and `object/` are one layer too, below it.
//!
//! The state of an object is private to its file, or to its folder where several files are one machine (`run`, `network`, `scheduler`,
//! a disk): the file of a ring's operation, an epoll set, an open file, a timer, a thread or a process has every way in which
//! it changes. Open are the fields of `World`, which are the objects themselves, and those of values that are given out whole or
//! only to be read: an item of an epoll set, the setting of a timer, an event.
//!
//! A run is a function of (scenario, settings, base, overrides). No wall clock, no entropy of the machine, no hash order,
//! no address feeds it.

mod allocator;
mod assertions;
mod bugs;
mod calls;
pub mod choice;
#[cfg(feature = "cli")]
pub mod cli;
pub mod control;
mod count;
pub mod fault;
mod fifo;
mod kernel;
mod knobs;
pub mod marks;
pub mod native;
mod near;
mod network;
mod object;
mod oracles;
mod panic;
mod print;
#[cfg(feature = "cli")]
pub mod replay;
#[cfg(feature = "cli")]
pub mod report;
pub mod run;
mod run_loop;
pub mod runner;
mod scheduler;
pub mod shrink;
mod sim;
mod stack;
mod syscall;
#[cfg(feature = "cli")]
pub mod testing;
pub mod trace;
#[cfg(feature = "cli")]
mod whole_file;
mod world;

pub use allocator::CountingAllocator;
pub use assertions::{
    Exclusive, always, choose, eventually, exclusive, fail, feature, print, sometimes, within,
};
pub use bugs::PlantedBug;
pub use fault::USUAL_FAULTS;
pub use kernel::{SimKernel, SimRing};
pub use knobs::KernelKnobs;
pub use oracles::{Oracle, Watcher};
pub use run::{Actor, Clock, External};
pub use sim::{HostId, ProcessId, Sim, run as run_spec, run_body};
pub use stack::Engine;

/// No index: of a thread, a process, a file, a socket.
const NONE: u32 = u32::MAX;

/// Scenarios as tests need the feature `cli`, which is on by default.
#[cfg(not(feature = "cli"))]
#[macro_export]
macro_rules! scenarios {
    ($($any:tt)*) => {
        ::core::compile_error!("eagain_sim::scenarios! needs the feature `cli` of eagain-sim, which is on by default: remove `default-features = false`, or add features = [\"cli\"]");
    };
}

/// Scenarios as tests need the feature `cli`, which is on by default.
#[cfg(not(feature = "cli"))]
#[macro_export]
macro_rules! scenario_tests {
    ($($any:tt)*) => {
        $crate::scenarios!();
    };
}

/// The README's example is a test.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
