//! With `everysec` a crash may take the last second, but nothing from the middle: what is left is a prefix of what was
//! written. One writer, one key after the other, each once. Of the keys that were seen, a crash may take only the last.

use super::client::{CLIENT_TIMEOUT, Client};
use super::server::{QUIET_NS, Serve, Server, durable};
use super::workload::Outcome;
use crate::resp::Frame;
use eagain_net::*;
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::{Sim, SimKernel, choose, fail, sometimes};
use std::time::Duration;

const KEYS: u64 = 30;

fn name(key: u64) -> Vec<u8> {
    format!("step:{key}").into_bytes()
}

/// So long that a crash can lose one sector of it and keep the next.
fn value(key: u64) -> Vec<u8> {
    vec![b'a' + (key % 26) as u8; 900]
}

/// Which keys are there, all at the same time; `None`: nobody says.
fn look(client: &mut Client) -> Option<Vec<bool>> {
    let names: Vec<Vec<u8>> = (0..KEYS).map(name).collect();
    let words: Vec<&[u8]> = std::iter::once(&b"MGET"[..]).chain(names.iter().map(Vec::as_slice)).collect();
    match client.ask(&words) {
        Outcome::Answered(Frame::Array(values)) => {
            let unexpected = |(at, found): &(usize, &Frame)| {
                **found != Frame::Null && **found != Frame::Bulk(value(*at as u64))
            };
            if let Some((at, _)) = values.iter().enumerate().find(unexpected) {
                fail("O2", "unexpected value", format!("nobody has written what step {at} has"));
            }
            Some(values.iter().map(|value| *value != Frame::Null).collect())
        }
        _ => None,
    }
}

fn compare(before: &[bool], after: &[bool]) {
    let lost = |key: &usize| before[*key] && !after[*key];
    let Some(first) = (0..before.len()).find(lost) else { return };
    sometimes!("a crash took the end", true);
    if let Some(kept) = (first..before.len()).find(|&key| before[key] && after[key]) {
        fail(
            "O9",
            "hole in the history",
            format!("step {first} is gone, and step {kept}, written after it, is there"),
        );
    }
}

fn write_and_look(k: SimKernel, address: SocketAddr) {
    let mut client = Client::new(k, address, 1, CLIENT_TIMEOUT);
    let mut seen = vec![false; KEYS as usize];
    let mut see = |client: &mut Client| {
        if let Some(now) = look(client) {
            compare(&seen, &now);
            seen = now;
            return true;
        }
        false
    };
    for key in 0..KEYS {
        client.ask(&[b"SET", &name(key), &value(key)]);
        sleep(k, Duration::from_micros(50 << choose("pause", 0, 14)));
        if choose("look", 0, 2) == 0 {
            see(&mut client);
        }
    }
    sleep(k, Instant(0) + Duration::from_nanos(QUIET_NS) + Duration::from_secs(1) - now(k));
    for _ in 0..600 {
        if see(&mut client) {
            return;
        }
        sleep(k, Duration::from_millis(100));
    }
    fail("O6", "not healed", "the keys cannot be read a minute after the end of faults".to_owned());
}

/// The server and its client, to be run.
pub(super) fn build(sim: &mut Sim, engine: Engine, serve: Serve) -> Server {
    let (server, address) = durable(sim, engine, SyncPolicy::EverySecond, serve);
    let host = sim.host("client");
    sim.client(host, "client", move |k| write_and_look(k, address));
    server
}
