//! `wire.coalesce`: what is written waits for more, and leaves with it in one segment: several messages in one read.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "wire.coalesce",
    changes: "what is written waits for more, and leaves with it in one segment: several messages in one read",
    of: Object::Direction { lane: 4 },
    nth: "segment",
    odds: Odds::rare(1),
    amount: Amount::Log(US, 40 * MS, Unit::Ns),
    also: "",
    allowed_by: "RFC 9293 3.7.4 (Nagle), tcp(7), tcp_autocorking",
    event: calls::Row::event(2022, "coalesce", &[Arg::Address, Arg::Address, Arg::Duration]),
    usual: true,
};
