//! `Sim::quiet_after`: from then on no family of faults changes anything.

mod common;

use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::{Family, Faults};
use eagain_sim::run::Record;
use eagain_sim::{Sim, SimKernel};
use std::collections::BTreeSet;
use std::time::Duration;

/// In nanoseconds.
const QUIET: u64 = 200_000_000;
const END: Duration = Duration::from_millis(600);
const PAUSE: Duration = Duration::from_millis(1);

/// Does something again and again, long into the quiet tail.
fn again(k: SimKernel, act: impl Fn(SimKernel)) {
    let begun = now(k);
    while now(k) < begun + END {
        act(k);
        sleep(k, PAUSE);
    }
}

fn serve(k: SimKernel, address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(k, address)?;
    loop {
        let Ok((stream, _)) = listener.accept() else { continue };
        thread::spawn(k, "connection", move || {
            let mut buffer = [0; 64];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..n]).is_err() {
                    return;
                }
            }
        })?;
    }
}

fn ask(k: SimKernel, address: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(k, address)?;
    // Nobody says that the power of a host has failed.
    k.setsockopt(stream.fd(), SocketOption::RecvTimeout(Some(10 * PAUSE)))?;
    for _ in 0..5 {
        stream.write_all(b"hello")?;
        stream.read(&mut [0; 9])?;
    }
    Ok(())
}

fn write_synced(k: SimKernel) -> Result<()> {
    let file = k.open("/file", OpenFlags::CREAT | OpenFlags::WRONLY | OpenFlags::APPEND)?;
    let _ = (k.write(file, b"a line"), k.fsync(file));
    k.close(file)
}

fn body(sim: &mut Sim) {
    sim.also(Faults::all());
    sim.quiet_after(QUIET);
    // Errors of `accept` are tried again at once.
    sim.knobs().spin_limit = u32::MAX;
    let host = sim.host("server");
    let address = sim.address(host, 7);
    let server = sim.server_restarting(host, "server", move |k, _| {
        while serve(k, address).is_err() {
            sleep(k, PAUSE);
        }
    });
    sim.may_panic(server);
    for name in ["client", "other"] {
        let host = sim.host(name);
        sim.client(host, name, move |k| again(k, |k| _ = ask(k, address)));
        sim.client(host, "writer", move |k| again(k, |k| _ = write_synced(k)));
    }
}

/// Runs seeds; the families that fired, all of them before the quiet tail.
fn fired(body: fn(&mut Sim), seeds: u64) -> BTreeSet<String> {
    let mut before = BTreeSet::new();
    for seed in 0..seeds {
        let report = common::run_with(body, Base::Seed(seed), Overrides::new(), Record::Trace);
        assert_eq!(report.failure, None);
        for event in report.trace.unwrap().events.iter().filter(|event| event.kind.is_fault()) {
            assert!(event.time < QUIET, "seed {seed}: {:?} at {}", event.kind, event.time);
            before.insert(format!("{:?}", event.kind));
        }
    }
    before
}

#[test]
fn no_fault_begins_in_the_quiet_tail() {
    let before = fired(body, 60);
    assert!(before.len() > 15, "{before:?}");
}

/// A call may bring its thread ahead of the world.
#[test]
fn no_fault_begins_in_the_quiet_tail_of_a_thread_that_a_slow_sync_has_held_up() {
    let writers = |sim: &mut Sim| {
        sim.faults(&[Family::OffCpu, Family::DiskSlow, Family::Slow, Family::Change]);
        sim.quiet_after(QUIET);
        for _ in 0..4 {
            let host = sim.host("host");
            sim.client(host, "writer", move |k| again(k, |k| _ = write_synced(k)));
        }
    };
    assert_eq!(fired(writers, 100).len(), 4);
}
