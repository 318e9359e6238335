//! `wire.black-hole`: a direction loses all that it carries for a while, acknowledgements too.

use super::row::{Amount, MS, Object, Odds, Row, S, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "wire.black-hole",
    changes: "a direction loses all that it carries for a while, acknowledgements too; retransmission after 200 ms, 400 ms, ...",
    of: Object::Direction { lane: 5 },
    nth: "segment",
    odds: Odds::rare(8),
    amount: Amount::Log(50 * MS, 20 * S, Unit::Ns),
    also: "",
    allowed_by: "RFC 9293 3.8.1, tcp(7), tcp_retries2",
    event: calls::Row::event(2023, "black-hole", &[Arg::Address, Arg::Address, Arg::Duration]),
    usual: false,
};
