//! `disk.sync`: a sync fails once: EIO.

use super::row::{Amount, Object, Odds, Row};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "disk.sync",
    changes: "a sync fails once: EIO",
    of: Object::Host,
    nth: "sync",
    odds: Odds::rare(4),
    amount: Amount::OneOf(&["the data reaches the disk all the same", "the data is given up"]),
    also: "",
    allowed_by: "fsync(2)",
    event: calls::Row::event(2012, "sync-fails", &[Arg::Text, Arg::Number]),
    usual: false,
};
