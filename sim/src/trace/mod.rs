//! What happened: typed events, their running hash, and the forms in which they are shown.

pub mod connections;
mod event;
pub mod form;
#[cfg(feature = "cli")]
mod forms;
pub mod frames;
mod hash;
#[cfg(feature = "cli")]
pub mod html;
mod log;
pub mod netstat;
pub mod pcapng;
#[cfg(feature = "cli")]
pub mod perfetto;
mod recorder;
pub mod text;

pub use crate::calls::{Arg, FlagSet, Kind, Names, Resolve, Row, Wait};
pub use event::Event;
#[cfg(feature = "cli")]
pub use forms::{Form, Heads};
pub use hash::{FORMAT, TraceHash};
pub use log::{Record, TraceLog};
pub(crate) use recorder::Recorder;
pub use recorder::Time;

#[cfg(test)]
mod tests;
