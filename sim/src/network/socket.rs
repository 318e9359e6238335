//! A TCP socket: what the program sees of it and has set, and where it is in the protocol. The options are those of all sockets.

/// `SOCK_MIN_SNDBUF` and `SOCK_MIN_RCVBUF`, as `getsockopt` shows them.
const SEND_BUFFER_MIN: u32 = 4608;
const RECV_BUFFER_MIN: u32 = 2304;
/// `net.ipv4.tcp_rmem`, the last of the three.
const TCP_RMEM_MAX: u32 = 32 << 20;
const CORE_BUFFER: u32 = 212_992;

use super::number_option::{Numbers, Of};
use super::ticks::{TICK_NS, duration, ticks};
use crate::NONE;
use crate::knobs::KernelKnobs;
use crate::scheduler::FOREVER;
use eagain_net::{Domain, Errno, Events, OptionText, Result, SocketAddr, SocketOption, SocketOptionName};
use std::collections::VecDeque;

/// `sk_shutdown` bits: no more to receive.
pub(super) const RCV: u8 = 1;
/// `sk_shutdown` bits: no more to send.
pub(super) const SEND: u8 = 2;
/// Both.
pub(super) const SHUT: u8 = RCV | SEND;

/// The state of the protocol (RFC 9293 3.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tcp {
    Close,
    Listen,
    SynSent,
    SynRecv,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
}

/// The state of the socket layer (`enum sock_state` of the kernel).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SocketState {
    Unconnected,
    Connecting,
    Connected,
    /// Shut while a connection was being made that had failed already: good for nothing any more.
    Disconnecting,
}

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// What `setsockopt` sets.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) reuse_addr: bool,
    pub(super) reuse_port: bool,
    pub(super) no_delay: bool,
    pub(super) keep_alive: bool,
    pub(super) v6_only: bool,
    /// `SO_KEEPALIVE`: after how long, how often then (nanoseconds), and how many probes.
    pub(super) keep_idle: u64,
    pub(super) keep_interval: u64,
    pub(super) keep_count: u32,
    /// `TCP_USER_TIMEOUT` in nanoseconds; 0: none.
    pub(super) user_timeout: u64,
    pub(super) linger: Option<u32>,
    pub(super) low_at: u32,
    /// Bytes; as `getsockopt` shows them.
    pub(super) send_buffer: u32,
    pub(super) recv_buffer: u32,
    /// `SO_RCVBUF` was set (`SOCK_RCVBUF_LOCK`): else the kernel may enlarge it.
    recv_locked: bool,
    /// In ticks.
    recv_timeout: Option<u64>,
    send_timeout: Option<u64>,
    pub(super) numbers: Numbers,
    /// `None`: as the machine has it.
    congestion: Option<OptionText>,
    device: OptionText,
}

/// `net.ipv4.tcp_available_congestion_control`, the default first; and the interfaces of a host.
const CONGESTION: [&[u8]; 2] = [b"cubic", b"reno"];
const INTERFACES: [&[u8]; 2] = [b"lo", b"eth0"];

impl Options {
    /// Those of TCP.
    pub(super) fn new(knobs: &KernelKnobs) -> Options {
        Options { send_buffer: knobs.send_buffer, recv_buffer: knobs.recv_buffer, ..Options::plain() }
    }

    /// As a socket has them whose protocol has no buffers of its own: `net.core.wmem_default`, `net.core.rmem_default`.
    pub(super) fn plain() -> Options {
        Options {
            reuse_addr: false,
            reuse_port: false,
            no_delay: false,
            keep_alive: false,
            v6_only: false,
            keep_idle: 7_200 * SECOND,
            keep_interval: 75 * SECOND,
            keep_count: 9,
            user_timeout: 0,
            linger: None,
            low_at: 1,
            send_buffer: CORE_BUFFER,
            recv_buffer: CORE_BUFFER,
            recv_locked: false,
            recv_timeout: None,
            send_timeout: None,
            numbers: Numbers::default(),
            congestion: None,
            device: OptionText::default(),
        }
    }

    /// Those of a socket that is accepted.
    pub(super) fn inherited(&self) -> Options {
        Options { numbers: self.numbers.inherited(), ..self.clone() }
    }

    /// How long a wait for these lasts at most, in nanoseconds.
    pub(super) fn timeout(&self, events: Events) -> Option<u64> {
        let ticks = if events == Events::OUT { self.send_timeout } else { self.recv_timeout };
        ticks.map(|ticks| ticks.saturating_mul(TICK_NS))
    }

