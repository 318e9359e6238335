//! `host.gone`: the host of a process that may disappear does so at one of its calls, without FIN or RST.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "host.gone",
    changes: "the host of a process that may disappear does so at one of its calls, without FIN or RST: its peers are half-open",
    of: Object::Process,
    nth: "",
    odds: Odds::often(8, 49_152),
    amount: Amount::Log(1, 1_024, Unit::Call),
    also: "",
    allowed_by: "RFC 9293 3.5.1",
    event: calls::Row::event(2025, "gone", &[Arg::Host]),
    usual: false,
};
