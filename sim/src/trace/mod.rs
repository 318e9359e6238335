//! What happened: typed events, their running hash, and the forms in which they are shown.
//!
//! ```text
//!   event, log     one event; all of a run, with the texts that they refer to
//!   recorder       records each event: folds it into the hash, keeps it where the run is asked to
//!   hash           the running hash                     frames    where in its program a call was made
//!   format         how a call, its arguments and its result are written, the same in every form
//!   connections    what became of each connection, by the events
//!   forms          the forms, a file each, and the list of them
//! ```

pub mod connections;
mod event;
pub mod format;
mod forms;
pub mod frames;
mod hash;
mod log;
mod recorder;

pub use crate::calls::{Arg, FlagSet, Kind, Names, Resolve, Row, Wait};
pub use event::Event;
#[cfg(feature = "cli")]
pub use forms::{Form, Heads, html, perfetto};
pub use forms::{excerpt, netstat, pcapng, text};
pub use hash::{FORMAT, TraceHash};
pub use log::{Record, TraceLog};
pub(crate) use recorder::Recorder;
pub use recorder::Time;

#[cfg(test)]
mod tests;
