//! `ring.pool`: the worker pool of a ring takes an operation up later, or a file is not in the page cache.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "ring.pool",
    changes: "the worker pool of a ring takes up an operation later, or what is read is not in the page cache",
    of: Object::Ring,
    nth: "operation",
    odds: Odds::rare(1),
    amount: Amount::Log(US, 20 * MS, Unit::Ns),
    also: "",
    allowed_by: "io_uring(7): completions come in any order",
    event: calls::Row::event(2044, "ring-pool", &[Arg::Fd, Arg::UserData, Arg::Duration]),
    usual: true,
};
