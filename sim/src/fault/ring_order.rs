//! `ring.order`: an operation of a ring continues before others that were woken earlier.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "ring.order",
    changes: "an operation of a ring continues before others that were woken earlier",
    of: Object::Ring,
    nth: "wake-up",
    odds: Odds::rare(1),
    amount: Amount::Even(1, 4, Unit::Of("places")),
    also: "",
    allowed_by: "io_uring(7): completions come in any order",
    event: calls::Row::event(2015, "ring-order", &[Arg::Fd, Arg::UserData, Arg::Count]),
    usual: true,
};
