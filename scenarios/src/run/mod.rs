//! Runs a script: [`kernel`] on the simulated kernel, `turmoil` as tasks of tokio on `turmoil::net` with the stream layer
//! over every connection, at both ends. There too everything that goes wrong is made of the run's choices, so that hash,
//! replay, shrinking and reports are the same. [`sockets`] is the same on `tokio::net` and real sockets, where a run is
//! not a function of its seed; `tokio` is what those two share.

pub mod kernel;
pub(crate) mod operator;
pub mod sockets;
pub(crate) mod tokio;
mod turmoil;

use crate::script::Script;
use eagain_sim::Sim;

/// Runs `script` as the knob `model` says.
pub fn run(sim: &mut Sim, script: &Script) {
    let on_tokio = sim.word("model") == "tokio";
    match (&script.kernel, &script.tokio) {
        (Some(setup), _) if !on_tokio => kernel::run(sim, script, setup, |_| {}),
        (_, Some(setup)) if on_tokio => turmoil::run(sim, script, setup),
        _ => sim.refuse(format!("`{}` does not run with this model", script.name)),
    }
}
