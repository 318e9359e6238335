//! The other end of a connection, for a report of who waits for whom.

use super::Network;
use crate::NONE;

/// What is known of it.
pub(crate) struct OtherEnd {
    /// The open file that refers to it; [`NONE`]: it is not accepted yet, or closed.
    pub file: u32,
    /// Its program has closed it.
    pub closed: bool,
    /// Bytes that this end has sent and the program at the other has not read.
    pub unread: u64,
}

impl Network {
    /// That of a TCP socket.
    pub fn other_end(&self, sock: u32) -> Option<OtherEnd> {
        let (conn, side) = self.socks.get(sock as usize)?.conn?;
        let conn = self.conns.get(conn as usize)?;
        let flow = &conn.flows[usize::from(side)];
        let unread = flow.written - flow.read;
        let other = self.socks.get(conn.socks[1 - usize::from(side)] as usize);
        let closed = other.is_none_or(|other| other.orphan);
        Some(OtherEnd { file: other.map_or(NONE, |other| other.file), closed, unread })
    }

    /// Whether a TCP socket listens.
    pub fn is_listening(&self, sock: u32) -> bool {
        self.socks.get(sock as usize).is_some_and(|sock| sock.listen.is_some())
    }
}
