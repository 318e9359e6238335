//! A batch of reads, some of which are short (RocksDB 2020, rsync in Rust 2025): what is left of such a range is read again, into
//! the rest of its buffer, but from where the range begins. Repaired: from behind what was read.

use crate::bugs::common_ring::{enter, pushed};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::VecDeque;

crate::bugs::planted!(
    "short-read-of-a-batch",
    "B59",
    'l',
    ["O2"],
    "the rest of a short read is read from the wrong place"
);

/// Entries of the ring; a batch may be longer.
const ENTRIES: u32 = 4;
const FILE: u64 = 4000;

/// Byte `at` of the file.
fn byte(at: u64) -> u8 {
    (at.wrapping_mul(31) ^ (at >> 7)) as u8
}

/// A range of the file.
struct Range {
    offset: u64,
    length: usize,
    /// What was read of it.
    bytes: Vec<u8>,
}

/// Fills all ranges, to their ends or that of the file.
fn read_all<K: Kernel>(ring: &mut Ring<K>, file: &File<K>, ranges: &mut [Range], defect: bool) -> Result<()> {
    let mut to_submit: VecDeque<usize> = (0..ranges.len()).collect();
    let (mut under_way, mut done) = (0, Vec::new());
    while under_way > 0 || !to_submit.is_empty() {
        while under_way < ENTRIES
            && let Some(range) = to_submit.pop_front()
        {
            let Range { offset, length, bytes } = &ranges[range];
            let from = if defect { *offset } else { offset + bytes.len() as u64 };
            pushed(ring.read_at(range as u64, file.fd(), vec![0; length - bytes.len()], from))?;
            under_way += 1;
        }
        enter(ring, 1, None)?;
        ring.reap(&mut done);
        for completed in done.drain(..) {
            under_way -= 1;
            let at = completed.user_data as usize;
            let count = completed.value()?;
            let range = &mut ranges[at];
            range.bytes.extend_from_slice(&completed.buffer.unwrap_or_default()[..count]);
            let ends = range.offset + range.bytes.len() as u64 >= FILE;
            if count > 0 && range.bytes.len() < range.length && !ends {
                sometimes!("a read was short", true);
                to_submit.push_back(at);
            }
        }
    }
    Ok(())
}

/// Reads batches of ranges of a file whose every byte is known.
fn program<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let file = File::open(k, "/table", OpenFlags::RDWR | OpenFlags::CREAT)?;
    file.write_all_at(&(0..FILE).map(byte).collect::<Vec<_>>(), 0)?;
    let mut ring: Ring<K> =
        Ring::new(k, RingParams { entries: ENTRIES, cq_entries: 0, defer_taskrun: false })?;
    for _ in 0..choose("batches", 1, 6) {
        let mut ranges: Vec<Range> = (0..choose("ranges", 1, 8))
            .map(|_| {
                let (offset, length) = (choose("offset", 0, FILE - 1), choose("length", 1, 600) as usize);
                Range { offset, length, bytes: Vec::new() }
            })
            .collect();
        read_all(&mut ring, &file, &mut ranges, defect)?;
        for Range { offset, length, bytes } in ranges {
            let wanted: Vec<u8> = (offset..FILE).take(length).map(byte).collect();
            if bytes != wanted {
                let at = bytes.iter().zip(&wanted).position(|(a, b)| a != b);
                let message = format!("{length} bytes from {offset} on differ at {at:?}");
                fail("O2", "range differs", message);
            }
        }
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    sim.client(host, "server", move |k| program(k, defect).unwrap());
}
