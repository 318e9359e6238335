//! `link.swizzle`: some hosts are cut off one after another, and are back in another order.

use super::row::{Amount, MS, Object, Odds, Row, S, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "link.swizzle",
    changes: "some hosts are cut off one after another, and are back in another order",
    of: Object::Network,
    nth: "swizzle",
    odds: Odds::often(8, 60_000),
    amount: Amount::Log(10 * MS, 20 * S, Unit::Ns),
    also: "after the last one; hosts are cut off within 1 s, and back within 5 s",
    allowed_by: "RFC 9293 3.8.1",
    event: calls::Row::event(2024, "cut-off", &[Arg::Host, Arg::Duration]),
    usual: false,
};
