//! `datagram.reorder`: a datagram arrives later, and those that are sent after it overtake it.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "datagram.reorder",
    changes: "a datagram arrives later, and those that are sent after it overtake it",
    of: Object::DatagramSocket,
    nth: "datagram",
    odds: Odds::rare(1),
    amount: Amount::Log(US, 300 * MS, Unit::Ns),
    also: "",
    allowed_by: "RFC 768, udp(7)",
    event: calls::Row::event(2041, "late", &[Arg::Address, Arg::Address, Arg::Count, Arg::Duration]),
    usual: true,
};
