//! Clocks that run too fast or too slowly, stand half a second before they run over, or are set by somebody: patience is
//! measured by the monotonic clock, so that a wall clock set forwards sends nobody away, and one set back keeps nobody.

use super::idle_timeout::{IDLE, tell};
use eagain_sim::fault::Family;
use eagain_sim::{Sim, USUAL_FAULTS};

super::story!(
    "wrong-clocks",
    "clocks drift, nearly run over, and are set: who is silent is sent away in time all the same"
);

fn body(sim: &mut Sim) {
    sim.faults(&[USUAL_FAULTS, &[Family::ClockDrift, Family::ClockStep]].concat());
    // The client's clock and the server's may differ by a thousandth.
    tell(sim, IDLE - IDLE / 500);
}
