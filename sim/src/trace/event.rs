//! One event: a call with its result, or something that no call did.

use crate::calls::Kind;

/// An event of the trace; seven words, no text. Texts and bytes are in the log that holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// Counts from 1.
    pub number: u64,
    /// Simulated time, in nanoseconds since the start of the world.
    pub time: u64,
    /// The index of the thread that made the call; `u32::MAX` where no thread made it.
    pub thread: u32,
    /// What it is.
    pub kind: Kind,
    /// Its arguments, as [`Kind`] lists them.
    pub args: [u64; 4],
    /// What a call returned: its value, or the negated errno.
    pub result: i64,
    /// The number of the event that caused this result, where a fault did; else 0.
    pub cause: u64,
    /// Where the bytes of it begin in the log, and how many were kept.
    pub bytes: (u32, u32),
}
