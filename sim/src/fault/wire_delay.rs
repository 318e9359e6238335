//! `wire.delay`: a segment arrives later.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "wire.delay",
    changes: "a segment arrives later",
    of: Object::Direction { lane: 0 },
    nth: "segment",
    odds: Odds::rare(1),
    amount: Amount::Log(US, 300 * MS, Unit::Ns),
    also: "",
    allowed_by: "RFC 9293 3.8.1",
    event: calls::Row::event(2001, "delay", &[Arg::Address, Arg::Address, Arg::Duration]),
    usual: true,
};
