//! `aio.late`: a thread of the C library takes up an AIO operation, or continues it, later.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "aio.late",
    changes: "a thread of the C library takes up an AIO operation, or continues it, later",
    of: Object::Process,
    nth: "step",
    odds: Odds::rare(1),
    amount: Amount::Log(US, 20 * MS, Unit::Ns),
    also: "",
    allowed_by: "aio(7)",
    event: calls::Row::event(2018, "aio-late", &[Arg::Number, Arg::Duration]),
    usual: true,
};
