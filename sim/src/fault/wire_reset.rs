//! `wire.reset`: a connection is reset between two segments.

use super::row::{Amount, Object, Odds, Row};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "wire.reset",
    changes: "a connection is reset between two segments",
    of: Object::Direction { lane: 3 },
    nth: "segment",
    odds: Odds::rare(8),
    amount: Amount::Happens,
    also: "",
    allowed_by: "RFC 9293 3.5.2",
    event: calls::Row::event(2005, "reset", &[Arg::Address, Arg::Address]),
    usual: false,
};
