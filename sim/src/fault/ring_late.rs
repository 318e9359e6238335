//! `ring.late`: an operation of a ring continues later than its file woke it.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "ring.late",
    changes: "an operation of a ring continues later than its file woke it",
    of: Object::Ring,
    nth: "wake-up",
    odds: Odds::rare(1),
    amount: Amount::Log(US, 20 * MS, Unit::Ns),
    also: "",
    allowed_by: "io_uring(7)",
    event: calls::Row::event(2014, "ring-late", &[Arg::Fd, Arg::UserData, Arg::Duration]),
    usual: true,
};
