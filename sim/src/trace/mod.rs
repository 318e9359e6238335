//! What happened: typed events, their running hash, and the forms in which they are shown.

pub mod connections;
mod event;
pub mod form;
mod hash;
#[cfg(feature = "cli")]
pub mod html;
pub mod netstat;
pub mod pcapng;
#[cfg(feature = "cli")]
pub mod perfetto;
mod recorder;
pub mod text;

pub use event::{Event, Kind};
pub use hash::{FORMAT, TraceHash};
pub use recorder::Time;
pub(crate) use recorder::{Recorder, show_argument};

#[cfg(test)]
mod tests;
