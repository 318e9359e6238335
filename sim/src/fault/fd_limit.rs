//! `fd.limit`: the descriptor table is full for a while: EMFILE.

use super::row::{Amount, MS, Object, Odds, Row, S, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "fd.limit",
    changes: "the descriptor table is full for a while: EMFILE",
    of: Object::Process,
    nth: "descriptor",
    odds: Odds::rare(4),
    amount: Amount::Log(MS, S, Unit::Ns),
    also: "",
    allowed_by: "getrlimit(2), accept(2)",
    event: calls::Row::event(2007, "fd-limit", &[Arg::Number, Arg::Duration]),
    usual: false,
};
