//! What the server counts about itself, for `INFO`. The units add to it where things happen; nothing here decides
//! anything.

/// Counters since the start, or since `CONFIG RESETSTAT` where Redis resets them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections accepted.
    pub connections_total: u64,
    /// Connections refused because there were too many.
    pub connections_rejected: u64,
    /// Commands executed.
    pub commands_total: u64,
    /// Replies that were errors.
    pub errors_total: u64,
}

impl Counters {
    /// `CONFIG RESETSTAT`.
    pub fn reset(&mut self) {
        *self = Counters::default();
    }
}
