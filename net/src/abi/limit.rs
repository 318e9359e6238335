//! What a process may use (`getrlimit(2)`).

/// A resource of a process, by Linux's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(i32)]
pub enum Resource {
    /// Seconds of processor time.
    Cpu = 0,
    /// Bytes of a file.
    FileSize = 1,
    /// Bytes of data, initialised or not.
    Data = 2,
    /// Bytes of the main thread's stack.
    Stack = 3,
    /// Bytes of a core dump.
    Core = 4,
    /// Bytes in memory; without an effect since Linux 2.4.30.
    Resident = 5,
    /// Threads of the user.
    Processes = 6,
    /// Descriptors: one more than the highest number that a call may return.
    Files = 7,
    /// Bytes that are locked in memory.
    Locked = 8,
    /// Bytes of addresses.
    Addresses = 9,
    /// Locks of files; without an effect since Linux 2.4.25.
    Locks = 10,
    /// Signals that are queued, of the user.
    PendingSignals = 11,
    /// Bytes in POSIX message queues, of the user.
    MessageQueues = 12,
    /// 20 less the least nice value.
    Nice = 13,
    /// The highest real-time priority.
    RealtimePriority = 14,
    /// Microseconds of a real-time thread without a wait.
    RealtimeTime = 15,
}

impl Resource {
    /// All, each at the place of its number.
    pub const ALL: [Resource; 16] = {
        use Resource::*;
        [
            Cpu,
            FileSize,
            Data,
            Stack,
            Core,
            Resident,
            Processes,
            Files,
            Locked,
            Addresses,
            Locks,
            PendingSignals,
            MessageQueues,
            Nice,
            RealtimePriority,
            RealtimeTime,
        ]
    };
}

/// The limits of a resource (`struct rlimit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rlimit {
    /// What counts (`rlim_cur`): the process may set it to anything up to the hard limit.
    pub soft: u64,
    /// What the soft limit may be (`rlim_max`).
    pub hard: u64,
}

impl Rlimit {
    /// No limit (`RLIM_INFINITY`).
    pub const INFINITY: u64 = u64::MAX;
}
