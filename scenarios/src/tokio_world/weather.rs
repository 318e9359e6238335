//! Hosts crash and come back empty, the network breaks and heals. A client that hears nothing for a while connects anew, as
//! clients do; each connection has keys of its own, so that what became of an earlier one is nobody's business, and
//! what a connection is told has to be true of it.

use super::cast::steady;
use super::client::End;
use super::play::{Story, play};
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a client waits for anything.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections that a client makes at most.
const CONNECTIONS_MAX: u64 = 200;

/// The story.
pub const SCENARIO: Scenario = Scenario {
    name: "crash-and-partition",
    about: "the server's host crashes, the network is cut or held, and clients come again until they are served",
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
    body: |sim| play(sim, &STORY),
};

const STORY: Story = Story {
    name: SCENARIO.name,
    faults: &[
        Family::StreamShortRead,
        Family::StreamShortWrite,
        Family::StreamNotReady,
        Family::StreamReset,
        Family::NetPartition,
        Family::NetOneWay,
        Family::NetHold,
        Family::HostCrash,
    ],
    adjust: |config| {
        // turmoil's TCP does not send again: who was cut off is noticed by silence alone.
        config.limits.idle_timeout_ns = 3_000_000_000;
        config.limits.write_stall_timeout_ns = 3_000_000_000;
    },
    cast: |play| {
        for _ in 0..play.wanted {
            play.client(|stage, number| async move {
                for connection in 0..CONNECTIONS_MAX {
                    match timeout(PATIENCE, steady(&stage, number, connection, 40)).await {
                        Ok(Ok(())) => return,
                        Ok(Err(End::Closed)) | Err(_) => {}
                        Ok(Err(end)) => {
                            stage.layer.world().sometimes("a connection was reset", end.is_reset());
                        }
                    }
                    sleep(Duration::from_millis(10)).await;
                }
                let message = format!("client {number} was never served, long after everything had healed");
                stage.layer.world().fail("O6", "not served", message);
            });
        }
    },
    remembers: false,
    judge: |_, _| {},
};
