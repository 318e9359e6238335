//! Hosts crash and come back empty, the network breaks and heals. A client that hears nothing for a while connects anew, as
//! clients do. Each connection has keys of its own: what became of an earlier one does not matter to it, and what it is
//! answered has to be true of it.

use crate::client::Behaviour::Reconnecting;
use crate::script::{Faults, Script, Setup, all};
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use std::time::Duration;

/// The scenario: on tokio alone.
pub const SCENARIO: Scenario = Scenario {
    name: SCRIPT.name,
    about: SCRIPT.about,
    knobs: &[
        Knob {
            name: "model",
            about: "how the server learns that something can be read or written",
            values: KnobValues::Words(&["tokio"]),
        },
        Knob {
            name: "clients",
            about: "how many clients come",
            values: KnobValues::Number { low: 1, high: 64, default: 3 },
        },
    ],
    seeds: 32,
    body: |sim| crate::run::run(sim, &SCRIPT),
};

/// What happens.
pub const SCRIPT: Script = Script {
    keeps_data: false,
    ..Script::on_tokio(
        "crash-and-partition",
        "the server's host crashes, the network is cut or held, and clients come again until they are served",
        Setup {
            faults: Faults::Only(&[
                Family::StreamShortRead,
                Family::StreamShortWrite,
                Family::StreamNotReady,
                Family::StreamReset,
                Family::NetPartition,
                Family::NetOneWay,
                Family::NetHold,
                Family::HostCrash,
            ]),
            config: |config| {
                // turmoil's TCP does not send again: who was cut off is noticed by silence alone.
                config.limits.idle_timeout_ns = 3_000_000_000;
                config.limits.write_stall_timeout_ns = 3_000_000_000;
            },
            clients: &[all(Reconnecting { connections: 200, rounds: 40, timeout: Duration::from_secs(2) })],
            ..Setup::USUAL
        },
    )
};
