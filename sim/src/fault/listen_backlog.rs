//! `listen.backlog`: the queue of a listener is shorter than asked for.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "listen.backlog",
    changes: "the queue of a listener is shorter than asked for: a SYN too many is dropped, and sent again after 1, 2, 3, 4, 5, 7, ... s",
    of: Object::Process,
    nth: "listen",
    odds: Odds::often(8, 49_152),
    amount: Amount::Even(1, 4, Unit::Of("connections")),
    also: "",
    allowed_by: "listen(2), somaxconn",
    event: calls::Row::event(2026, "short-backlog", &[Arg::Fd, Arg::Count]),
    usual: false,
};
