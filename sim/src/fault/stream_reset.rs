//! `stream.reset`: a write takes some bytes, then the connection is reset.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "stream.reset",
    changes: "a write takes some bytes, then the connection is reset",
    of: Object::Stream,
    nth: "write",
    odds: Odds::rare(32),
    amount: Amount::Log(1, 4_096, Unit::BytesPlusOne),
    also: "n: n-1 bytes are taken",
    allowed_by: "RFC 9293 3.5.2, ECONNRESET in recv(2)",
    event: calls::Row::event(2033, "reset", &[Arg::Count]),
    usual: false,
};
