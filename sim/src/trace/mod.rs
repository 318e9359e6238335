//! What happened: typed events, their running hash, and the forms in which they are shown.

mod event;
mod hash;

pub use event::{Event, Kind};
pub use hash::TraceHash;
