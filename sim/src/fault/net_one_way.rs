//! `net.one-way`: one host cannot reach another for a while, but receives from it.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "net.one-way",
    changes: "one host cannot reach another for a while, but receives from it",
    of: Object::OrderedPairOfHosts,
    nth: "interval",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 2_000, Unit::Milliseconds),
    also: "",
    allowed_by: "RFC 9293 3.8",
    event: calls::Row::event(2036, "one-way", &[Arg::Text, Arg::Text, Arg::Duration]),
    usual: false,
};
