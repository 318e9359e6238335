//! `process.kill`: a process that can restart is killed at one of its calls.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "process.kill",
    changes: "a process that can restart is killed at one of its calls",
    of: Object::Process,
    nth: "start",
    odds: Odds::often(8, 49_152),
    amount: Amount::Log(1, 65_536, Unit::Call),
    also: "instead of that half the time right after the 1st to 256th write to a file (log-uniform), before its sync",
    allowed_by: "kill(2), SIGKILL",
    // The event of every process that is killed, whoever does it.
    event: calls::Row::event(1103, "killed", &[Arg::Number]),
    usual: false,
};
