//! The rows: system calls, then every other event that no fault family owns.

use super::Arg::{
    Address, Count, Duration, Fd, FileTime, Futex, Host, Limit, Mode, Number, Outcome, SigSet, Signal, Text,
    Timeout, UserData,
};
use super::Wait::{Interrupted, Never, Restarts, RestartsWithoutTimeout};
use super::names::*;
use super::{Arg, Row};
use crate::fault::Family;

// What calls cost, in nanoseconds.
const NONE: u32 = 0;
/// Memory that is shared with the kernel: no call at all.
const SHARED: u32 = 30;
const PLAIN: u32 = 400;
/// A call that copies bytes.
const BYTES: u32 = 700;
/// A call that makes or ends a socket or a connection.
const SOCKET_LIFE: u32 = 1_500;
const THREAD: u32 = 10_000;

/// Whether a signal handler may make the call.
const SAFE: bool = true;
const UNSAFE: bool = false;

macro_rules! kinds {
    (
        calls { $($call:ident = $number:literal $name:literal [$($arg:expr),*] $(-> $result:ident)? $cost:ident $wait:ident $safe:ident;)* }
        events { $($event:ident = $event_number:literal $event_name:literal [$($event_arg:expr),*];)* }
    ) => {
        /// What an event is: a system call, or something that no call did.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[allow(missing_docs)] // each has the name of its call or event
        pub enum Kind {
            $($call,)*
            $($event,)*
            /// A fault has changed something.
            Fault(Family),
        }

        impl Kind {
            /// All but the faults, in the order of the table.
            pub const ALL: &'static [Kind] = &[$(Kind::$call,)* $(Kind::$event,)*];

            /// Its row.
            #[inline]
            pub const fn row(self) -> &'static Row {
                let at = match self {
                    $(Kind::$call => Place::$call,)*
                    $(Kind::$event => Place::$event,)*
                    Kind::Fault(family) => return &family.row().event,
                };
                &ROWS[at as usize]
            }
        }

        /// Where the row of each kind is: with an array every event of a run looks it up without a jump.
        #[derive(Clone, Copy)]
        enum Place {
            $($call,)*
            $($event,)*
        }

        /// The rows of all but the faults.
        const ROWS: &[Row] = &[
            $(Row {
                number: $number,
                name: $name,
                args: &[$($arg),*],
                result: &[$($result,)? Number][0],
                cost: $cost,
                wait: $wait,
                signal_safe: $safe,
            },)*
            $(Row::event($event_number, $event_name, &[$($event_arg),*]),)*
        ];
    };
}

impl Row {
    /// The row of an event that is no call.
    pub const fn event(number: u16, name: &'static str, args: &'static [Arg]) -> Row {
        Row { number, name, args, result: &Number, cost: NONE, wait: Never, signal_safe: SAFE }
    }
}

