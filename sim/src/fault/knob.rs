//! `knob`: a setting is far smaller than usual.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "knob",
    changes: "a setting is far smaller than usual: the processors of a host, or what the scenario names (batches, queues, rings)",
    of: Object::Setting,
    nth: "",
    odds: Odds::often(8, 32_768),
    amount: Amount::Log(1, 4, Unit::Of("times its smallest value")),
    also: "",
    allowed_by: "sched_setaffinity(2); settings of the program",
    event: calls::Row::event(2027, "knob", &[Arg::Text, Arg::Count]),
    usual: false,
};
