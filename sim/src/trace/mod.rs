//! What happened: typed events, their running hash, and the forms in which they are shown.

mod event;
pub mod form;
mod hash;
mod recorder;
pub mod text;

pub use event::{Event, Kind};
pub use hash::{FORMAT, TraceHash};
pub use recorder::Time;
pub(crate) use recorder::{Recorder, show_argument};
