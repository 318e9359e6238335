//! A log in segments whose last records of a segment are never synced (YugabyteDB 2020): a new segment is begun where the old one
//! is full, and the sync before the reply is one of the new. After a power failure the log has a gap. Repaired: a segment is
//! synced before the next one is begun.

use crate::bugs::common::{Lines, PORT, allow, anywhere, connect};
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "segment-tail-not-synced",
    "B72",
    'n',
    ["O8", "O9"],
    "the end of a log segment is not synced before the next segment begins"
);

/// Bytes of a segment, a few records.
const SEGMENT: u64 = 128;
const RECORD: usize = 16;

/// A record: its number, and a check of it.
fn record(number: u64) -> [u8; RECORD] {
    let check = !number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&number.to_le_bytes());
    record[8..].copy_from_slice(&check.to_le_bytes());
    record
}

/// The number of a record that is whole.
fn number_of(bytes: &[u8]) -> Option<u64> {
    let number = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    (bytes == record(number)).then_some(number)
}

struct Log<K: Kernel> {
    kernel: K,
    segment: File<K>,
    /// The segment's number, and its length.
    number: u64,
    len: u64,
    /// The last record.
    last: u64,
    defect: bool,
}

impl<K: Kernel> Log<K> {
    fn path(number: u64) -> String {
        format!("/log-{number:04}")
    }

    /// Reads what is there. What is torn at the end is cut off.
    fn open(k: K, defect: bool) -> Result<Log<K>> {
        let segment = File::open(k, &Self::path(0), OpenFlags::RDWR | OpenFlags::CREAT)?;
        let mut log = Log { kernel: k, segment, number: 0, len: 0, last: 0, defect };
        loop {
            log.read_segment()?;
            match File::open(k, &Self::path(log.number + 1), OpenFlags::RDWR) {
                Ok(next) => log = Log { segment: next, number: log.number + 1, len: 0, ..log },
                Err(Errno::ENOENT) => break,
                Err(errno) => return Err(errno),
            }
        }
        log.segment.set_len(log.len)?;
        log.segment.sync()?;
        File::open_dir(k, "/")?.sync()?;
        Ok(log)
    }

    fn read_segment(&mut self) -> Result<()> {
        let mut bytes = [0; SEGMENT as usize];
        let n = self.segment.read_full_at(&mut bytes, 0)?;
        for record in bytes[..n].chunks(RECORD) {
            let Some(number) = number_of(record) else {
                sometimes!("a torn record was met", true);
                break;
            };
            if number != self.last + 1 {
                let message = format!("record {number} follows {}", self.last);
                fail("O9", "gap in the log", message);
            }
            self.last = number;
            self.len += RECORD as u64;
        }
        Ok(())
    }

    fn append(&mut self) -> Result<()> {
        if self.len == SEGMENT {
            if !self.defect {
                self.segment.sync_data()?;
            }
            let flags = OpenFlags::RDWR | OpenFlags::CREAT;
            self.segment = File::open(self.kernel, &Self::path(self.number + 1), flags)?;
            (self.number, self.len) = (self.number + 1, 0);
            File::open_dir(self.kernel, "/")?.sync()?;
        }
        self.segment.write_all_at(&record(self.last + 1), self.len)?;
        self.len += RECORD as u64;
        self.last += 1;
        Ok(())
    }
}

/// Appends as many records as a line says, syncs, and answers with the number of the last.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let mut log = Log::open(k, defect)?;
    let listener = TcpListener::bind(k, anywhere(PORT))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            for _ in 0..line.parse().unwrap_or(0) {
                log.append()?;
            }
            log.segment.sync_data()?;
            if stream.write_all(format!("{}\n", log.last).as_bytes()).is_err() {
                break;
            }
        }
    }
}

/// The number of the last record, once these are appended. `None`: nobody knows.
fn append<K: Kernel>(stream: &TcpStream<K>, records: u64) -> Option<u64> {
    stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
    stream.write_all(format!("{records}\n").as_bytes()).ok()?;
    Lines::default().read(stream).ok().flatten()?.parse().ok()
}

/// Appends, and wants what was acknowledged to be there.
fn client<K: Kernel>(k: K, server: SocketAddr) {
    let mut acknowledged = 0;
    let mut kept = None;
    for _ in 0..30 {
        let records = choose("records", 1, 6);
        let stream = kept.take().unwrap_or_else(|| connect(k, server));
        let Some(last) = append(&stream, records) else { continue };
        if last < acknowledged + records {
            let message =
                format!("{records} more were appended to {acknowledged}, and the last one is {last}");
            return fail("O8", "acknowledged record lost", message);
        }
        acknowledged = last;
        kept = Some(stream);
        sleep(k, Duration::from_millis(choose("think", 1, 20)));
    }
}

fn build(sim: &mut Sim, defect: bool) {
    allow(sim, &[Family::HostPower, Family::DiskTorn, Family::DiskSlow]);
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server_restarting(host, "server", move |k, _| serve(k, defect).unwrap());
    let host = sim.host("client");
    sim.client(host, "client", move |k| client(k, address));
}
