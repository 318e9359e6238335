//! Half a command passed on (Redis 2017): a relay appends to its backlog what each read gives, not each whole command. Where the
//! source ends in the middle of one, the half stays; the source sends the command again after the relay has connected again, and
//! whoever reads the backlog gets the half and the whole. Repaired: only whole commands go into the backlog.

use crate::bugs::common::{Lines, PORT, allow, clients, connect, pause};
use crate::bugs::common_sessions::sessions;
use eagain_net::sync::{Condvar, Mutex};
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, fail, sometimes};
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "partial-command-relayed",
    "B13",
    'c',
    ["O1"],
    "half a command stays in the backlog when the source ends, and is passed on"
);

const SOURCE_PORT: u16 = 7100;
const COMMANDS: usize = 40;

fn command(number: usize) -> String {
    format!("set key-{number} value-{number}\n")
}

/// Sends the commands from the one that was asked for on.
fn source<K: Kernel>(k: K, stream: &TcpStream<K>) -> Result<()> {
    let Some(first) = Lines::default().read(stream)?.and_then(|line| line.parse().ok()) else {
        return Ok(());
    };
    for number in first..COMMANDS {
        stream.write_all(command(number).as_bytes())?;
        pause(k, "next", Duration::from_millis(1));
    }
    Ok(())
}

/// What the relay passes on.
struct Backlog<K: Kernel> {
    bytes: Mutex<K, Vec<u8>>,
    grown: Condvar<K>,
}

impl<K: Kernel> Backlog<K> {
    fn append(&self, bytes: &[u8]) {
        self.bytes.lock().extend_from_slice(bytes);
        self.grown.notify_all();
    }

    /// The upstream side: reads from the source, connects again where that ends, and goes on behind the last whole command.
    fn fill(&self, k: K, from: SocketAddr, defect: bool) {
        let mut applied = 0;
        while applied < COMMANDS {
            let stream = connect(k, from);
            let mut lines = Lines::default();
            let mut bytes = [0; 256];
            let mut n = usize::from(stream.write_all(format!("{applied}\n").as_bytes()).is_ok());
            while n > 0 {
                n = match stream.read(&mut bytes) {
                    Err(Errno::EINTR) => continue,
                    read => read.unwrap_or(0),
                };
                lines.feed(&bytes[..n]);
                if defect {
                    self.append(&bytes[..n]);
                }
                while let Some(line) = lines.next() {
                    applied += 1;
                    if !defect {
                        self.append(format!("{line}\n").as_bytes());
                    }
                }
            }
            sometimes!("the source ended in the middle of a command", lines.is_inside());
            sleep(k, Duration::from_millis(5));
        }
    }

    /// The downstream side: sends all of it to who has attached.
    fn follow(&self, stream: &TcpStream<K>) -> Result<()> {
        let mut sent = 0;
        loop {
            let mut bytes = self.bytes.lock();
            while bytes.len() == sent {
                bytes = self.grown.wait(bytes);
            }
            let more = bytes[sent..].to_vec();
            drop(bytes);
            stream.write_all(&more)?;
            sent += more.len();
        }
    }
}

fn relay<K: Kernel>(k: K, from: SocketAddr, defect: bool) -> Result<()> {
    let backlog = Arc::new(Backlog { bytes: Mutex::new(k, Vec::new()), grown: Condvar::new(k) });
    let filled = backlog.clone();
    thread::spawn(k, "upstream", move || filled.fill(k, from, defect))?;
    sessions(k, PORT, move |_, stream| backlog.follow(stream))
}

/// Wants every command once, and in order; attaches again, for all of them, where its connection breaks.
fn replica<K: Kernel>(k: K, from: SocketAddr) {
    let mut complete = false;
    while !complete {
        pause(k, "attach", Duration::from_millis(20));
        let (stream, mut lines, mut number) = (connect(k, from), Lines::default(), 0);
        while number < COMMANDS {
            let Ok(Some(line)) = lines.read(&stream) else { break };
            let expected = command(number);
            if line != expected.trim_end() {
                return fail("O1", "wrong command", format!("{line:?} instead of {expected:?}"));
            }
            number += 1;
        }
        complete = number == COMMANDS;
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let (back, middle) = (sim.host("source"), sim.host("relay"));
    let (source_at, relay_at) = (sim.address(back, SOURCE_PORT), sim.address(middle, PORT));
    sim.server(back, "source", |k| sessions(k, SOURCE_PORT, source).unwrap());
    sim.server(middle, "relay", move |k| relay(k, source_at, defect).unwrap());
    clients(sim, 2, move |k| replica(k, relay_at));
    allow(sim, &[Family::Reset]);
}
