//! One thing that happened: a call with its result, or a happening of the wire, a timer, the weather.

/// An event of the trace; seven words, no text. Texts and bytes are in the log that holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// Counts from 1.
    pub number: u64,
    /// Simulated time, in nanoseconds since the start of the world.
    pub time: u64,
    /// The index of the thread that made the call; `u32::MAX` for a happening.
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

macro_rules! kinds {
    ($($name:ident = $value:literal, $text:literal, [$($arg:literal),*];)*) => {
        /// What an event is. A call bears the name of its system call; a happening that of its cause.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u16)]
        #[allow(missing_docs)]
        pub enum Kind { $($name = $value,)* }

        impl Kind {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// The name in a trace.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }

            /// What the words of `args` mean, each a name with its form: `fd`, `n` (decimal), `x` (bit mask), `addr`
            /// (IPv4 and port: ip << 16 | port), `ns` (nanoseconds), `text` (index), `host` (index; the largest number: every host), `ptr` (name of a futex word).
            pub fn args(self) -> &'static [&'static str] {
                match self { $(Kind::$name => &[$($arg),*],)* }
            }

            /// Whether it is a system call; else a happening.
            pub fn is_call(self) -> bool {
                (self as u16) < 1000
            }
        }
    };
}

kinds! {
    // Descriptors and sockets.
    Close = 1, "close", ["fd"];
    Dup = 2, "dup", ["fd"];
    Read = 3, "read", ["fd", "n"];
    Write = 4, "write", ["fd", "n"];
    Readv = 5, "readv", ["fd", "n"];
    Writev = 6, "writev", ["fd", "n"];
    FcntlGetFl = 7, "fcntl_getfl", ["fd"];
    FcntlSetFl = 8, "fcntl_setfl", ["fd", "x"];
    Socket = 10, "socket", ["n", "x"];
    Bind = 11, "bind", ["fd", "addr"];
    Listen = 12, "listen", ["fd", "n"];
    Accept = 13, "accept4", ["fd", "x"];
    Connect = 14, "connect", ["fd", "addr"];
    Recv = 15, "recv", ["fd", "n", "x"];
    Send = 16, "send", ["fd", "n", "x"];
    Sendmsg = 17, "sendmsg", ["fd", "n", "x"];
    Shutdown = 18, "shutdown", ["fd", "n"];
    Getsockname = 19, "getsockname", ["fd"];
    Getpeername = 20, "getpeername", ["fd"];
    Setsockopt = 21, "setsockopt", ["fd", "n", "n"];
    Getsockopt = 22, "getsockopt", ["fd", "n"];
    // Readiness.
    EpollCreate = 30, "epoll_create1", [];
    EpollCtl = 31, "epoll_ctl", ["fd", "n", "fd", "x"];
    EpollWait = 32, "epoll_pwait", ["fd", "n", "ns"];
    Poll = 33, "poll", ["n", "ns"];
    Select = 34, "select", ["n", "ns"];
    Eventfd = 35, "eventfd", ["n", "x"];
    // Completion.
    RingSetup = 40, "io_uring_setup", ["n", "n"];
    RingPush = 41, "io_uring_sqe", ["fd", "n", "fd", "n"];
    RingEnter = 42, "io_uring_enter", ["fd", "n", "ns"];
    RingReap = 43, "io_uring_cqe", ["fd", "n"];
    AioRead = 50, "aio_read", ["fd", "n", "n"];
    AioWrite = 51, "aio_write", ["fd", "n", "n"];
    AioError = 52, "aio_error", ["n"];
    AioReturn = 53, "aio_return", ["n"];
    AioCancel = 54, "aio_cancel", ["fd", "n"];
    AioSuspend = 55, "aio_suspend", ["n", "ns"];
    // Signals.
    Getpid = 60, "getpid", [];
    Sigaction = 61, "rt_sigaction", ["n", "n", "x"];
    Sigprocmask = 62, "rt_sigprocmask", ["n", "x"];
    Sigpending = 63, "rt_sigpending", [];
    Sigtimedwait = 64, "rt_sigtimedwait", ["x", "ns"];
    Signalfd = 65, "signalfd", ["x", "x"];
    Kill = 66, "kill", ["n", "n"];
    Sigqueue = 67, "rt_sigqueueinfo", ["n", "n", "n"];
    Tgkill = 68, "tgkill", ["n", "n"];
    FcntlSetOwn = 69, "fcntl_setown", ["fd", "n"];
    FcntlSetSig = 70, "fcntl_setsig", ["fd", "n"];
    // Time.
    ClockGettime = 80, "clock_gettime", ["n"];
    Nanosleep = 81, "clock_nanosleep", ["ns"];
    TimerfdCreate = 82, "timerfd_create", ["n", "x"];
    TimerfdSettime = 83, "timerfd_settime", ["fd", "ns", "ns", "n"];
    TimerfdGettime = 84, "timerfd_gettime", ["fd"];
    // Threads.
    Spawn = 90, "clone", ["n"];
    Join = 91, "join", ["n"];
    Gettid = 92, "gettid", [];
    SchedYield = 93, "sched_yield", [];
    FutexWait = 94, "futex_wait", ["ptr", "n", "ns"];
    FutexWake = 95, "futex_wake", ["ptr", "n"];
    FutexRequeue = 96, "futex_cmp_requeue", ["ptr", "n", "n", "ptr"];
    Interleave = 97, "interleave", ["text"];
    // Files and entropy.
    Open = 100, "open", ["text", "x"];
    Pread = 101, "pread", ["fd", "n", "n"];
    Pwrite = 102, "pwrite", ["fd", "n", "n"];
    Fsync = 103, "fsync", ["fd"];
    Fdatasync = 104, "fdatasync", ["fd"];
    Ftruncate = 105, "ftruncate", ["fd", "n"];
    Fstat = 106, "fstat", ["fd"];
    Rename = 107, "rename", ["text", "text"];
    Unlink = 108, "unlink", ["text"];
    Mkdir = 109, "mkdir", ["text"];
    ReadDir = 110, "readdir", ["text"];
    Getrandom = 111, "getrandom", ["n"];
    // What a scenario does to its world.
    ControlKill = 120, "kill_process", ["n"];
    ControlCrash = 121, "crash_host", ["host", "n"];
    ControlUp = 122, "switch_on", ["host"];
    ControlCut = 123, "partition", ["host", "host"];
    ControlHeal = 124, "heal", ["host", "host"];
    // Streams of tokio's, by their poll functions; the stream is the actor.
    PollRead = 200, "poll_read", ["n"];
    PollWrite = 201, "poll_write", ["n"];
    PollFlush = 202, "poll_flush", [];
    PollShutdown = 203, "poll_shutdown", [];
    // Happenings: the wire.
    Syn = 1000, "syn", ["addr", "addr"];
    SynDropped = 1001, "syn-dropped", ["addr", "addr"];
    Refused = 1002, "refused", ["addr", "addr"];
    Established = 1003, "established", ["addr", "addr"];
    Arrived = 1004, "arrived", ["addr", "addr", "n"];
    Fin = 1005, "fin", ["addr", "addr"];
    Rst = 1006, "rst", ["addr", "addr"];
    // Happenings: threads and processes.
    ThreadStart = 1100, "start", [];
    ThreadEnd = 1101, "end", [];
    Exit = 1102, "exit", ["n"];
    Killed = 1103, "killed", ["n"];
    SignalDelivered = 1104, "signal", ["n"];
    Print = 1105, "print", ["text"];
    RingDone = 1107, "cqe", ["fd", "n", "n", "x"];
    AioDone = 1108, "aio-done", ["n", "n"];
    Restart = 1109, "restart", ["n", "n"];
    HostUp = 1110, "host-up", ["host"];
    Healed = 1111, "healed", ["host", "host"];
    Back = 1112, "back", ["host"];
    Mark = 1106, "mark", ["text"];
    // Happenings: faults, each with what it changed.
    FaultSplit = 2000, "split", ["addr", "addr", "n", "n"];
    FaultDelay = 2001, "delay", ["addr", "addr", "ns"];
    FaultStall = 2002, "stall", ["addr", "addr", "ns"];
    FaultBuffer = 2003, "tight-buffer", ["addr", "addr", "n"];
    FaultBandwidth = 2004, "bandwidth", ["addr", "addr", "n"];
    FaultReset = 2005, "reset", ["addr", "addr"];
    FaultEintr = 2006, "interrupt", ["n"];
    FaultFdLimit = 2007, "fd-limit", ["n", "ns"];
    FaultOffCpu = 2008, "off-cpu", ["ns"];
    FaultSlow = 2020, "slow", ["ns"];
    FaultChange = 2021, "priority", ["ns"];
    FaultClock = 2009, "clock", ["host", "n"];
    FaultPartition = 2010, "partition", ["host", "host", "ns"];
    FaultCrash = 2011, "crash", ["host"];
    FaultDisk = 2012, "disk", ["text", "n", "ns"];
    FaultClockStep = 2019, "clock-step", ["host", "n"];
    FaultCoalesce = 2022, "coalesce", ["addr", "addr", "ns"];
    FaultBlackHole = 2023, "black-hole", ["addr", "addr", "ns"];
    FaultCutOff = 2024, "cut-off", ["host", "ns"];
    FaultGone = 2025, "gone", ["host"];
    FaultBacklog = 2026, "short-backlog", ["fd", "n"];
    FaultKnob = 2027, "knob", ["text", "n"];
    FaultWakeup = 2013, "spurious-wakeup", [];
    FaultShort = 2030, "short", ["n"];
    FaultNotReady = 2031, "not-ready", ["ns"];
    FaultStreamStall = 2032, "stall", ["ns"];
    FaultStreamReset = 2033, "reset", ["n"];
    FaultHold = 2034, "hold", ["text", "text", "ns"];
    FaultCut = 2035, "partition", ["text", "text", "ns"];
    FaultCutOneWay = 2036, "one-way", ["text", "text", "ns"];
    FaultHostCrash = 2037, "crash", ["text", "ns"];
    NetHealed = 1020, "healed", ["text", "text"];
    HostStarted = 1120, "host-started", ["text"];
    FaultRingLate = 2014, "ring-late", ["fd", "n", "ns"];
    FaultRingOrder = 2015, "ring-order", ["fd", "n", "n"];
    FaultRingShort = 2016, "ring-short", ["fd", "n", "n"];
    FaultRingAgain = 2017, "ring-again", ["fd", "n"];
    FaultAioLate = 2018, "aio-late", ["n", "ns"];
}
