//! `buffer.send`: the send buffer is small: short writes, EAGAIN.

use super::row::{Amount, KIB, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "buffer.send",
    changes: "the send buffer is small: short writes, EAGAIN",
    of: Object::Direction { lane: 0 },
    nth: "",
    odds: Odds::often(4, 32_768),
    amount: Amount::Log(1, 16 * KIB, Unit::Bytes),
    also: "not below `tight_buffer_min` nor above what is set",
    allowed_by: "socket(7), SO_SNDBUF",
    event: calls::Row::event(2003, "tight-buffer", &[Arg::Address, Arg::Address, Arg::Count]),
    usual: true,
};
