//! Runs unmodified network programs in deterministic simulated worlds. It is the one dependency that a user needs.
//!
//! ```
//! use eagain::{World, faults};
//! # mod my_db { pub fn main() {} }
//! # mod my_tests { pub fn buy(_: u32, _: &str) {} }
//!
//! #[eagain::scenario(seeds = 100)]
//! fn orders_survive(world: &mut World) {
//!     world.host("db").restarting(my_db::main);
//!     for i in 0..3 {
//!         world.host(format!("user-{i}")).client(move || my_tests::buy(i, "http://db/"));
//!     }
//!     world.may([faults::PROCESS_KILL, faults::HOST_POWER, faults::PARTITION]);
//! }
//! # fn main() {}
//! ```
//!
//! `cargo test` sweeps the seeds, shrinks a failure and prints the line that replays it; the variables `EAGAIN_SEED`,
//! `EAGAIN_SEEDS` and others ([`sim::testing`]) say what to run. [`main`] makes a command of its own of scenarios.
//!
//! | feature | what |
//! |---|---|
//! | `native` (default) | unmodified programs: [`World`], [`test`](fn@test), [`main`]; see `docs/NATIVE.md` |
//! | `allocator` (default) | installs the allocator that they need; turn it off where the crate has a global allocator of its own |
//! | `layer` | the stream layer for tokio programs, package `eagain-layer` |
//! | `turmoil`, `axum` | the same under turmoil; with a listener that `axum::serve` takes |
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "layer")]
pub use eagain_layer as layer;
pub use eagain_macros::scenario;
pub use eagain_net as net;
pub use eagain_sim as sim;

pub use eagain_sim::run::{Knob, KnobValues, Scenario};
pub use eagain_sim::{always, choose, eventually, feature, mark, sometimes, within};

#[cfg(feature = "native")]
mod command;
#[cfg(feature = "native")]
pub mod faults;
#[cfg(feature = "native")]
mod world;

#[cfg(feature = "native")]
pub use command::{executor, main, main_with_bugs, test};
#[cfg(feature = "native")]
pub use world::{Binary, Host, World};

#[cfg(feature = "allocator")]
#[global_allocator]
static ALLOCATOR: eagain_native::ArenaAllocator = eagain_native::ArenaAllocator;

/// The README's example is a test.
#[cfg(all(doctest, feature = "native"))]
#[doc = include_str!("../README.md")]
struct Readme;
