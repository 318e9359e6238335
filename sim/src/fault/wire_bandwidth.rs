//! `wire.bandwidth`: a direction is slow, so that buffers fill.

use super::row::{Amount, KIB, MIB, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "wire.bandwidth",
    changes: "a direction is slow, so that buffers fill",
    of: Object::Direction { lane: 2 },
    nth: "",
    odds: Odds::often(4, 32_768),
    amount: Amount::Log(2 * KIB, 64 * MIB, Unit::BytesPerSecond),
    also: "",
    allowed_by: "tcp(7)",
    event: calls::Row::event(2004, "bandwidth", &[Arg::Address, Arg::Address, Arg::Count]),
    usual: true,
};
