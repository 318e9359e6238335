//! `host.power`: the power of a host fails at a call of a process that can restart; peers do not notice.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "host.power",
    changes: "the power of a host fails at a call of a process that can restart; peers do not notice",
    of: Object::Process,
    nth: "start",
    odds: Odds::often(8, 49_152),
    amount: Amount::Log(1, 65_536, Unit::Call),
    also: "instead of that half the time right after the 1st to 256th write to a file (log-uniform), before its sync",
    allowed_by: "fsync(2)",
    event: calls::Row::event(2011, "crash", &[Arg::Host]),
    usual: false,
};
