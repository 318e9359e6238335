//! `buffer.recv`: the receive buffer is small, so that the peer's send buffer fills.

use super::row::{Amount, KIB, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "buffer.recv",
    changes: "the receive buffer is small, so that the peer's send buffer fills",
    of: Object::Direction { lane: 1 },
    nth: "",
    odds: Odds::often(4, 32_768),
    amount: Amount::Log(1, 16 * KIB, Unit::Bytes),
    also: "not below `tight_buffer_min` nor above what is set",
    allowed_by: "socket(7), SO_RCVBUF",
    event: calls::Row::event(2003, "tight-buffer", &[Arg::Address, Arg::Address, Arg::Count]),
    usual: true,
};
