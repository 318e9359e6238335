//! The kernel of `eagain_net` made of data: hosts, wire, clocks, files and threads in which everything that can vary is
//! one recorded choice; and what goes with it: faults, trace, oracles, replay, shrinking, runner, reports.
//!
//! ```text
//!   kernel/     a call enters: number it, let time pass and causes happen, act, charge, record
//!     └ syscall/    what it does, argument checks in Linux's order
//!         └ object/     to what: sockets, epoll sets, timers, signals
//!             └ wire/       what travels between hosts, and when it arrives
//!                 └ world/, agenda     whose turn it is, and what is to come
//!   choice/     the one source of every decision          fault/   what can go wrong, a family a file
//!   calls/      the table of system calls and events, and how arguments are written
//!   trace/      events, their hash, forms                 sim, run   a world is built, runs, and leaves a report
//! ```
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
mod kernel;
mod knobs;
pub mod native;
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
pub use oracle::{Exclusive, always, choose, eventually, exclusive, fail, print, sometimes};
pub use oracles::{Oracle, Watcher};
pub use run::{Actor, Clock, External};
pub use sim::{HostId, ProcessId, Sim, run as run_spec, run_body};
pub use stack::Engine;

/// The README's example is a test.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
