//! What sockets are made with and set to.

use super::fd::flags;
use super::number_option::{IP, IPV6, SOCKET, TCP};
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
        /// TCP and UDP: the queue of errors, which `IP_RECVERR` fills; `EAGAIN` where it is empty. Never waits.
        ERRQUEUE = 0x2000, "MSG_ERRQUEUE";
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
    /// Those that are no [`NumberOption`], each with its level and number, and its name in C.
    pub const OWN: [(SocketOptionName, (i32, i32), &'static str); 18] = {
        use SocketOptionName as N;
        [
            (N::ReuseAddr, (SOCKET, 2), "SO_REUSEADDR"),
            (N::ReusePort, (SOCKET, 15), "SO_REUSEPORT"),
            (N::SendBuffer, (SOCKET, 7), "SO_SNDBUF"),
            (N::RecvBuffer, (SOCKET, 8), "SO_RCVBUF"),
            (N::RecvLowAt, (SOCKET, 18), "SO_RCVLOWAT"),
            (N::Linger, (SOCKET, 13), "SO_LINGER"),
            (N::NoDelay, (TCP, 1), "TCP_NODELAY"),
            (N::KeepAlive, (SOCKET, 9), "SO_KEEPALIVE"),
            (N::RecvTimeout, (SOCKET, 20), "SO_RCVTIMEO"),
            (N::SendTimeout, (SOCKET, 21), "SO_SNDTIMEO"),
            (N::Error, (SOCKET, 4), "SO_ERROR"),
            (N::V6Only, (IPV6, 26), "IPV6_V6ONLY"),
            (N::KeepIdle, (TCP, 4), "TCP_KEEPIDLE"),
            (N::KeepInterval, (TCP, 5), "TCP_KEEPINTVL"),
            (N::KeepCount, (TCP, 6), "TCP_KEEPCNT"),
            (N::UserTimeout, (TCP, 18), "TCP_USER_TIMEOUT"),
            (N::Congestion, (TCP, 13), "TCP_CONGESTION"),
            (N::BindToDevice, (SOCKET, 25), "SO_BINDTODEVICE"),
        ]
    };

    /// The codes of [`Number`](SocketOptionName::Number) begin here.
    pub const NUMBERS: u32 = 64;

    /// A number that no other option has.
    pub fn code(self) -> u32 {
        match self {
            SocketOptionName::Number(option) => SocketOptionName::NUMBERS + option as u32,
            own => own.place() as u32,
        }
    }

    /// Its level and its number, as `setsockopt(2)` takes them.
    pub fn number(self) -> (i32, i32) {
        match self {
            SocketOptionName::Number(option) => option.number(),
            own => SocketOptionName::OWN[own.place()].1,
        }
    }

    /// The option of this level and number.
    pub fn find(level: i32, number: i32) -> Option<SocketOptionName> {
        let own = SocketOptionName::OWN.iter().find(|own| own.1 == (level, number)).map(|own| own.0);
        own.or_else(|| NumberOption::find(level, number).map(SocketOptionName::Number))
    }

    /// Where it is in the table.
    fn place(self) -> usize {
        SocketOptionName::OWN.iter().position(|own| own.0 == self).unwrap_or_default()
    }

    /// Whether it is one of TCP's own (`tcp(7)`), which sockets of other protocols do not have.
    pub fn is_tcp(self) -> bool {
        self.number().0 == TCP
    }

    /// Whether it is one of IPv4 (`ip(7)`), which sockets of IPv6 have as well.
    pub fn is_ip(self) -> bool {
        self.number().0 == IP
    }

    /// Whether it is one of IPv6 (`ipv6(7)`).
    pub fn is_ipv6(self) -> bool {
        self.number().0 == IPV6
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
