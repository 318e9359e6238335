//! `link.partition`: two hosts cannot reach each other, or one cannot reach the other, for a while.

use super::row::{Amount, MS, Object, Odds, Row, S, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "link.partition",
    changes: "two hosts cannot reach each other, or one cannot reach the other, for a while",
    of: Object::Network,
    nth: "partition",
    odds: Odds::often(8, 60_000),
    amount: Amount::Log(10 * MS, 20 * S, Unit::Ns),
    also: "after the last one, for 20 ms to 10 s",
    allowed_by: "RFC 9293 3.8.1",
    event: calls::Row::event(2010, "partition", &[Arg::Host, Arg::Host, Arg::Duration]),
    usual: false,
};