    /// When a wait for these is over that begins `now`; [`FOREVER`](crate::scheduler::FOREVER): never.
    pub(super) fn deadline(&self, events: Events, now: u64) -> u64 {
        self.timeout(events).map_or(FOREVER, |after| now.saturating_add(after).min(FOREVER - 1))
    }

    /// `tcp_set_rcvlowat`: at most half the buffer, which grows with it as long as the program has not set that.
    pub(super) fn set_low_at(&mut self, bytes: u32) {
        let most = if self.recv_locked { self.recv_buffer } else { TCP_RMEM_MAX };
        self.low_at = bytes.min(most / 2).max(1);
        if !self.recv_locked {
            self.recv_buffer = self.recv_buffer.max(2 * self.low_at);
        }
    }

    /// `setsockopt(2)`, as far as it only sets a value.
    pub(super) fn set(&mut self, option: SocketOption, knobs: &KernelKnobs, of: Of) -> Result<()> {
        use SocketOption as O;
        match option {
            O::ReuseAddr(on) => self.reuse_addr = on,
            O::ReusePort(on) => self.reuse_port = on,
            O::NoDelay(on) => self.no_delay = on,
            O::KeepAlive(on) => self.keep_alive = on,
            O::V6Only(on) => self.v6_only = on,
            // `tcp_sock_set_keepidle_locked` and its neighbours.
            O::KeepIdle(seconds @ 1..=32_767) => self.keep_idle = u64::from(seconds) * SECOND,
            O::KeepInterval(seconds @ 1..=32_767) => self.keep_interval = u64::from(seconds) * SECOND,
            O::KeepCount(count @ 1..=127) => self.keep_count = count,
            O::KeepIdle(_) | O::KeepInterval(_) | O::KeepCount(_) => return Err(Errno::EINVAL),
            O::UserTimeout(ms) => self.user_timeout = u64::from(ms.min(i32::MAX as u32)) * 1_000_000,
            // It is an `int`.
            O::Linger(seconds) => self.linger = seconds.map(|seconds| seconds.min(i32::MAX as u32)),
            O::RecvLowAt(bytes) => self.low_at = bytes.min(i32::MAX as u32).max(1),
            O::RecvTimeout(d) => self.recv_timeout = ticks(d),
            O::SendTimeout(d) => self.send_timeout = ticks(d),
            O::SendBuffer(bytes) => {
                self.send_buffer = bytes.min(knobs.wmem_max).saturating_mul(2).max(SEND_BUFFER_MIN);
            }
            O::RecvBuffer(bytes) => {
                self.recv_buffer = bytes.min(knobs.rmem_max).saturating_mul(2).max(RECV_BUFFER_MIN);
                self.recv_locked = true;
            }
            O::Error(_) => return Err(Errno::ENOPROTOOPT),
            O::Congestion(name) if !CONGESTION.contains(&name.bytes()) => return Err(Errno::ENOENT),
            O::Congestion(name) => self.congestion = Some(name),
            O::BindToDevice(name) if !name.bytes().is_empty() && !INTERFACES.contains(&name.bytes()) => {
                return Err(Errno::ENODEV);
            }
            O::BindToDevice(name) => self.device = name,
            O::Number(option, value) => self.numbers.set(option, value, of)?,
        }
        Ok(())
    }

    /// `getsockopt(2)`; `error` is what `SO_ERROR` gives.
    pub(super) fn get(
        &self,
        option: SocketOptionName,
        of: Of,
        error: impl FnOnce() -> Option<Errno>,
    ) -> Result<SocketOption> {
        use SocketOption as O;
        use SocketOptionName as N;
        Ok(match option {
            N::ReuseAddr => O::ReuseAddr(self.reuse_addr),
            N::ReusePort => O::ReusePort(self.reuse_port),
            N::NoDelay => O::NoDelay(self.no_delay),
            N::KeepAlive => O::KeepAlive(self.keep_alive),
            N::V6Only => O::V6Only(self.v6_only),
            N::KeepIdle => O::KeepIdle((self.keep_idle / SECOND) as u32),
            N::KeepInterval => O::KeepInterval((self.keep_interval / SECOND) as u32),
            N::KeepCount => O::KeepCount(self.keep_count),
            N::UserTimeout => O::UserTimeout((self.user_timeout / 1_000_000) as u32),
            N::Linger => O::Linger(self.linger),
            N::RecvLowAt => O::RecvLowAt(self.low_at),
            N::RecvTimeout => O::RecvTimeout(self.recv_timeout.map(duration)),
            N::SendTimeout => O::SendTimeout(self.send_timeout.map(duration)),
            N::SendBuffer => O::SendBuffer(self.send_buffer),
            N::RecvBuffer => O::RecvBuffer(self.recv_buffer),
            N::Error => O::Error(error()),
            N::Congestion => O::Congestion(self.congestion.unwrap_or(OptionText::new(CONGESTION[0]))),
            N::BindToDevice => O::BindToDevice(self.device),
            N::Number(option) => O::Number(option, self.numbers.get(option, of)?),
        })
    }
}

