//! `net.partition`: two hosts cannot reach each other for a while; what they send is lost.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "net.partition",
    changes: "two hosts cannot reach each other for a while; what they send is lost",
    of: Object::PairOfHosts,
    nth: "interval",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 2_000, Unit::Milliseconds),
    also: "",
    allowed_by: "RFC 9293 3.8",
    event: calls::Row::event(2035, "partition", &[Arg::Text, Arg::Text, Arg::Duration]),
    usual: false,
};
