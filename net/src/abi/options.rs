//! What sockets are made with and set to.

use super::Errno;
use super::fd::flags;
use std::time::Duration;

/// The address family of a socket (`socket(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Domain {
    /// `AF_UNIX`.
    Unix = 1,
    /// `AF_INET`.
    Inet = 2,
    /// `AF_INET6`.
    Inet6 = 10,
}

flags! {
    /// Flags of `socket(2)`, `accept4(2)`, `pipe2(2)`, `eventfd(2)`, `timerfd_create(2)` and `signalfd(2)`.
    SocketFlags: i32 {
        /// `EFD_SEMAPHORE` (eventfd only): a read takes 1.
        SEMAPHORE = 1, "SEMAPHORE";
        /// `SOCK_DGRAM` (`socket` and `socketpair` only): datagrams; without it, `SOCK_STREAM`.
        DGRAM = 2, "DGRAM";
        /// Non-blocking from the start.
        NONBLOCK = 0o4000, "NONBLOCK";
        /// Closed on `execve(2)`.
        CLOEXEC = 0o2000000, "CLOEXEC";
    }
}

flags! {
    /// Flags of `recv(2)`.
    RecvFlags: i32 {
        /// Urgent data.
        OOB = 0x1, "MSG_OOB";
        /// Look, and leave it.
        PEEK = 0x2, "MSG_PEEK";
        /// TCP: discard the bytes instead of copying them.
        TRUNC = 0x20, "MSG_TRUNC";
        /// Non-blocking for this call.
        DONTWAIT = 0x40, "MSG_DONTWAIT";
        /// Wait until the buffer is full.
        WAITALL = 0x100, "MSG_WAITALL";
    }
}

flags! {
    /// Flags of `send(2)`.
    SendFlags: i32 {
        /// Urgent data.
        OOB = 0x1, "MSG_OOB";
        /// Non-blocking for this call.
        DONTWAIT = 0x40, "MSG_DONTWAIT";
        /// io_uring only: retry until all is sent.
        WAITALL = 0x100, "MSG_WAITALL";
        /// No `SIGPIPE` with `EPIPE`.
        NOSIGNAL = 0x4000, "MSG_NOSIGNAL";
        /// More follows: do not push a partial segment.
        MORE = 0x8000, "MSG_MORE";
    }
}

/// What `shutdown(2)` shuts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShutdownHow {
    /// `SHUT_RD`.
    Read = 0,
    /// `SHUT_WR`.
    Write = 1,
    /// `SHUT_RDWR`.
    Both = 2,
}

/// A socket option with its value (`setsockopt(2)`, `socket(7)`, `tcp(7)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SocketOption {
    /// `SO_REUSEADDR`.
    ReuseAddr(bool),
    /// `SO_REUSEPORT`.
    ReusePort(bool),
    /// `SO_SNDBUF` in bytes; the kernel cuts it to `net.core.wmem_max` and doubles it (minimum 4608 after doubling).
    SendBuffer(u32),
    /// `SO_RCVBUF` in bytes; the kernel cuts it to `net.core.rmem_max` and doubles it (minimum 2304 after doubling).
    RecvBuffer(u32),
    /// `SO_RCVLOWAT` in bytes.
    RecvLowAt(u32),
    /// `SO_LINGER`: seconds, or off. `Some(0)`: close resets the connection.
    Linger(Option<u32>),
    /// `TCP_NODELAY`.
    NoDelay(bool),
    /// `SO_KEEPALIVE`.
    KeepAlive(bool),
    /// `IPV6_V6ONLY`: `[::]` does not stand for the addresses of IPv4. Before `bind(2)` only, else `EINVAL`.
    V6Only(bool),
    /// `TCP_KEEPIDLE` in seconds, 1 to 32767: with `KeepAlive`, an idle peer is probed after so long.
    KeepIdle(u32),
    /// `TCP_KEEPINTVL` in seconds, 1 to 32767: as long as it does not answer, then so often.
    KeepInterval(u32),
    /// `TCP_KEEPCNT`, 1 to 127: after so many probes it is given up with `ETIMEDOUT`.
    KeepCount(u32),
    /// `TCP_USER_TIMEOUT` in milliseconds: how long what was sent may stay unacknowledged before the connection ends with
    /// `ETIMEDOUT`. 0: as long as it is sent again, about 15 minutes.
    UserTimeout(u32),
    /// `SO_RCVTIMEO`; `None` waits for ever.
    RecvTimeout(Option<Duration>),
    /// `SO_SNDTIMEO`; `None` waits for ever.
    SendTimeout(Option<Duration>),
    /// `SO_ERROR`, reading only: the pending error, cleared by being read.
    Error(Option<Errno>),
}

/// A socket option without a value (`getsockopt(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // each is the variant of the same name of `SocketOption`
pub enum SocketOptionName {
    ReuseAddr,
    ReusePort,
    SendBuffer,
    RecvBuffer,
    RecvLowAt,
    Linger,
    NoDelay,
    KeepAlive,
    RecvTimeout,
    SendTimeout,
    Error,
    V6Only,
    KeepIdle,
    KeepInterval,
    KeepCount,
    UserTimeout,
}

impl SocketOptionName {
    /// Whether it is one of TCP's own (`tcp(7)`), which sockets of other protocols do not have.
    pub const fn is_tcp(self) -> bool {
        use SocketOptionName as N;
        matches!(self, N::NoDelay | N::KeepIdle | N::KeepInterval | N::KeepCount | N::UserTimeout)
    }
}

impl SocketOption {
    /// Which option it is.
    pub const fn name(&self) -> SocketOptionName {
        match self {
            SocketOption::ReuseAddr(_) => SocketOptionName::ReuseAddr,
            SocketOption::ReusePort(_) => SocketOptionName::ReusePort,
            SocketOption::SendBuffer(_) => SocketOptionName::SendBuffer,
            SocketOption::RecvBuffer(_) => SocketOptionName::RecvBuffer,
            SocketOption::RecvLowAt(_) => SocketOptionName::RecvLowAt,
            SocketOption::Linger(_) => SocketOptionName::Linger,
            SocketOption::NoDelay(_) => SocketOptionName::NoDelay,
            SocketOption::KeepAlive(_) => SocketOptionName::KeepAlive,
            SocketOption::V6Only(_) => SocketOptionName::V6Only,
            SocketOption::KeepIdle(_) => SocketOptionName::KeepIdle,
            SocketOption::KeepInterval(_) => SocketOptionName::KeepInterval,
            SocketOption::KeepCount(_) => SocketOptionName::KeepCount,
            SocketOption::UserTimeout(_) => SocketOptionName::UserTimeout,
            SocketOption::RecvTimeout(_) => SocketOptionName::RecvTimeout,
            SocketOption::SendTimeout(_) => SocketOptionName::SendTimeout,
            SocketOption::Error(_) => SocketOptionName::Error,
        }
    }
}
