//! `stream.short-write`: a write takes no more than so many bytes.

use super::row::{Amount, KIB, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "stream.short-write",
    changes: "a write takes no more than so many bytes",
    of: Object::Stream,
    nth: "write",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 4 * KIB, Unit::Bytes),
    also: "",
    allowed_by: "write(2), socket(7)",
    event: calls::Row::event(2030, "short", &[Arg::Count]),
    usual: false,
};
