//! Every bound of the server in one place, each with the value that Redis has for it. A limit that is reached has a
//! clear error or a named reason to close; the code that enforces it is with the thing that grows.

/// How much may wait for a client. Redis: `client-output-buffer-limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes; one more and the connection ends.
    pub hard: usize,
    /// Bytes that may not be exceeded for longer than `soft_ns`.
    pub soft: usize,
    /// How long they may.
    pub soft_ns: u64,
}

impl OutputLimit {
    /// As much as there is room for.
    pub const NONE: OutputLimit = OutputLimit { hard: usize::MAX, soft: usize::MAX, soft_ns: 0 };
}

/// The reply to one command, where `client-output-buffer-limit` has no bound.
pub const REPLY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The bounds of one connection and of the server as a whole. Durations are nanoseconds; 0 switches one off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; the next one gets an error and is closed. Redis: `maxclients`, 10000.
    pub clients_max: usize,
    /// Bytes in one inline request, or in a length line. Redis: `PROTO_INLINE_MAX_SIZE`, 64 KiB.
    pub inline_bytes_max: usize,
    /// Bytes in one argument. Redis: `proto-max-bulk-len`, 512 MiB.
    pub bulk_bytes_max: usize,
    /// Arguments of one request. Redis from 7.0 on: 2^31 - 1, so that bytes are the bound.
    pub arguments_max: usize,
    /// Bytes in one request. Redis: `client-query-buffer-limit`, 1 GiB.
    pub request_bytes_max: usize,
    /// Of replies that wait for a slow reader. Redis has none for ordinary clients, and so no bound on memory; ours is 256 MiB.
    pub output: OutputLimit,
    /// Bytes of waiting replies from which on no further request of that connection is begun; at least 1.
    pub output_bytes_high: usize,
    /// Of what waits for a client that listens to channels. Redis: 32 MiB; 8 MiB for 60 s.
    pub channel_output: OutputLimit,
    /// Commands that take so many microseconds are kept in the slow log; negative: none. Redis: 10000.
    pub slowlog_slower_than_us: i64,
    /// Entries of the slow log. Redis: 128.
    pub slowlog_length_max: usize,
    /// Requests of one connection that are with the logic unit at a time; at least 1.
    pub in_flight_max: usize,
    /// Events or batches of requests in the request queue; peers beyond that are not read from. At least 1.
    pub queue_length_max: usize,
    /// Requests of one connection that are served before the others have their turn; at least 1.
    pub requests_per_turn_max: usize,
    /// Levels of arrays within arrays in a reply that we read as a client.
    pub nesting_max: usize,
    /// A connection that neither sends nor receives for so long is closed. Redis: `timeout`, 0 (never).
    pub idle_timeout_ns: u64,
    /// A peer that takes no byte of its replies for so long is closed.
    pub write_stall_timeout_ns: u64,
    /// After our last byte: how long to wait for the peer's end, so that a reset does not destroy that byte.
    pub linger_timeout_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            clients_max: 10_000,
            inline_bytes_max: 64 * 1024,
            bulk_bytes_max: 512 * 1024 * 1024,
            arguments_max: i32::MAX as usize,
            request_bytes_max: 1024 * 1024 * 1024,
            output: OutputLimit { hard: 256 * 1024 * 1024, soft: usize::MAX, soft_ns: 0 },
            output_bytes_high: 256 * 1024,
            slowlog_slower_than_us: 10_000,
            slowlog_length_max: 128,
            channel_output: OutputLimit {
                hard: 32 * 1024 * 1024,
                soft: 8 * 1024 * 1024,
                soft_ns: 60_000_000_000,
            },
            in_flight_max: 1024,
            queue_length_max: 1024,
            requests_per_turn_max: 1024,
            nesting_max: 128,
            idle_timeout_ns: 0,
            write_stall_timeout_ns: 60_000_000_000,
            linger_timeout_ns: 2_000_000_000,
        }
    }
}
