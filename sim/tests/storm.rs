//! Everything at once: a server that accepts, reads and writes by a ring, logs by AIO and syncs, is killed, crashed, cut
//! off, with a disk that fails; what it has acknowledged is there at the next start.

mod common;

use common::{run, sweep};
use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

const LOG: OpenFlags = OpenFlags(OpenFlags::RDWR.0 | OpenFlags::CREAT.0 | OpenFlags::APPEND.0);
const ACCEPT: u64 = u64::MAX;

/// How many whole records of 8 bytes, counted from 1, the log holds.
fn recover(k: SimKernel, log: Fd) -> u64 {
    let len = k.fstat(log).unwrap().len;
    let mut all = vec![0; len as usize];
    assert_eq!(k.pread(log, &mut all, 0), Ok(all.len()));
    let whole = |(at, record): (usize, &[u8])| record == (at as u64 + 1).to_le_bytes();
    let records = all.chunks(8).enumerate().take_while(|&r| whole(r)).count() as u64;
    k.ftruncate(log, records * 8).unwrap();
    records
}

/// Appends one record and makes it durable; `None`: the disk did not do it, and what it did is not known.
fn append<const SYNC: bool>(k: SimKernel, log: Fd, record: u64) -> Option<()> {
    let id = k.aio_write(log, record.to_le_bytes().to_vec(), 0, 0, SigEvent::None).unwrap();
    while k.aio_error(id) == Ok(AioState::InProgress) {
        let _ = k.aio_suspend(&[id], None);
    }
    let (result, _) = k.aio_return(id).unwrap();
    (result == Ok(8) && (!SYNC || k.fdatasync(log).is_ok())).then_some(())
}

fn serve<const SYNC: bool>(k: SimKernel, _boot: u32) {
    let log = k.open("/log", LOG).unwrap();
    let root = k.open("/", OpenFlags::DIRECTORY).unwrap();
    k.fsync(root).unwrap();
    let mut records = recover(k, log);
    // What was recovered is answered for, so it has to be durable first.
    if k.fdatasync(log).is_err() {
        panic!("the disk is broken");
    }
    let l = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.setsockopt(l, SocketOption::ReuseAddr(true)).unwrap();
    k.bind(l, SocketAddr::from(([0, 0, 0, 0], 7))).unwrap();
    k.listen(l, 8).unwrap();
    let mut r =
        Ring::new(k, RingParams { entries: 16, cq_entries: 0, defer_taskrun: records.is_multiple_of(2) })
            .unwrap();
    r.accept_multishot(ACCEPT, l, SocketFlags::NONE).unwrap();
    let mut all = Vec::new();
    loop {
        let _ = r.enter(1, None);
        r.reap(&mut all);
        for c in all.drain(..) {
            let fd = Fd((c.user_data >> 1) as i32);
            match (c.user_data, c.value()) {
                (ACCEPT, Ok(fd)) => r.recv((fd as u64) << 1, Fd(fd as i32), vec![0; 1]).unwrap(),
                (ACCEPT, Err(_)) => r.accept_multishot(ACCEPT, l, SocketFlags::NONE).unwrap(),
                (_, Ok(0) | Err(_)) => k.close(fd).unwrap(),
                (asked, Ok(_)) if asked & 1 == 0 => {
                    if append::<SYNC>(k, log, records + 1).is_none() {
                        panic!("the disk is broken");
                    }
                    records += 1;
                    r.send_all(asked | 1, fd, records.to_le_bytes().to_vec(), 0).unwrap();
                }
                (answered, Ok(_)) => r.recv(answered & !1, fd, vec![0; 1]).unwrap(),
            }
        }
    }
}

/// One more record; the number that it got.
fn ask(k: SimKernel, server: SocketAddr) -> Result<u64> {
    let fd = k.socket(Domain::Inet, SocketFlags::NONE)?;
    let asked = (|| {
        k.connect(fd, server)?;
        k.setsockopt(fd, SocketOption::RecvTimeout(Some(Duration::from_secs(5))))?;
        k.send(fd, b"+", SendFlags::NOSIGNAL)?;
        let mut answer = [0; 8];
        match k.recv(fd, &mut answer, RecvFlags::WAITALL)? {
            8 => Ok(u64::from_le_bytes(answer)),
            _ => Err(Errno::ECONNRESET),
        }
    })();
    k.close(fd)?;
    asked
}

fn storm<const SYNC: bool>(sim: &mut Sim) {
    let mut faults = eagain_sim::USUAL_FAULTS.to_vec();
    faults.extend([Family::ProcessKill, Family::HostPower, Family::Partition, Family::Reset]);
    faults.extend([Family::DiskTorn, Family::DiskSpace, Family::DiskSync, Family::DiskSlow]);
    faults.extend([Family::ClockDrift, Family::ClockStep]);
    sim.faults(&faults);
    let (host, other) = (sim.host("server"), sim.host("client"));
    let address = sim.address(host, 7);
    let server = sim.server_restarting(host, "server", serve::<SYNC>);
    sim.may_panic(server);
    sim.client(other, "client", move |k| {
        let (mut last, mut answers) = (0, 0);
        while answers < 25 {
            if let Ok(number) = ask(k, address) {
                eagain_sim::always("acknowledged", number > last, || format!("{number} after {last}"));
                (last, answers) = (number, answers + 1);
            } else {
                let _ = k.nanosleep(Duration::from_millis(50));
            }
        }
    });
}

#[test]
fn what_was_acknowledged_survives_everything() {
    let families = ["process.kill", "host.power", "disk.torn", "disk.sync", "link.partition", "ring.late"];
    sweep(storm::<true>, 0..300, &families);
}

#[test]
fn a_missing_sync_is_found() {
    let found = (0..300).find_map(|seed| run(storm::<false>, Base::Seed(seed)).failure);
    assert_eq!(found.map(|failure| failure.site), Some("acknowledged".to_owned()));
}
