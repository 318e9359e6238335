//! What sockets are made with and set to.

use super::fd::flags;
use super::{Errno, NumberOption};
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

/// What `shutdown(2)` shuts; also `eagain_net::Shutdown`, std's name.
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
    /// `TCP_KEEPINTVL` in seconds, 1 to 32767: the time between two probes that are not answered.
    KeepInterval(u32),
    /// `TCP_KEEPCNT`, 1 to 127: after so many unanswered probes the connection ends with `ETIMEDOUT`.
    KeepCount(u32),
    /// `TCP_USER_TIMEOUT` in milliseconds: how long what was sent may stay unacknowledged before the connection ends with
    /// `ETIMEDOUT`. 0: as long as it is sent again, about 15 minutes.
    UserTimeout(u32),
    /// `SO_RCVTIMEO`; `None` waits for ever.
    RecvTimeout(Option<Duration>),
    /// `SO_SNDTIMEO`; `None` waits for ever.
    SendTimeout(Option<Duration>),
    /// `SO_ERROR`, read-only: the pending error, cleared by being read.
    Error(Option<Errno>),
    /// `TCP_CONGESTION`: `cubic`, `reno` or what else the machine has; `ENOENT` for others.
    Congestion(OptionText),
    /// `SO_BINDTODEVICE`: the name of an interface, `ENODEV` where there is none; an empty one: any.
    BindToDevice(OptionText),
    /// Every other one whose value is an `int`.
    Number(NumberOption, i32),
}

/// The text that is the value of an option, at most 15 bytes (`TCP_CA_NAME_MAX`, `IFNAMSIZ`), zeros behind it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct OptionText(pub [u8; 16]);

impl OptionText {
    /// The first 15 bytes of a text, up to a zero.
    pub fn new(text: &[u8]) -> OptionText {
        let mut bytes = [0; 16];
        let text = text.iter().take(15).take_while(|&&byte| byte != 0);
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        OptionText(bytes)
    }

    /// Its bytes without the zeros.
    pub fn bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(16);
        &self.0[..end]
    }
}

impl std::fmt::Debug for OptionText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.bytes().escape_ascii())
    }
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
    Congestion,
    BindToDevice,
    Number(NumberOption),
}

impl SocketOptionName {
    /// Those without a table of their own.
    const OWN: [SocketOptionName; 18] = {
        use SocketOptionName as N;
        [
            N::ReuseAddr,
            N::ReusePort,
            N::SendBuffer,
            N::RecvBuffer,
            N::RecvLowAt,
            N::Linger,
            N::NoDelay,
            N::KeepAlive,
            N::RecvTimeout,
            N::SendTimeout,
            N::Error,
            N::V6Only,
            N::KeepIdle,
            N::KeepInterval,
            N::KeepCount,
            N::UserTimeout,
            N::Congestion,
            N::BindToDevice,
        ]
    };

    /// The codes of [`Number`](SocketOptionName::Number) begin here.
    pub const NUMBERS: u32 = 64;

    /// A number that no other option has.
    pub fn code(self) -> u32 {
        match self {
            SocketOptionName::Number(option) => SocketOptionName::NUMBERS + option as u32,
            own => SocketOptionName::OWN.iter().position(|&name| name == own).unwrap_or_default() as u32,
        }
    }

    /// Whether it is one of TCP's own (`tcp(7)`), which sockets of other protocols do not have.
    pub const fn is_tcp(self) -> bool {
        use SocketOptionName as N;
        match self {
            N::NoDelay | N::KeepIdle | N::KeepInterval | N::KeepCount | N::UserTimeout | N::Congestion => {
                true
            }
            N::Number(option) => option.is_tcp(),
            _ => false,
        }
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
            SocketOption::Congestion(_) => SocketOptionName::Congestion,
            SocketOption::BindToDevice(_) => SocketOptionName::BindToDevice,
            SocketOption::Number(option, _) => SocketOptionName::Number(*option),
        }
    }
}
