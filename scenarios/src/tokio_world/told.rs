//! The stories of `crate::stories` that can be told on turmoil. Missing is fd-exhaustion: there are no descriptors here.

use super::cast::{flooder, half_closer, idler, leaver, one_byte_writer, pipeliner, slow_reader, steady};
use super::client::{Client, must};
use super::play::{Play, Story};
use crate::checker::{fairness, patience};
use crate::workload::Request;
use eagain_sim::fault::Family;
use std::time::Duration;
use tokio::time::sleep;

/// What may go wrong with streams, and on the way: nothing is lost.
const USUAL: &[Family] = &[
    Family::StreamShortRead,
    Family::StreamShortWrite,
    Family::StreamNotReady,
    Family::StreamStall,
    Family::NetHold,
];
/// The same with resets.
const WITH_RESETS: &[Family] = &[
    Family::StreamShortRead,
    Family::StreamShortWrite,
    Family::StreamNotReady,
    Family::StreamStall,
    Family::NetHold,
    Family::StreamReset,
];
/// Without what takes time, where the story measures it.
const SHORT_ONLY: &[Family] = &[Family::StreamShortRead, Family::StreamShortWrite];

/// How long the server bears silence in the story about it.
const IDLE: Duration = Duration::from_secs(5);
/// How long a reply may take beside flooders.
const FAIR: Duration = Duration::from_secs(2);

const PLAIN: Story =
    Story { name: "", faults: USUAL, adjust: |_| {}, cast: |_| {}, remembers: true, judge: |_, _| {} };

/// All of them.
pub(super) const ALL: &[Story] = &[
    Story { name: "steady-load", cast: |play| steady_clients(play, 0, 20), ..PLAIN },
    Story {
        name: "pipelining",
        adjust: |config| config.limits.output_bytes_high = 2048,
        cast: |play| {
            for _ in 0..play.wanted {
                play.client(|stage, n| async move { must(&stage, n, pipeliner(&stage, n, 3, 40).await) });
            }
        },
        ..PLAIN
    },
    Story {
        name: "slow-reader",
        adjust: |config| config.limits.output_bytes_high = 16 << 10,
        cast: |play| {
            play.client(|stage, n| async move {
                let length = stage.choose(n, "length", 1, 20_000) as usize;
                must(&stage, n, slow_reader(&stage, n, length, 4).await);
            });
            steady_clients(play, 1, 10);
        },
        ..PLAIN
    },
    Story {
        name: "half-closer",
        cast: |play| {
            for _ in 0..play.wanted {
                play.client(|stage, n| async move {
                    for connection in 0..3 {
                        must(&stage, n, half_closer(&stage, n, connection, 10).await);
                    }
                });
            }
        },
        ..PLAIN
    },
    Story {
        name: "one-byte-writer",
        cast: |play| {
            play.client(|stage, n| async move { must(&stage, n, one_byte_writer(&stage, n, 6).await) });
            steady_clients(play, 1, 10);
        },
        ..PLAIN
    },
    Story {
        name: "connect-storm",
        cast: |play| {
            for _ in 0..(play.wanted * 5).min(40) {
                play.client(|stage, n| async move { must(&stage, n, steady(&stage, n, 0, 2).await) });
            }
        },
        ..PLAIN
    },
    Story { name: "reset-in-mid-request", faults: WITH_RESETS, cast: resets, ..PLAIN },
    Story {
        name: "idle-timeout",
        faults: SHORT_ONLY,
        adjust: |config| config.limits.idle_timeout_ns = IDLE.as_nanos() as u64,
        cast: silence,
        ..PLAIN
    },
    Story { name: "graceful-stop", cast: stop, ..PLAIN },
    Story {
        name: "flooder",
        faults: SHORT_ONLY,
        cast: |play| {
            play.client(|stage, n| async move { must(&stage, n, steady(&stage, n, 0, 20).await) });
            for _ in 1..play.wanted {
                play.client(|stage, n| async move { must(&stage, n, flooder(&stage, n, 4, 200).await) });
            }
        },
        judge: |sim, history| fairness::judge(sim, history, 1, FAIR),
        ..PLAIN
    },
];

/// As many steady clients as are wanted, less `others`.
fn steady_clients(play: &mut Play<'_>, others: u64, rounds: u64) {
    for _ in others..play.wanted {
        play.client(move |stage, n| async move { must(&stage, n, steady(&stage, n, 0, rounds).await) });
    }
}

/// A client leaves in mid-request, the network resets connections; the others go on.
fn resets(play: &mut Play<'_>) {
    play.client(|stage, n| async move { leaver(&stage, n, 5).await });
    for _ in 1..play.wanted {
        play.client(|stage, n| async move {
            // A reset at the server's end may look like an orderly one from here: the layer closes what is below it.
            for connection in 0..10 {
                match steady(&stage, n, connection, 10).await {
                    Err(_) => stage.layer.world().sometimes("a connection was reset", true),
                    Ok(()) => return,
                }
            }
        });
    }
}

/// A silent client is sent away after the time that was promised; those that speak stay.
fn silence(play: &mut Play<'_>) {
    play.client(|stage, n| async move {
        match idler(&stage, n).await {
            Ok(idled) => {
                if let Some((site, message)) = patience::check(idled, IDLE) {
                    stage.layer.world().fail("O11", site, message);
                }
            }
            Err(end) => must(&stage, n, Err(end)),
        }
    });
    for _ in 1..play.wanted {
        play.client(|stage, n| async move {
            let mut client = Client::connect(&stage, n, 0).await;
            for round in 0..4_u64 {
                stage.pause(n, "silence", IDLE.as_millis() as u64 / 3).await;
                must(&stage, n, client.ask(&Request::Ping(round.to_string().into_bytes())).await);
            }
        });
    }
}

/// The server is told to stop under load: what was received is answered, and it ends in time.
fn stop(play: &mut Play<'_>) {
    for _ in 0..play.wanted {
        play.client(|stage, n| async move {
            for connection in 0..100 {
                let Ok(mut client) = Client::try_connect(&stage, n, connection).await else {
                    // Not there yet, or not any more.
                    sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let mut request = 0_u64;
                let key = |request| format!("{}{}", client.tag(), request % 2);
                let keys = [key(0), key(1)];
                while client.ask(&Request::Incr(keys[request as usize % 2].clone())).await.is_ok() {
                    request += 1;
                }
                stage.layer.world().sometimes("a client was answered before the stop", request > 0);
                return;
            }
        });
    }
    play.stop_after(|layer| Duration::from_millis(layer.choose("operator:patience", 1, 300)));
}
