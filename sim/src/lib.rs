//! The same kernel made of data (being written).
pub mod choice;
pub mod run;
pub mod runner;
pub mod shrink;
pub mod trace;

/// A world under construction and running.
pub struct Sim {}
