//! `ring.short`: a transfer of a ring takes what is there at its start, and more arrives meanwhile.

use super::row::{Amount, KIB, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "ring.short",
    changes: "a transfer of a ring takes what is there at its start, and more arrives meanwhile",
    of: Object::Ring,
    nth: "transfer",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 4 * KIB, Unit::Bytes),
    also: "",
    allowed_by: "recv(2), send(2), read(2)",
    event: calls::Row::event(2016, "ring-short", &[Arg::Fd, Arg::UserData, Arg::Count]),
    usual: true,
};
