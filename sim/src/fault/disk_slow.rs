//! `disk.slow`: a sync takes long.

use super::row::{Amount, Object, Odds, Row, S, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "disk.slow",
    changes: "a sync takes long",
    of: Object::Host,
    nth: "sync",
    odds: Odds::rare(1),
    amount: Amount::Log(100 * US, 3 * S, Unit::Ns),
    also: "",
    allowed_by: "fsync(2)",
    event: calls::Row::event(2012, "slow-sync", &[Arg::Text, Arg::Duration]),
    usual: false,
};
