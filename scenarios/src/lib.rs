//! What is run on the simulator: stories about our server, planted bugs by which the simulator is measured, and what
//! Linux does, row by row. The runner and the oracles' vocabulary are `eagain_sim`'s; this is content.
//!
//! ```text
//!   stories ──► world ──► our server, on the simulated kernel
//!      │           └────► checker     what has to hold
//!      └──► actor ──► workload, history
//! ```

pub mod actor;
pub mod bugs;
pub mod checker;
pub mod conform;
pub mod history;
pub mod stories;
pub mod tokio_world;
pub mod workload;
pub mod world;

/// What a sweep runs.
pub use stories::ALL as SCENARIOS;
