//! The kernel of `eagain_net` made of data: hosts, network, clocks, files and threads in which everything that can vary is
//! one recorded choice; and what goes with it: faults, trace, oracles, replay, shrinking, runner, reports.
//!
//! ```text
//!   kernel/      the traits of `eagain_net`, a file each; entry: a call takes its place in time, acts, is charged, recorded
//!     syscall/     what each call does, argument checks in Linux's order       calls/   the table of calls
//!       world/       the components together: processes and hosts, their lifecycle, who is woken by what
//!         object/      open files: epoll sets, rings, timers, signals, disks
//!         network/     sockets, connections, ports, links; reports readiness and wakes nobody
//!         scheduler/   threads with their own times, and the queue of planned events
//!           run/         time, choices, faults, trace, verdict: the same for this kernel and for other runtimes
//!   choice/      the one source of every decision                               fault/   what can go wrong, a family a file
//!   trace/       events, their hash and their forms                              stack/   threads as coroutines
//!   sim          a scenario builds its world; control and oracle: what it does and says while it runs
//! ```
//!
//! The state of `run`, `scheduler` and `network` is private to them, and so is that of open files, descriptor tables, disks and signals
//! in `object`. What lies lower in the list knows nothing of what lies higher: the network leaves notices, the event queue
//! names events, and `world/` alone says who is notified of the one and what the other does.
//!
//! A run is a function of (scenario, settings, base, overrides). No wall clock, no entropy of the machine, no hash order,
//! no address feeds it.

mod allocator;
mod bugs;
mod calls;
pub mod choice;
#[cfg(feature = "cli")]
pub mod cli;
pub mod control;
pub mod fault;
mod fifo;
mod kernel;
mod knobs;
pub mod marks;
pub mod native;
mod near;
mod network;
mod object;
mod oracle;
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
mod world;

pub use allocator::CountingAllocator;
pub use bugs::PlantedBug;
pub use fault::USUAL_FAULTS;
pub use kernel::{SimKernel, SimRing};
pub use knobs::KernelKnobs;
pub use oracle::{Exclusive, always, choose, eventually, exclusive, fail, feature, print, sometimes, within};
pub use oracles::{Oracle, Watcher};
pub use run::{Actor, Clock, External};
pub use sim::{HostId, ProcessId, Sim, run as run_spec, run_body};
pub use stack::Engine;

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
