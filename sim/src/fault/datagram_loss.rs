//! `datagram.loss`: a datagram between two hosts never arrives.

use super::row::{Amount, Object, Odds, Row};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "datagram.loss",
    changes: "a datagram between two hosts never arrives",
    of: Object::DatagramSocket,
    nth: "datagram",
    odds: Odds::rare(1),
    amount: Amount::Happens,
    also: "",
    allowed_by: "RFC 768, udp(7)",
    event: calls::Row::event(2040, "lost", &[Arg::Address, Arg::Address, Arg::Count]),
    usual: true,
};
