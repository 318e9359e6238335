//! `ring.again`: a receive of a ring on a non-blocking file gives up: EAGAIN.

use super::row::{Amount, Object, Odds, Row};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "ring.again",
    changes: "a receive of a ring on a non-blocking file gives up: EAGAIN",
    of: Object::Ring,
    nth: "receive that would pend",
    odds: Odds::rare(4),
    amount: Amount::Happens,
    also: "",
    allowed_by: "io_uring_enter(2), EAGAIN",
    event: calls::Row::event(2017, "ring-again", &[Arg::Fd, Arg::UserData]),
    usual: false,
};
