//! `stream.short-read`: a read returns no more than so many bytes; the rest stays.

use super::row::{Amount, KIB, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "stream.short-read",
    changes: "a read returns no more than so many bytes; the rest stays",
    of: Object::Stream,
    nth: "read",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 4 * KIB, Unit::Bytes),
    also: "",
    allowed_by: "read(2), tcp(7)",
    event: calls::Row::event(2030, "short", &[Arg::Count]),
    usual: false,
};
