//! `disk.space`: the disk is full for a while: short writes, ENOSPC.

use super::row::{Amount, MS, Object, Odds, Row, S, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "disk.space",
    changes: "the disk is full for a while: short writes, ENOSPC",
    of: Object::Host,
    nth: "write that grows a file",
    odds: Odds::rare(4),
    amount: Amount::Log(MS, 3 * S, Unit::Ns),
    also: "",
    allowed_by: "write(2)",
    event: calls::Row::event(2012, "disk-full", &[Arg::Text, Arg::Count, Arg::Duration]),
    usual: false,
};
