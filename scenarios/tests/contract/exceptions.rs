//! The rows that do not hold on one side, and why.

use crate::Side;

pub(crate) const LISTED: &[(Side, &str, &str)] = &[
    (Side::Simulation, "p10_urgent_data", "urgent data is not there yet"),
    (Side::Simulation, "w5_a_read_stops_at_the_urgent_mark", "urgent data is not there yet"),
    (Side::Simulation, "w6_urgent_data_alone", "urgent data is not there yet"),
    (Side::Simulation, "w7_urgent_data_taken", "urgent data is not there yet"),
];
