//! `wire.stall`: a direction carries nothing for a while.

use super::row::{Amount, MS, Object, Odds, Row, S, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "wire.stall",
    changes: "a direction carries nothing for a while",
    of: Object::Direction { lane: 2 },
    nth: "segment",
    odds: Odds::rare(4),
    amount: Amount::Log(MS, 3 * S, Unit::Ns),
    also: "",
    allowed_by: "RFC 9293 3.8.1",
    event: calls::Row::event(2002, "stall", &[Arg::Address, Arg::Address, Arg::Duration]),
    usual: true,
};
