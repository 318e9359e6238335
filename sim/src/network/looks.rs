//! What a socket holds, looked at without a change of it: for counters, options and reports. What a caller's poll reports is `tcp`'s.

use super::Network;
use super::connection::Flow;
use eagain_net::Events;

impl Network {
    #[inline]
    fn incoming(&self, sock: u32) -> Option<&Flow> {
        let (conn, incoming) = self.socks.get(sock as usize)?.receives()?;
        Some(&self.conns[conn as usize].flows[incoming])
    }

    /// How many bytes can be received, and whether the urgent one is the first of them.
    pub fn readable(&self, sock: u32) -> Option<(u64, bool)> {
        let f = self.incoming(sock)?;
        Some((f.readable(), f.urgent.is_some() && f.readable_to_mark(0).1))
    }

    /// Whether there is anything to receive. Looks only: polling a socket would change what it reports later.
    #[inline]
    pub fn has_data(&self, sock: u32) -> bool {
        self.incoming(sock).is_some_and(|f| f.readable() > 0)
    }

    /// Whether the peer has ended its side.
    pub fn has_ended(&self, sock: u32) -> bool {
        self.socks.get(sock as usize).is_some_and(|s| s.done)
    }

    /// `SO_RCVTIMEO` or `SO_SNDTIMEO`, in nanoseconds.
    #[inline]
    pub fn timeout(&self, sock: u32, events: Events) -> Option<u64> {
        self.socks.get(sock as usize)?.options.timeout(events)
    }

    /// Bytes that were ever put into the buffer of a socket. What sockets hold together never grows by more than this.
    #[inline]
    pub fn ever_buffered(&self) -> u64 {
        self.buffered
    }

    /// Bytes that a socket's buffers hold.
    #[inline]
    pub fn buffered(&self, sock: u32) -> u64 {
        let s = &self.socks[sock as usize];
        let Some((conn, side)) = s.conn else { return 0 };
        let flows = &self.conns[conn as usize].flows;
        flows[side as usize].queued() + flows[usize::from(s.incoming)].readable()
    }
}
