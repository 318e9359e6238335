//! `host.crash`: a host loses its programs and starts them again after a while.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "host.crash",
    changes: "a host loses its programs and starts them again after a while",
    of: Object::Host,
    nth: "interval",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 2_000, Unit::Milliseconds),
    also: "",
    allowed_by: "kill(2), RFC 9293 3.5.1",
    event: calls::Row::event(2037, "crash", &[Arg::Text, Arg::Duration]),
    usual: false,
};
