//! A TCP socket: what the program sees of it and has set, and where it is in the protocol.

use crate::world::NONE;
use eagain_net::{Domain, Errno, SocketAddr};
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

/// What `setsockopt` sets.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) reuse_addr: bool,
    pub(super) reuse_port: bool,
    pub(super) no_delay: bool,
    pub(super) keep_alive: bool,
    pub(super) linger: Option<u32>,
    pub(super) low_at: u32,
    /// Bytes; as `getsockopt` shows them.
    pub(super) send_buffer: u32,
    pub(super) recv_buffer: u32,
    /// Nanoseconds.
    pub(super) recv_timeout: Option<u64>,
    pub(super) send_timeout: Option<u64>,
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
    pub(super) listen: Option<Box<Listen>>,
    /// The listener that it came through, while it waits there.
    pub(super) parent: u32,
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
            listen: None,
            parent: NONE,
            error: None,
            shutdown: 0,
            done: false,
            no_space: false,
            orphan: false,
            options,
        }
    }
}