kinds! {
calls {
    // Descriptors and sockets.
    Close = 1 "close" [Fd] SOCKET_LIFE Never SAFE;
    Dup = 2 "dup" [Fd] PLAIN Never SAFE;
    Read = 3 "read" [Fd, Count] BYTES Restarts SAFE;
    Write = 4 "write" [Fd, Count] BYTES Restarts SAFE;
    Readv = 5 "readv" [Fd, Count] BYTES Restarts SAFE;
    Writev = 6 "writev" [Fd, Count] BYTES Restarts SAFE;
    FcntlGetFl = 7 "fcntl_getfl" [Fd] -> STATUS PLAIN Never SAFE;
    FcntlSetFl = 8 "fcntl_setfl" [Fd, STATUS] PLAIN Never SAFE;
    Pipe2 = 9 "pipe2" [PIPE] PLAIN Never SAFE;
    FcntlDupFd = 45 "fcntl_dupfd" [Fd, Number] PLAIN Never SAFE;
    Dup3 = 39 "dup3" [Fd, Fd] SOCKET_LIFE Never SAFE;
    FcntlGetPipeSz = 49 "fcntl_getpipe_sz" [Fd] PLAIN Never SAFE;
    FcntlSetPipeSz = 56 "fcntl_setpipe_sz" [Fd, Count] PLAIN Never SAFE;
    Socket = 10 "socket" [DOMAIN, SOCKET] SOCKET_LIFE Never SAFE;
    Bind = 11 "bind" [Fd, Address] PLAIN Never SAFE;
    Listen = 12 "listen" [Fd, Count] PLAIN Never SAFE;
    Accept = 13 "accept4" [Fd, ACCEPT] SOCKET_LIFE Restarts SAFE;
    Connect = 14 "connect" [Fd, Address] SOCKET_LIFE Restarts SAFE;
    Disconnect = 48 "connect_unspec" [Fd] SOCKET_LIFE Never SAFE;
    Recv = 15 "recv" [Fd, Count, RECV] BYTES Restarts SAFE;
    Send = 16 "send" [Fd, Count, SEND] BYTES Restarts SAFE;
    Sendmsg = 17 "sendmsg" [Fd, Count, SEND] BYTES Restarts SAFE;
    Shutdown = 18 "shutdown" [Fd, SHUTDOWN] PLAIN Never SAFE;
    Getsockname = 19 "getsockname" [Fd] -> Address PLAIN Never SAFE;
    Getpeername = 20 "getpeername" [Fd] -> Address PLAIN Never SAFE;
    Setsockopt = 21 "setsockopt" [Fd, SOCKET_OPTION] PLAIN Never SAFE;
    Getsockopt = 22 "getsockopt" [Fd, SOCKET_OPTION] PLAIN Never SAFE;
    // Datagrams.
    Sendto = 37 "sendto" [Fd, Count, SEND, Address] BYTES Restarts SAFE;
    Recvfrom = 38 "recvfrom" [Fd, Count, RECV] BYTES Restarts SAFE;
    SendmsgControl = 57 "sendmsg_control" [Fd, Count, SEND, Count] BYTES Restarts SAFE;
    RecvmsgControl = 58 "recvmsg_control" [Fd, Count, RECV] BYTES Restarts SAFE;
    // AF_UNIX, where there is an address.
    Socketpair = 23 "socketpair" [SOCKET] SOCKET_LIFE Never SAFE;
    UnixBind = 24 "bind_unix" [Fd, Text] PLAIN Never SAFE;
    UnixConnect = 25 "connect_unix" [Fd, Text] SOCKET_LIFE Restarts SAFE;
    UnixAccept = 26 "accept4_unix" [Fd, ACCEPT] SOCKET_LIFE Restarts SAFE;
    UnixSendto = 27 "sendto_unix" [Fd, Count, SEND, Text] BYTES Restarts SAFE;
    UnixRecvfrom = 28 "recvfrom_unix" [Fd, Count, RECV] BYTES Restarts SAFE;
    UnixSendFds = 46 "sendmsg_unix" [Fd, Count, SEND, Count] BYTES Restarts SAFE;
    UnixRecvFds = 47 "recvmsg_unix" [Fd, Count, RECV, Count] BYTES Restarts SAFE;
    UnixGetsockname = 29 "getsockname_unix" [Fd] PLAIN Never SAFE;
    UnixGetpeername = 36 "getpeername_unix" [Fd] PLAIN Never SAFE;
    // Readiness.
    EpollCreate = 30 "epoll_create1" [] PLAIN Never SAFE;
    EpollCtl = 31 "epoll_ctl" [Fd, EPOLL_OP, Fd, EPOLL_EVENTS] PLAIN Never SAFE;
    EpollWait = 32 "epoll_pwait" [Fd, Count, Timeout] PLAIN Interrupted SAFE;
    Poll = 33 "poll" [Count, Timeout] PLAIN Interrupted SAFE;
    Select = 34 "select" [Count, Timeout] PLAIN Interrupted SAFE;
    Eventfd = 35 "eventfd" [Count, EVENTFD] PLAIN Never SAFE;
    // Completion. Where two threads use one ring, or the interrupted code is in the middle of a push, it breaks.
    RingSetup = 40 "io_uring_setup" [Count, Count] PLAIN Never SAFE;
    RingPush = 41 "io_uring_sqe" [Fd, RING_OP, Fd, UserData] SHARED Never UNSAFE;
    RingEnter = 42 "io_uring_enter" [Fd, Count, Timeout] PLAIN Interrupted SAFE;
    RingReap = 43 "io_uring_cqe" [Fd] SHARED Never UNSAFE;
    // The C library has locks and threads of its own for these.
    AioRead = 50 "aio_read" [Fd, Count, Number] PLAIN Never UNSAFE;
    AioWrite = 51 "aio_write" [Fd, Count, Number] PLAIN Never UNSAFE;
    AioError = 52 "aio_error" [Number] PLAIN Never SAFE;
    AioReturn = 53 "aio_return" [Number] PLAIN Never SAFE;
    AioCancel = 54 "aio_cancel" [Fd, Number] PLAIN Never UNSAFE;
    // It waits on a futex.
    AioSuspend = 55 "aio_suspend" [Count, Timeout] PLAIN RestartsWithoutTimeout SAFE;
    // Signals.
    Getpid = 60 "getpid" [] SHARED Never SAFE;
    Sigaction = 61 "rt_sigaction" [Signal, Number, SIGACTION] PLAIN Never SAFE;
    Sigprocmask = 62 "rt_sigprocmask" [MASK_HOW, SigSet] -> SigSet PLAIN Never SAFE;
    Sigpending = 63 "rt_sigpending" [] -> SigSet PLAIN Never SAFE;
    Sigtimedwait = 64 "rt_sigtimedwait" [SigSet, Timeout] -> Signal PLAIN Interrupted SAFE;
    Signalfd = 65 "signalfd" [SigSet, SIGNALFD] PLAIN Never SAFE;
    Kill = 66 "kill" [Number, Signal] PLAIN Never SAFE;
    Sigqueue = 67 "rt_sigqueueinfo" [Number, Signal, UserData] PLAIN Never SAFE;
    Tgkill = 68 "tgkill" [Number, Signal] PLAIN Never SAFE;
    FcntlSetOwn = 69 "fcntl_setown" [Fd, OWNER] PLAIN Never SAFE;
    FcntlSetSig = 70 "fcntl_setsig" [Fd, Signal] PLAIN Never SAFE;
    // Time.
    ClockGettime = 80 "clock_gettime" [CLOCK] SHARED Never SAFE;
    Nanosleep = 81 "clock_nanosleep" [Duration] PLAIN Interrupted SAFE;
    TimerfdCreate = 82 "timerfd_create" [CLOCK, TIMERFD] PLAIN Never SAFE;
    TimerfdSettime = 83 "timerfd_settime" [Fd, Duration, Duration, SETTIME] PLAIN Never SAFE;
    TimerfdGettime = 84 "timerfd_gettime" [Fd] -> Duration PLAIN Never SAFE;
    TimerCreate = 85 "timer_create" [CLOCK, Signal, UserData] PLAIN Never UNSAFE;
    TimerSettime = 86 "timer_settime" [Number, Duration, Duration, TIMER] PLAIN Never SAFE;
    TimerGettime = 87 "timer_gettime" [Number] -> Duration PLAIN Never SAFE;
    TimerGetoverrun = 88 "timer_getoverrun" [Number] PLAIN Never SAFE;
    TimerDelete = 89 "timer_delete" [Number] PLAIN Never UNSAFE;
    Setitimer = 71 "setitimer" [Duration, Duration] PLAIN Never SAFE;
    Getitimer = 72 "getitimer" [] -> Duration PLAIN Never SAFE;
    // What a process may use.
    Getrlimit = 73 "getrlimit" [RESOURCE] -> Limit PLAIN Never SAFE;
    Setrlimit = 74 "setrlimit" [RESOURCE, Limit, Limit] PLAIN Never SAFE;
    // Threads.
    Spawn = 90 "clone" [Number] THREAD Never UNSAFE;
    Join = 91 "join" [Number] PLAIN Restarts UNSAFE;
    Gettid = 92 "gettid" [] SHARED Never SAFE;
    SchedYield = 93 "sched_yield" [] PLAIN Never SAFE;
    FutexWait = 94 "futex_wait" [Futex, Number, Timeout] PLAIN RestartsWithoutTimeout UNSAFE;
    FutexWake = 95 "futex_wake" [Futex, Count] PLAIN Never SAFE;
    FutexRequeue = 96 "futex_cmp_requeue" [Futex, Number, Count, Count] PLAIN Never UNSAFE;
    // Files and entropy.
    Open = 100 "open" [Text, OPEN] PLAIN Restarts SAFE;
    Lseek = 113 "lseek" [Fd, Number, WHENCE] PLAIN Never SAFE;
    Pread = 101 "pread" [Fd, Count, Number] PLAIN Never SAFE;
    Pwrite = 102 "pwrite" [Fd, Count, Number] PLAIN Never SAFE;
    Fsync = 103 "fsync" [Fd] PLAIN Never SAFE;
    Fdatasync = 104 "fdatasync" [Fd] PLAIN Never SAFE;
    Ftruncate = 105 "ftruncate" [Fd, Count] PLAIN Never SAFE;
    Fstat = 106 "fstat" [Fd] PLAIN Never SAFE;
    Stat = 125 "stat" [Text] PLAIN Never SAFE;
    Chmod = 126 "chmod" [Text, Mode] PLAIN Never SAFE;
    Fchmod = 127 "fchmod" [Fd, Mode] PLAIN Never SAFE;
    Utimensat = 129 "utimensat" [Text, FileTime, FileTime] PLAIN Never SAFE;
    Futimens = 130 "futimens" [Fd, FileTime, FileTime] PLAIN Never SAFE;
    Mkfifo = 128 "mkfifo" [Text] PLAIN Never SAFE;
    Rename = 107 "rename" [Text, Text] PLAIN Never SAFE;
    Link = 115 "link" [Text, Text] PLAIN Never SAFE;
    Unlink = 108 "unlink" [Text] PLAIN Never SAFE;
    Mkdir = 109 "mkdir" [Text] PLAIN Never SAFE;
    Rmdir = 114 "rmdir" [Text] PLAIN Never SAFE;
    ReadDir = 110 "readdir" [Text] PLAIN Never UNSAFE;
    Flock = 112 "flock" [Fd, LOCK] PLAIN Never SAFE;
    FlockWait = 116 "flock_wait" [Fd, RECORD_LOCK] PLAIN Restarts SAFE;
    FcntlSetLk = 117 "fcntl_setlk" [Fd, RECORD_LOCK, Number, Number] PLAIN Never SAFE;
    FcntlSetLkW = 118 "fcntl_setlkw" [Fd, RECORD_LOCK, Number, Number] PLAIN Restarts SAFE;
    FcntlGetLk = 119 "fcntl_getlk" [Fd, RECORD_LOCK, Number, Number] PLAIN Never SAFE;
    Getrandom = 111 "getrandom" [Count] PLAIN Never SAFE;
    // What a scenario does to its world: it has its place in time like a call.
    ControlKill = 120 "kill_process" [Number] PLAIN Never SAFE;
    ControlCrash = 121 "crash_host" [Host, Number] PLAIN Never SAFE;
    ControlUp = 122 "switch_on" [Host] PLAIN Never SAFE;
    ControlCut = 123 "partition" [Host, Host] PLAIN Never SAFE;
    ControlHeal = 124 "heal" [Host, Host] PLAIN Never SAFE;
    // Streams of tokio's, by their poll functions; the stream is the actor. They take no virtual time.
    PollRead = 200 "poll_read" [Count] NONE Never SAFE;
    PollWrite = 201 "poll_write" [Count] NONE Never SAFE;
    PollShutdown = 203 "poll_shutdown" [] NONE Never SAFE;
}
events {
    // The wire.
    Syn = 1000 "syn" [Address, Address];
    SynDropped = 1001 "syn-dropped" [Address, Address];
    Refused = 1002 "refused" [Address, Address];
    Established = 1003 "established" [Address, Address];
    Arrived = 1004 "arrived" [Address, Address, Count];
    Fin = 1005 "fin" [Address, Address];
    Rst = 1006 "rst" [Address, Address];
    Datagram = 1007 "datagram" [Address, Address, Count];
    DatagramDropped = 1008 "dropped" [Address, Address, Count];
    NetHealed = 1020 "healed" [Text, Text];
    // Threads and processes.
    ThreadStart = 1100 "start" [];
    ThreadEnd = 1101 "end" [];
    Exit = 1102 "exit" [Number];
    Killed = 1103 "killed" [Number];
    SignalDelivered = 1104 "signal" [Signal];
    Mark = 1106 "mark" [Text];
    RingDone = 1107 "cqe" [Fd, UserData, Outcome, CQE];
    AioDone = 1108 "aio-done" [Number, Outcome];
    Restart = 1109 "restart" [Number, Number];
    HostUp = 1110 "host-up" [Host];
    Healed = 1111 "healed" [Host, Host];
    Back = 1112 "back" [Host];
    HostStarted = 1120 "host-started" [Text];
}
}
