//! The engine that keeps nothing: a restart comes up empty and serves. One client, one key after the other, each once. Of a
//! key whose writing was acknowledged everybody knows in which of the server's incarnations that was; a look that began and
//! ended in one incarnation has to see the keys of that incarnation, all of them, and of no other.

use super::client::{CLIENT_TIMEOUT, Client};
use super::run::{allow, kill, nemesis};
use super::server::{QUIET_NS, SHIPPED, Server, durable, expect};
use super::workload::Outcome;
use crate::resp::Frame;
use eagain_net::*;
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel, choose, fail, sometimes};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

super::scenario!(
    "durability-memory-kill",
    "a server that keeps nothing is killed: it comes up empty, and serves"
);

fn body(sim: &mut Sim) {
    expect(sim, &["a restart came up empty"]);
    run(sim, Engine::Memory);
}

/// Any engine that keeps something fails.
fn run(sim: &mut Sim, engine: Engine) {
    allow(sim, &[Family::ProcessKill]);
    let server = server_and_client(sim, engine);
    nemesis(sim, &server, 0, kill);
    sim.run();
}

const KEYS: usize = 30;

/// What was asked and answered in one incarnation of the server, and in which; `None`: nobody knows, or it was not answered.
fn in_one_incarnation(client: &mut Client, server: &Server, words: &[&[u8]]) -> Option<(u64, Frame)> {
    let before = server.incarnation.load(SeqCst);
    match client.ask(words) {
        Outcome::Answered(frame) if server.incarnation.load(SeqCst) == before => Some((before, frame)),
        _ => None,
    }
}

/// A key that was asked to be set: acknowledged in this incarnation, if anybody knows.
type Incarnation = Option<u64>;

/// `false`: nobody answered.
fn look(client: &mut Client, server: &Server, names: &[Vec<u8>], written: &[Incarnation]) -> bool {
    let words: Vec<&[u8]> = std::iter::once(&b"MGET"[..]).chain(names.iter().map(Vec::as_slice)).collect();
    let Some((incarnation, Frame::Array(values))) = in_one_incarnation(client, server, &words) else {
        return false;
    };
    for (key, (its_incarnation, value)) in written.iter().zip(&values).enumerate() {
        let (Some(its_incarnation), is_there) = (*its_incarnation, *value != Frame::Null) else { continue };
        if its_incarnation == incarnation && !is_there {
            fail(
                "O9",
                "lost without a restart",
                format!("step {key} was acknowledged by the server that has it not"),
            );
        }
        if its_incarnation != incarnation && is_there {
            fail(
                "O9",
                "back from the dead",
                format!("step {key} was acknowledged before the server began again"),
            );
        }
        sometimes!("a restart came up empty", its_incarnation != incarnation);
    }
    if values.len() != written.len() {
        fail("O2", "unexpected reply", format!("{} values for {} keys", values.len(), written.len()));
    }
    true
}

fn write_and_look(k: SimKernel, address: SocketAddr, server: &Server) {
    let mut client = Client::new(k, address, 1, CLIENT_TIMEOUT);
    let (mut names, mut written) = (Vec::new(), Vec::new());
    for key in 0..KEYS {
        names.push(format!("step:{key}").into_bytes());
        let done = in_one_incarnation(&mut client, server, &[b"SET", &names[key], b"x"]);
        written.push(done.map(|(incarnation, _)| incarnation));
        sleep(k, Duration::from_micros(50 << choose("pause", 0, 14)));
        if choose("look", 0, 2) == 0 {
            look(&mut client, server, &names, &written);
        }
    }
    sleep(k, Instant(0) + Duration::from_nanos(QUIET_NS) + Duration::from_secs(1) - now(k));
    for _ in 0..600 {
        if look(&mut client, server, &names, &written) {
            return;
        }
        sleep(k, Duration::from_millis(100));
    }
    fail("O6", "not healed", "the keys cannot be read a minute after the end of faults".to_owned());
}

fn server_and_client(sim: &mut Sim, engine: Engine) -> Server {
    let (server, address) = durable(sim, engine, SyncPolicy::Always, SHIPPED);
    let host = sim.host("client");
    let its_server = server.clone();
    sim.client(host, "client", move |k| write_and_look(k, address, &its_server));
    server
}

#[cfg(test)]
mod tests {
    use super::*;
    use eagain_sim::run::{RunSpec, Scenario, Settings};
    use eagain_sim::run_spec;

    /// The oracle of total loss sees it where something comes back.
    #[test]
    fn an_engine_that_keeps_data_is_found() {
        let scenario = Scenario {
            name: "remembering",
            about: "a log where memory is expected",
            knobs: &[],
            seeds: 1,
            body: |sim| run(sim, Engine::Log),
        };
        let mut engine = eagain_sim::Engine::new();
        let mut failures = (0..20).filter_map(|seed| {
            run_spec(&RunSpec::seeded(scenario, Settings::new(), seed), &mut engine).failure
        });
        assert!(failures.any(|failure| failure.site == "back from the dead"));
    }
}
