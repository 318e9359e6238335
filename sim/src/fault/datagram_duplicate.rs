//! `datagram.duplicate`: a datagram arrives twice.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "datagram.duplicate",
    changes: "a datagram arrives twice",
    of: Object::DatagramSocket,
    nth: "datagram",
    odds: Odds::rare(1),
    amount: Amount::Log(US, 300 * MS, Unit::Ns),
    also: "how long after the first",
    allowed_by: "RFC 768, udp(7)",
    event: calls::Row::event(2042, "doubled", &[Arg::Address, Arg::Address, Arg::Count, Arg::Duration]),
    usual: true,
};
