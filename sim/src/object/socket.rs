//! A TCP socket and a connection. A connection has two flows, one a direction; the bytes of a flow stay in one queue
//! from `send` to `recv`, and what travels are only positions in it.
//!
//! ```text
//!   read          arrived            sent             written          positions in the stream of one flow
//!    │ receive queue │ on the wire     │ send queue      │
//!    └───────────────┴─────────────────┴─────────────────┘
//!                acked ≤ arrived: what the sender knows to have arrived; written - acked fills its buffer
//! ```

use super::{Acknowledging, ByteQueue};
use crate::choice::Words;
use eagain_net::{Domain, Errno, SocketAddr};
use std::collections::VecDeque;

/// `sk_shutdown` bits: no more to receive.
pub(crate) const RCV: u8 = 1;
/// `sk_shutdown` bits: no more to send.
pub(crate) const SEND: u8 = 2;
/// Both.
pub(crate) const SHUT: u8 = RCV | SEND;

/// The state of the protocol (RFC 9293 3.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tcp {
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
pub(crate) enum SocketState {
    Unconnected,
    Connecting,
    Connected,
    /// Shut while a connection was being made that had failed already: good for nothing any more.
    Disconnecting,
}

/// What `setsockopt` sets.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub reuse_addr: bool,
    pub reuse_port: bool,
    pub no_delay: bool,
    pub keep_alive: bool,
    pub linger: Option<u32>,
    pub low_at: u32,
    /// Bytes; as `getsockopt` shows them.
    pub send_buffer: u32,
    pub recv_buffer: u32,
    /// Set by the program, so that knobs leave them alone.
    pub send_buffer_set: bool,
    pub recv_buffer_set: bool,
    /// Nanoseconds.
    pub recv_timeout: Option<u64>,
    pub send_timeout: Option<u64>,
}

/// A listening socket's queue.
pub(crate) struct Listen {
    pub backlog: usize,
    /// The event of the fault that made it short, or 0.
    pub short_backlog_cause: u64,
    /// Connections that are established and wait for `accept`.
    pub queue: VecDeque<u32>,
    /// Handshakes under way.
    pub half_open: usize,
}

/// What a socket holds of its local address (`inet_num`, `SOCK_BINDADDR_LOCK`, `SOCK_BINDPORT_LOCK`).
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Port {
    /// The port is taken in its name.
    pub held: bool,
    /// By being accepted: together with the listener and all that were accepted there.
    pub inherited: bool,
    /// The program chose the address: it stays when the connection ends.
    pub address_locked: bool,
    /// The program chose the port: it stays when the connection ends.
    pub port_locked: bool,
}

/// A TCP socket.
pub(crate) struct Sock {
    /// The open file that refers to it; `NONE`: not accepted yet, or closed.
    pub file: u32,
    pub host: u32,
    pub domain: Domain,
    pub state: SocketState,
    pub tcp: Tcp,
    /// As `getsockname` shows it: still so after the port was given back.
    pub local: Option<SocketAddr>,
    pub remote: Option<SocketAddr>,
    pub port: Port,
    /// The connection, its generation, and which side of it this is.
    pub conn: Option<(u32, u8)>,
    pub listen: Option<Box<Listen>>,
    /// The listener that it came through, while it waits there.
    pub parent: u32,
    /// `sk_err`.
    pub error: Option<Errno>,
    pub shutdown: u8,
    /// The peer's FIN came (`SOCK_DONE`).
    pub done: bool,
    /// A write did not fit (`SOCK_NOSPACE`): tell when there is room.
    pub no_space: bool,
    /// Closed by the program; lives on until the protocol is done.
    pub orphan: bool,
    pub options: Options,
}

/// What travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SegmentKind {
    /// The last step of the handshake.
    Open,
    Data,
    Fin,
    Rst,
}

/// A piece on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub at: u64,
    /// The position behind its last byte.
    pub end: u64,
    pub kind: SegmentKind,
    /// The event of the fault that held it up, or 0.
    pub cause: u64,
}

/// What the receiver knows of urgent data.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Mark {
    /// Nothing, or it has been read past.
    #[default]
    None,
    /// The byte can be taken.
    Valid,
    /// It was taken; the place in the stream is still there.
    Read,
}

