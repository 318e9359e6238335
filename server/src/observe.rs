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
    /// Bytes received; the I/O unit adds to it.
    pub input_bytes_total: u64,
    /// Bytes sent; the I/O unit adds to it.
    pub output_bytes_total: u64,
    /// Connections closed because their replies outgrew the limit; the I/O unit adds to it.
    pub output_limit_closes: u64,
    /// Connections closed for silence or for not taking their replies; the I/O unit adds to it.
    pub timeout_closes: u64,
    /// Connections closed because their bytes were no requests; the I/O unit adds to it.
    pub protocol_error_closes: u64,
}

impl Counters {
    /// `CONFIG RESETSTAT`.
    pub fn reset(&mut self) {
        *self = Counters::default();
    }
}
