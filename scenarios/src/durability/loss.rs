//! How much `everysec` loses, in time. A client writes, each key once, and notes when each was acknowledged. Then it has the
//! power cut or the server killed, and reads back all keys: what was acknowledged longer before than the bound is there.

use super::client::{CLIENT_TIMEOUT, Client};
use super::run::{allow, cut_power, kill};
use super::server::{Serve, Server, durable};
use super::workload::Outcome;
use crate::resp::Frame;
use eagain_net::*;
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel, choose, fail, sometimes};
use std::time::Duration;

/// A power failure takes the last second, and what a sync and a thread off the CPU take of time.
const POWER_TAKES: Duration = Duration::from_secs(2);
/// A kill takes nothing: what was acknowledged is in the page cache.
const KILL_TAKES: Duration = Duration::ZERO;
/// What each key is set to.
const VALUE: [u8; 900] = [b'x'; 900];
/// How often the server is struck.
const ROUNDS: u64 = 3;
/// Longer than the time after which an idle server has to have synced.
const REST: Duration = Duration::from_secs(3);
/// Within this after a strike the server has to answer.
const BACK_WITHIN: u32 = 60;

/// A key, and when it was acknowledged.
struct Written {
    key: Vec<u8>,
    at: Instant,
}

/// Runs it.
pub fn run(sim: &mut Sim, engine: Engine, serve: Serve) {
    allow(sim, &[Family::DiskTorn]);
    let (server, address) = durable(sim, engine, SyncPolicy::EverySecond, serve);
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        let mut client = Client::new(k, address, 1, CLIENT_TIMEOUT);
        let mut written = Vec::new();
        for round in 0..ROUNDS {
            write(k, &mut client, round, &mut written);
            let (what, strike, takes): (_, fn(&Server), _) = match choose("strike", 0, 1) {
                0 => ("a power failure", cut_power, POWER_TAKES),
                _ => ("a kill", kill, KILL_TAKES),
            };
            let struck = now(k);
            strike(&server);
            if !check(k, &mut client, &mut written, struck, what, takes) {
                return;
            }
        }
    });
    sim.run();
}

fn write(k: SimKernel, client: &mut Client, round: u64, written: &mut Vec<Written>) {
    for step in 0..choose("writes", 10, 40) {
        let key = format!("step:{round}:{step}").into_bytes();
        if let Outcome::Answered(_) = client.ask(&[b"SET", &key, &VALUE]) {
            written.push(Written { key, at: now(k) });
        }
        sleep(k, Duration::from_millis(choose("pause", 0, 200)));
    }
    if choose("rests", 0, 3) == 3 {
        sleep(k, REST);
    }
}

/// Reads all keys back, and forgets those that were lost rightly. `false`: something is wrong.
fn check(
    k: SimKernel,
    client: &mut Client,
    written: &mut Vec<Written>,
    struck: Instant,
    what: &str,
    takes: Duration,
) -> bool {
    let words: Vec<&[u8]> = std::iter::once(&b"MGET"[..]).chain(written.iter().map(|w| &w.key[..])).collect();
    let mut tries = 0;
    let values = loop {
        match client.ask(&words) {
            Outcome::Answered(Frame::Array(values)) if values.len() == written.len() => break values,
            Outcome::Answered(other) => {
                fail(
                    "O2",
                    "unexpected reply",
                    format!("MGET of {} keys was answered by {other:?}", written.len()),
                );
                return false;
            }
            _ if tries == BACK_WITHIN * 10 => {
                fail("O6", "not back", format!("no answer for {BACK_WITHIN} s and more after {what}"));
                return false;
            }
            _ => sleep(k, Duration::from_millis(100)),
        }
        tries += 1;
    };
    let mut values = values.into_iter();
    let (mut early, mut unexpected) = (None, None);
    written.retain(|written| {
        let value = values.next();
        let is_there = value != Some(Frame::Null);
        if is_there && value != Some(Frame::Bulk(VALUE.to_vec())) {
            unexpected.get_or_insert(value);
        }
        if !is_there && struck - written.at > takes {
            early.get_or_insert(struck - written.at);
        }
        sometimes!("a strike took something", !is_there);
        is_there
    });
    if let Some(value) = &unexpected {
        fail("O8", "unexpected value", format!("behind {what} a key has a value that nobody set: {value:?}"));
    }
    if let Some(age) = early {
        fail(
            "O8",
            "lost more than promised",
            format!("{what} took what had been acknowledged {age:?} before; {takes:?} is the most"),
        );
    }
    early.is_none() && unexpected.is_none()
}
