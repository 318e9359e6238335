//! `wire.split`: a segment is cut and its rest travels behind it: short reads, EAGAIN in the middle of a message.

use super::row::{Amount, KIB, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "wire.split",
    changes: "a segment is cut and its rest travels behind it: short reads, EAGAIN in the middle of a message",
    of: Object::Direction { lane: 1 },
    nth: "segment",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 4 * KIB, Unit::Bytes),
    also: "",
    allowed_by: "recv(2), tcp(7)",
    event: calls::Row::event(2000, "split", &[Arg::Address, Arg::Address, Arg::Count, Arg::Count]),
    usual: true,
};
