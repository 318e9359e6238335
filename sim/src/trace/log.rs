//! What a run keeps of what happened, and how much of it.

use super::Event;
use std::collections::BTreeMap;

/// What a run keeps. The hash is the same whatever is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Record {
    /// The hash and the counts.
    #[default]
    Hash,
    /// Also the choices that are not 0.
    Choices,
    /// Also every event of the trace.
    Trace,
    /// The trace, which says from the event of this number on which line of the program made each call ([`TraceLog::places`]). Some
    /// microseconds a call, and the debug information of the executable is read at the end.
    Places(u64),
    /// The trace. At the event of this number the stacks of all threads are written to standard error, and a debugger is stopped.
    StopAt(u64),
}

impl Record {
    /// Whether the trace is kept.
    #[inline]
    pub fn keeps_trace(self) -> bool {
        matches!(self, Record::Trace | Record::Places(_) | Record::StopAt(_))
    }
}

/// The recorded events with the names that they refer to.
#[derive(Default)]
pub struct TraceLog {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Bytes that events refer to (the beginning of what was sent or received).
    pub bytes: Vec<u8>,
    /// Thread names by index: `host/thread`.
    pub threads: Vec<String>,
    /// Host names by index.
    pub hosts: Vec<String>,
    /// Literal texts that events refer to by index.
    pub texts: Vec<String>,
    /// Which line of the program made a call, as `file:line`, by the number of the event: the innermost frame that is the
    /// program's own. Of the last calls, where that was asked for, and of those that code with line tables made.
    pub places: BTreeMap<u64, String>,
    /// Where a run failed because it did not go on: the threads that waited, by index, each with the descriptors for which it did.
    pub waits: Vec<(u32, Vec<i32>)>,
}
