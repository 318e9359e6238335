//! A reader of a signalfd that takes all pending records at once and hands on the first of each number (Cap'n Proto 2019):
//! standard signals pend once anyway, real-time ones queue, and those behind the first are lost. Repaired: each record is
//! handed on.

use crate::bugs::common::{Lines, PORT, anywhere, connect};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::time::Duration;

crate::bugs::planted!(
    "one-signal-of-each-number",
    "B56",
    'k',
    ["O1"],
    "of several queued signals of one number, a read of a signalfd hands on the first"
);

/// A kind of job each.
const KINDS: [Signal; 2] = [Signal(Signal::SIGRTMIN.0), Signal(Signal::SIGRTMIN.0 + 1)];

/// Takes jobs from signals, and reports each that is done to whoever has connected.
fn serve<K: Kernel>(k: K, pid: &AtomicI32, defect: bool) -> Result<()> {
    k.sigprocmask(MaskHow::Block, SigSet::of(&KINDS))?;
    let signals = SignalFd::with_flags(k, SigSet::of(&KINDS), SocketFlags::NONE)?;
    pid.store(k.getpid(), SeqCst);
    let listener = TcpListener::bind(k, anywhere(PORT))?;
    let stream = loop {
        match listener.accept() {
            Err(Errno::EINTR) => {}
            accepted => break accepted?.0,
        }
    };
    let signals = signals.into_owned_fd();
    let mut records = [0; 8 * SigInfo::RECORD_LEN];
    loop {
        let n = match signals.read(&mut records) {
            Err(Errno::EINTR) => continue,
            n => n?,
        };
        let mut seen = SigSet::EMPTY;
        for record in records[..n].chunks(SigInfo::RECORD_LEN) {
            let info = SigInfo::from_record(record)?;
            sometimes!("two of a number were read at once", seen.contains(info.signal));
            if defect && seen.contains(info.signal) {
                continue;
            }
            seen = seen.with(info.signal);
            sleep(k, Duration::from_micros(choose("work", 1, 100)));
            let report = format!("{}\n", info.value);
            if stream.write_all(report.as_bytes()).is_err() {
                return Ok(());
            }
        }
    }
}

/// Queues jobs, and wants each reported once.
fn operate<K: Kernel>(k: K, server: SocketAddr, pid: &AtomicI32) -> Result<()> {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    let mut open: Vec<u64> = Vec::new();
    let jobs = choose("jobs", 1, 8);
    for job in 0..jobs {
        let kind = KINDS[choose("kind", 0, 1) as usize];
        k.sigqueue(pid.load(SeqCst), kind, job)?;
        open.push(job);
        if choose("pauses", 0, 1) == 1 {
            sleep(k, Duration::from_micros(choose("pause", 1, 300)));
        }
    }
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    while !open.is_empty() {
        let report = lines.read(&stream);
        let job = report.clone().ok().flatten().and_then(|line| line.parse().ok());
        match open.iter().position(|open| Some(*open) == job) {
            Some(at) => drop(open.remove(at)),
            None => {
                let message =
                    format!("{} of {jobs} jobs were never reported; then came {report:?}", open.len());
                fail("O1", "job lost", message);
                break;
            }
        }
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let pid = Arc::new(AtomicI32::new(0));
    let known = pid.clone();
    sim.server(host, "server", move |k| serve(k, &known, defect).unwrap());
    sim.client(host, "operator", move |k| operate(k, address, &pid).unwrap());
}
