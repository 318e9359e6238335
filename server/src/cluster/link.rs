//! A link as the proxy sees it: a [`PermanentConnection`], and what may stand around it to see, or to change, what becomes of
//! the requests on it. What is not about requests (connecting, bytes to send) is the connection's own.

use super::permanent_connection::{Answer, LinkOptions, PermanentConnection};
use super::reply_span::NoReply;
use crate::resp::Protocol;
use std::fmt::Debug;

/// Takes the number of a request and what became of it.
pub type Answers<'a> = &'a mut dyn FnMut(u64, Answer);

/// Makes a link; the number is a seed for its jitter.
pub type NewLink = fn(LinkOptions, u64) -> Box<dyn Link>;

/// A link. Each method that is given does what the one of [`PermanentConnection`] with its name does.
pub trait Link: Debug {
    /// The connection.
    fn connection(&self) -> &PermanentConnection;

    /// The connection.
    fn connection_mut(&mut self) -> &mut PermanentConnection;

    /// See [`PermanentConnection::offer`].
    fn offer(&mut self, id: u64, bytes: &[u8], protocol: Protocol, deadline_ns: u64, now_ns: u64) -> bool {
        self.connection_mut().offer(id, bytes, protocol, deadline_ns, now_ns)
    }

    /// See [`PermanentConnection::received`].
    fn received(&mut self, bytes: &[u8], now_ns: u64, answer: Answers<'_>) -> Result<(), NoReply> {
        self.connection_mut().received(bytes, now_ns, answer)
    }

    /// See [`PermanentConnection::lost`].
    fn lost(&mut self, now_ns: u64, answer: Answers<'_>) {
        self.connection_mut().lost(now_ns, answer);
    }

    /// See [`PermanentConnection::deadline`].
    fn deadline(&self) -> u64 {
        self.connection().deadline()
    }

    /// See [`PermanentConnection::tick`].
    fn tick(&mut self, now_ns: u64, answer: Answers<'_>) -> bool {
        self.connection_mut().tick(now_ns, answer)
    }
}

impl Link for PermanentConnection {
    fn connection(&self) -> &PermanentConnection {
        self
    }

    fn connection_mut(&mut self) -> &mut PermanentConnection {
        self
    }
}

/// A [`PermanentConnection`] with nothing around it.
pub fn plain(options: LinkOptions, seed: u64) -> Box<dyn Link> {
    Box::new(PermanentConnection::new(options, seed))
}
