//! An access server, two logic servers and two storage servers, each on a host of its own: killed, without power, cut off,
//! slow, full, restarted one after the other. What the clients saw has to be linearizable, key by key, whatever befell
//! whom; and when it is over the cluster has to answer again.

mod scenarios;
pub mod world;

pub use scenarios::{ALL, PLANTED};