/// Whether a socket has an option: of TCP's own only one of TCP (`tcp`), of IPv6 only one of IPv6, of IPv4 both. Otherwise what
/// setting it gives, and reading it (`do_sock_setsockopt`, `ip_getsockopt`, `ipv6_getsockopt`).
pub(super) fn refusal(option: SocketOptionName, domain: Domain, tcp: bool) -> Option<(Errno, Errno)> {
    let foreign = option.is_tcp() && !tcp;
    match domain {
        Domain::Unix if foreign || option.is_ipv6() || option.is_ip() => {
            Some((Errno::EOPNOTSUPP, Errno::EOPNOTSUPP))
        }
        Domain::Inet if foreign || option.is_ipv6() => Some((Errno::ENOPROTOOPT, Errno::EOPNOTSUPP)),
        Domain::Inet6 if foreign => Some((Errno::ENOPROTOOPT, Errno::ENOPROTOOPT)),
        _ => None,
    }
}

/// A listening socket's queue.
pub(super) struct Listen {
    pub(super) backlog: usize,
    /// The event of the fault that made it short, or 0.
    pub(super) short_backlog_cause: u64,
    /// Connections that are established and wait for `accept`.
    pub(super) queue: VecDeque<u32>,
    /// Handshakes under way.
    pub(super) half_open: usize,
}

/// What a socket holds of its local address (`inet_num`, `SOCK_BINDADDR_LOCK`, `SOCK_BINDPORT_LOCK`).
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Port {
    /// The port is taken in its name.
    pub(super) held: bool,
    /// By being accepted: together with the listener and all that were accepted there.
    pub(super) inherited: bool,
    /// The program chose the address: it stays when the connection ends.
    pub(super) address_locked: bool,
    /// The program chose the port: it stays when the connection ends.
    pub(super) port_locked: bool,
}

/// A TCP socket.
pub(super) struct Sock {
    /// The open file that refers to it; `NONE`: not accepted yet, or closed.
    pub(super) file: u32,
    pub(super) host: u32,
    pub(super) domain: Domain,
    pub(super) state: SocketState,
    pub(super) tcp: Tcp,
    /// As `getsockname` shows it: still so after the port was given back.
    pub(super) local: Option<SocketAddr>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) port: Port,
    /// The connection, its generation, and which side of it this is.
    pub(super) conn: Option<(u32, u8)>,
    /// Which flow of that it receives: the other side's, or its own where it is connected to itself.
    pub(super) incoming: u8,
    pub(super) listen: Option<Box<Listen>>,
    /// The listener that it came through, while it waits there.
    pub(super) parent: u32,
    /// How often it was disconnected (`sk_disconnects`).
    pub(super) disconnects: u32,
    /// `sk_err`.
    pub(super) error: Option<Errno>,
    pub(super) shutdown: u8,
    /// The peer's FIN came (`SOCK_DONE`).
    pub(super) done: bool,
    /// A write did not fit (`SOCK_NOSPACE`): notify when there is room.
    pub(super) no_space: bool,
    /// Closed by the program; lives on until the protocol is done.
    pub(super) orphan: bool,
    pub(super) options: Options,
}

impl Sock {
    pub(super) fn new(host: u32, domain: Domain, options: Options) -> Sock {
        Sock {
            file: NONE,
            host,
            domain,
            state: SocketState::Unconnected,
            tcp: Tcp::Close,
            local: None,
            remote: None,
            port: Port::default(),
            conn: None,
            incoming: 0,
            listen: None,
            parent: NONE,
            disconnects: 0,
            error: None,
            shutdown: 0,
            done: false,
            no_space: false,
            orphan: false,
            options,
        }
    }

    /// Becomes one side of a connection.
    pub(super) fn join(&mut self, conn: u32, side: u8) {
        self.conn = Some((conn, side));
        self.incoming = 1 - side;
    }

    /// The connection, and which flow of it this receives.
    #[inline(always)]
    pub(super) fn receives(&self) -> Option<(u32, usize)> {
        self.conn.map(|(conn, _)| (conn, usize::from(self.incoming)))
    }
}
