//! A connection between two sockets. It has two flows, one a direction; the bytes of a flow stay in one queue
//! from `send` to `recv`, and what travels are only positions in it.
//!
//! ```text
//!   read          arrived            sent             written          positions in the stream of one flow
//!    │ receive queue │ on the wire     │ send queue      │
//!    └───────────────┴─────────────────┴─────────────────┘
//!                acked ≤ arrived: what the sender knows to have arrived; written - acked fills its buffer
//! ```

use super::cork::Cork;
use super::partition::retry_after;
use super::{Acknowledging, ByteQueue, Fifo};
use crate::choice::Words;
use eagain_net::SocketAddr;
use std::collections::VecDeque;

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
    pub(super) at: u64,
    /// The position behind its last byte.
    pub(super) end: u64,
    pub(super) kind: SegmentKind,
    /// The event of the fault that held it up, or 0.
    pub(super) cause: u64,
}

/// What the receiver knows of urgent data.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Mark {
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
pub(super) struct Urgent {
    /// Positions of urgent bytes that have not arrived.
    pub(super) sent: VecDeque<u64>,
    /// The position of the last that has.
    pub(super) at: u64,
    pub(super) mark: Mark,
}

/// One direction of a connection.
#[derive(Default)]
pub(super) struct Flow {
    pub(super) bytes: ByteQueue,
    pub(super) read: u64,
    pub(super) arrived: u64,
    pub(super) sent: u64,
    pub(super) written: u64,
    pub(super) acked: u64,
    /// On the wire, in order.
    pub(super) wire: Fifo<Segment>,
    /// The event queue has an entry for the head of `wire`.
    pub(super) arriving: bool,
    /// Acknowledgements on their way back: when they are there, and up to where.
    pub(super) acks: Fifo<(u64, u64)>,
    /// The event queue has an entry for the head of `acks`.
    pub(super) spacing: bool,
    /// The event queue has an entry to send again.
    pub(super) resuming: bool,
    /// Nothing leaves before this.
    pub(super) held_until: u64,
    pub(super) held_cause: u64,
    /// What leaves before this is lost, and acknowledgements too: a black hole, and its event.
    pub(super) lost_until: u64,
    pub(super) lost_cause: u64,
    /// `FIN`: the program has shut it; it has left; it has arrived.
    pub(super) fin_written: bool,
    pub(super) fin_sent: bool,
    pub(super) fin_arrived: bool,
    /// Its sender knows.
    pub(super) fin_acked: bool,
    /// What its receiver acknowledges, and when.
    pub(super) acknowledging: Acknowledging,
    /// A reset has left or come: nothing moves any more.
    pub(super) dead: bool,
    /// The sender waits for the receiver's window, and since when.
    pub(super) window_closed: bool,
    pub(super) closed_since: u64,
    /// The window has opened, and the sender learns it then, by a probe; 0: by a window update.
    pub(super) unannounced_until: u64,
    /// How often its head was sent again in vain, or a probe; and since when.
    pub(super) retries: u32,
    pub(super) tried_from: u64,
    /// The event queue has an entry for a probe.
    pub(super) probing: bool,
    /// Bytes; how much the sender's and the receiver's buffer hold.
    pub(super) send_buffer: u64,
    pub(super) recv_buffer: u64,
    pub(super) small_buffer_cause: u64,
    /// Bytes a second; 0: no limit.
    pub(super) bandwidth: u64,
    pub(super) bandwidth_cause: u64,
    /// Urgent data; `None` until there was any.
    pub(super) urgent: Option<Box<Urgent>>,
    /// `TCP_CORK`; `None` until it was set.
    pub(super) cork: Option<Box<Cork>>,
    pub(super) last_at: u64,
    /// Segments so far: the ordinal of their choices.
    pub(super) segments: u64,
    /// The ordinal behind the last segment that was asked whether it stalls.
    pub(super) asked: u64,
    pub(super) segment_words: Words,
    pub(super) gap_words: Words,
}

impl Flow {
    /// Acknowledgements that are there by `now` free the sender's buffer.
    #[inline(always)]
    pub fn take_acks(&mut self, now: u64) {
        while let Some(&(at, end)) = self.acks.front()
            && at <= now
        {
            self.acked = end;
            self.acks.pop_front();
        }
    }

    /// Bytes that can be received.
    #[inline(always)]
    pub fn readable(&self) -> u64 {
        self.arrived - self.read
    }

    /// `tcp_epollin_ready`: whether at least `low` bytes can be read, or the buffer is full: then no more will come before
    /// something is read.
    #[inline(always)]
    pub fn is_enough(&self, low: u64) -> bool {
        self.readable() >= low || low > 1 && self.is_full()
    }

    /// `tcp_rmem_pressure`: less than an eighth of the receiver's buffer is free.
    #[cold]
    fn is_full(&self) -> bool {
        self.readable() >= (self.recv_buffer - self.recv_buffer / 8).max(1)
    }

    /// Bytes that the sender's buffer holds.
    #[inline(always)]
    pub fn queued(&self) -> u64 {
        self.written - self.acked
    }

    /// Bytes that fit into the sender's buffer.
    #[inline(always)]
    pub fn free(&self) -> u64 {
        self.send_buffer.saturating_sub(self.queued())
    }

    /// Whether poll says writable: free is at least half of what is queued (`sk_stream_is_writeable`).
    #[inline(always)]
    pub fn writable(&self) -> bool {
        let free = self.free();
        free > 0 && free >= self.queued() / 2
    }

    /// The receiver has read: whether a sender that found the window closed may send again now, half of it being open, and is
    /// not about to.
    #[inline(always)]
    pub fn opens_window(&mut self) -> bool {
        if !self.window_closed {
            return false;
        }
        let open = self.recv_buffer - (self.sent - self.read).min(self.recv_buffer);
        if open < (self.recv_buffer / 2).max(1) {
            return false;
        }
        self.window_closed = false;
        !std::mem::replace(&mut self.resuming, true)
    }

    /// How long it is until the sender asks again for a window that it has found closed (`tcp_probe_timer`).
    #[cold]
    pub fn until_probe(&self, now: u64) -> u64 {
        let mut at = self.closed_since;
        for times in 1.. {
            at += retry_after(times);
            if at > now {
                break;
            }
        }
        at - now
    }

    /// Whether the FIN has arrived and its sender does not know.
    #[inline(always)]
    pub fn fin_ack_waits(&self) -> bool {
        self.fin_arrived && !self.fin_acked
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
pub(super) struct Conn {
    pub(super) generation: u32,
    /// `NONE`: gone, or not there yet.
    pub(super) socks: [u32; 2],
    /// Flow `i` goes from side `i` to the other.
    pub(super) flows: [Flow; 2],
    pub(super) hosts: [u32; 2],
    pub(super) addresses: [SocketAddr; 2],
    /// The same as words of an event.
    pub(super) words: [u64; 2],
    /// One way, in nanoseconds.
    pub(super) latency: u64,
    /// The process that called, as index of its name, and which of its connections to this destination it is: its name.
    pub(super) caller: u32,
    pub(super) ordinal: u32,
    /// How often the SYN was sent; the time for an answer is over when the next event of it comes.
    pub(super) syns: u32,
    pub(super) last_syn: bool,
    /// The power of this side's host failed: it knows nothing of the connection any more.
    pub(super) lost: [bool; 2],
}
