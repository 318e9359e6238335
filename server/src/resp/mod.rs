//! The Redis protocol, without I/O.
//!
//! In the order in which one request meets them: [`decode`] finds where a request ends and where its arguments lie
//! (with [`inline`] for requests typed by hand), [`arguments`] is the view that commands read, [`encode`] writes the
//! reply. The other end of a connection is here too: [`decode_reply`] turns a server's bytes into [`frame`]s, for
//! scenario clients and for the links between servers. [`number`] is the one strict integer grammar of them all.
//!
//! Nothing here knows a socket, a buffer's growth or a command; that is left to `io_unit` and `logic_unit`.

pub mod arguments;
pub mod decode;
pub mod decode_reply;
pub mod encode;
pub mod frame;
pub mod inline;
pub mod number;

pub use arguments::{Arguments, Span};
pub use decode::{Decoder, ProtocolError};
pub use decode_reply::{ReplyDecoder, ReplyError};
pub use encode::{Reply, encode_request};
pub use frame::Frame;

/// The dialect in which replies are written; `HELLO` chooses it per connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The dialect of every connection until it says otherwise.
    #[default]
    Resp2,
    /// Typed replies: maps, sets, doubles, booleans, pushes.
    Resp3,
}

impl Protocol {
    /// The number by which `HELLO` and `CLIENT INFO` call it.
    pub fn number(self) -> i64 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}
