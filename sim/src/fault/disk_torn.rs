//! `disk.torn`: a crash loses what was not synced: file contents by sector, and names.

use super::row::{Amount, Object, Odds, Row};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "disk.torn",
    changes: "a crash loses what was not synced: file contents by sector, and names",
    of: Object::File,
    nth: "crash",
    odds: Odds::often(8, 49_152),
    amount: Amount::OneOf(&["all of it", "its end", "any of it"]),
    also: "",
    allowed_by: "fsync(2)",
    event: calls::Row::event(2012, "torn", &[Arg::Text, Arg::Count]),
    usual: false,
};
