//! What is counted as fired is what the trace has: of every family, in a world that meets as many of them as one can.

mod common;

use common::run_with;
use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::Family;
use eagain_sim::run::Record;
use eagain_sim::trace::Kind;
use eagain_sim::{Sim, SimKernel};
use std::collections::BTreeMap;
use std::time::Duration;

/// Descriptors, a file with syncs, a ring, AIO, a futex and a short write on each connection: until the peer has had enough.
fn serve(k: SimKernel, _boot: u32) {
    let handler = SigAction {
        disposition: Disposition::Handler(std::sync::Arc::new(|_: &SigInfo| {})),
        ..SigAction::default_action()
    };
    k.sigaction(Signal::SIGUSR1, handler).unwrap();
    k.sigaction(Signal::SIGPIPE, SigAction::ignore()).unwrap();
    let Ok(l) = k.socket(Domain::Inet, SocketFlags::NONE) else { return };
    let _ = k.setsockopt(l, SocketOption::ReuseAddr(true));
    if k.bind(l, SocketAddr::from(([0, 0, 0, 0], 7))).is_err() || k.listen(l, 4).is_err() {
        return;
    }
    let log = k.open("/log", OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::APPEND);
    let mut ring = Ring::new(k, RingParams { entries: 8, cq_entries: 0, defer_taskrun: false });
    let mut done = Vec::new();
    loop {
        let Ok((fd, _)) = k.accept4(l, SocketFlags::NONE) else { continue };
        let mut bytes = [0; 64];
        while let Ok(n @ 1..) = k.recv(fd, &mut bytes, RecvFlags::NONE) {
            if let Ok(log) = log {
                let _ = (k.write(log, &bytes[..n]), k.fsync(log));
                let written = k.aio_write(log, bytes[..n].to_vec(), 0, 0, SigEvent::None);
                if let Ok(id) = written {
                    while k.aio_error(id) == Ok(AioState::InProgress) {
                        let _ = k.aio_suspend(&[id], None);
                    }
                    let _ = k.aio_return(id);
                }
            }
            if let Ok(ring) = &mut ring {
                let _ = ring.send(1, fd, vec![1; 300], 0);
                let _ = ring.enter(1, Some(Duration::from_millis(50)));
                ring.reap(&mut done);
            }
            let _ = k.send(fd, &[2; 300], SendFlags::NOSIGNAL);
            let word = std::sync::atomic::AtomicU32::new(1);
            let _ = k.futex_wait(&word, 1, FutexTimeout::Relative(Duration::from_micros(50)));
        }
        let _ = k.close(fd);
    }
}

fn world(sim: &mut Sim) {
    sim.faults(Family::ALL);
    let (host, other) = (sim.host("server"), sim.host("client"));
    let address = sim.address(host, 7);
    sim.server_restarting(host, "server", serve);
    sim.client(other, "client", move |k| {
        for _ in 0..12 {
            let Ok(fd) = k.socket(Domain::Inet, SocketFlags::NONE) else { continue };
            let _ = k.setsockopt(fd, SocketOption::RecvTimeout(Some(Duration::from_secs(1))));
            if k.connect(fd, address).is_ok() {
                for _ in 0..4 {
                    let _ = k.send(fd, &[0; 40], SendFlags::NOSIGNAL);
                    let _ = k.recv(fd, &mut [0; 400], RecvFlags::NONE);
                }
            }
            let _ = k.close(fd);
        }
    });
}

#[test]
fn every_family_counts_what_the_trace_has() {
    let mut fired: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..300 {
        let report = run_with(world, Base::Seed(seed), Overrides::new(), Record::Trace);
        let trace = report.trace.expect("the trace was kept");
        for &family in Family::ALL {
            let name = family.row().name;
            let recorded =
                trace.events.iter().filter(|event| event.kind == Kind::Fault(family)).count() as u64;
            let counted = report.faults.get(name).copied().unwrap_or(0);
            assert_eq!(counted, recorded, "{name}, seed {seed}");
            *fired.entry(name).or_default() += counted;
        }
    }
    // Those of streams and of other simulators' networks belong to other layers, a setting is the scenario's; datagrams, pending
    // operations of a ring and native threads are not in this world.
    let elsewhere =
        ["stream.", "net.", "host.crash", "host.gone", "knob", "datagram.", "ring.", "thread.preempt"];
    let elsewhere = |name: &str| elsewhere.iter().any(|of| name.starts_with(of));
    let never: Vec<_> = fired.iter().filter(|(name, count)| **count == 0 && !elsewhere(name)).collect();
    assert!(never.is_empty(), "{never:?}");
}
