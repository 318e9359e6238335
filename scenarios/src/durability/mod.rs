//! One server with a log, and a disk that loses whatever it was not told to keep: crashes, kills, a full disk, failing
//! syncs, rewrites. What its clients saw has to be linearizable, over all starts of the server.

pub mod account;
mod prefix;
mod scenarios;
mod total;
pub mod world;

pub use scenarios::{ALL, PLANTED};