/// Urgent data of one direction.
#[derive(Default)]
pub(crate) struct Urgent {
    /// Positions of urgent bytes that have not arrived.
    pub sent: VecDeque<u64>,
    /// The position of the last that has.
    pub at: u64,
    pub mark: Mark,
}

/// One direction of a connection.
#[derive(Default)]
pub(crate) struct Flow {
    pub bytes: ByteQueue,
    pub read: u64,
    pub arrived: u64,
    pub sent: u64,
    pub written: u64,
    pub acked: u64,
    /// On the wire, in order.
    pub wire: VecDeque<Segment>,
    /// The agenda has an entry for the head of `wire`.
    pub arriving: bool,
    /// Acknowledgements on their way back: when they are there, and up to where.
    pub acks: VecDeque<(u64, u64)>,
    /// The agenda has an entry for the head of `acks`.
    pub spacing: bool,
    /// The agenda has an entry to send again.
    pub pumping: bool,
    /// Nothing leaves before this.
    pub held_until: u64,
    pub held_cause: u64,
    /// What leaves before this is lost, and acknowledgements too: a black hole, and its event.
    pub lost_until: u64,
    pub lost_cause: u64,
    /// `FIN`: the program has shut it; it has left; it has arrived.
    pub fin_written: bool,
    pub fin_sent: bool,
    pub fin_arrived: bool,
    /// Its sender knows.
    pub fin_acked: bool,
    /// What its receiver acknowledges, and when.
    pub acknowledging: Acknowledging,
    /// A reset has left or come: nothing moves any more.
    pub dead: bool,
    /// The sender waits for the receiver's window.
    pub window_closed: bool,
    /// How often its head was sent again in vain.
    pub retries: u32,
    /// Bytes; how much the sender's and the receiver's buffer hold.
    pub send_buffer: u64,
    pub recv_buffer: u64,
    pub small_buffer_cause: u64,
    /// Bytes a second; 0: no limit.
    pub bandwidth: u64,
    pub bandwidth_cause: u64,
    /// Urgent data; `None` until there was any.
    pub urgent: Option<Box<Urgent>>,
    pub last_at: u64,
    /// Segments so far: the ordinal of their choices.
    pub segments: u64,
    /// The ordinal behind the last segment that was asked whether it stalls.
    pub asked: u64,
    pub segment_words: Words,
    pub gap_words: Words,
}

impl Flow {
    /// Acknowledgements that are there by `now` free the sender's buffer.
    #[inline]
    pub fn settle_acks(&mut self, now: u64) {
        while let Some(&(at, end)) = self.acks.front()
            && at <= now
        {
            self.acked = end;
            self.acks.pop_front();
        }
    }

    /// Bytes that can be received.
    #[inline]
    pub fn readable(&self) -> u64 {
        self.arrived - self.read
    }

    /// Bytes that the sender's buffer holds.
    #[inline]
    pub fn queued(&self) -> u64 {
        self.written - self.acked
    }

    /// Bytes that fit into the sender's buffer.
    #[inline]
    pub fn free(&self) -> u64 {
        self.send_buffer.saturating_sub(self.queued())
    }

    /// Whether poll says writable: free is at least half of what is queued (`sk_stream_is_writeable`).
    #[inline]
    pub fn writable(&self) -> bool {
        let free = self.free();
        free > 0 && free >= self.queued() / 2
    }

    /// The fault that holds up what is to come next, or 0.
    pub fn cause(&self) -> u64 {
        match self.wire.front() {
            Some(segment) if segment.cause != 0 => segment.cause,
            _ if self.held_cause != 0 => self.held_cause,
            _ => 0,
        }
    }
}

/// A connection between two sockets: side 0 called, side 1 was called.
pub(crate) struct Conn {
    pub generation: u32,
    /// `NONE`: gone, or not there yet.
    pub socks: [u32; 2],
    /// Flow `i` goes from side `i` to the other.
    pub flows: [Flow; 2],
    pub hosts: [u32; 2],
    pub addresses: [SocketAddr; 2],
    /// The same as words of an event.
    pub words: [u64; 2],
    /// One way, in nanoseconds.
    pub latency: u64,
    /// The process that called, and the how-manieth connection to this destination it is: its name.
    pub caller: u32,
    pub ordinal: u32,
    /// How often the SYN was sent.
    pub syns: u32,
    /// The power of this side's host failed: it knows nothing of the connection any more.
    pub lost: [bool; 2],
}
