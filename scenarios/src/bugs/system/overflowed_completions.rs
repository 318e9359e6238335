//! Completions that did not fit into their queue (libuv 2023): the kernel keeps them until the ring is entered again. A loop
//! that takes what is in the queue and does not look at the overflow flag never sees them. Repaired: the ring is entered again
//! until nothing comes.

use crate::bugs::common::{Lines, PORT, clients, connect, wait};
use crate::bugs::common_later::Later;
use crate::bugs::common_lines::ask;
use crate::bugs::common_ring::{enter, pushed};
use crate::bugs::common_sessions::each_in_a_thread;
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;

crate::bugs::planted!(
    "overflowed-completions",
    "B60",
    'l',
    ["O6", "O12"],
    "completions beyond the queue's length stay with the kernel"
);

/// Entries of each queue; libuv has some hundred.
const ENTRIES: u32 = 4;
const BLOCK: usize = 16;
const BLOCKS: u64 = 64;

/// What block `number` of the file holds.
fn block(number: u64) -> Vec<u8> {
    format!("{number:0BLOCK$}").into_bytes()
}

/// A block that somebody waits for.
type Read<K> = (u64, Arc<Later<K, Vec<u8>>>);

/// Reads blocks of a file for any thread.
struct Reader<K: Kernel> {
    wakeup: EventFd<K>,
    wanted: Mutex<K, Vec<Read<K>>>,
}

impl<K: Kernel> Reader<K> {
    fn read(&self, reads: Vec<Read<K>>) -> Result<()> {
        self.wanted.lock().extend(reads);
        self.wakeup.write(1)
    }

    /// The loop: submits what is wanted, and hands out what has completed.
    fn run(&self, k: K, file: &File<K>, defect: bool) -> Result<()> {
        let mut ring: Ring<K> =
            Ring::new(k, RingParams { entries: ENTRIES, cq_entries: ENTRIES, defer_taskrun: false })?;
        let epoll = Epoll::new(k)?;
        epoll.add(self.wakeup.fd(), Events::IN, 0)?;
        epoll.add(ring.fd(), Events::IN | Events::ET, 1)?;
        let mut events = [EpollEvent::default(); 4];
        let mut under_way: BTreeMap<u64, Read<K>> = BTreeMap::new();
        let (mut last, mut done) = (0, Vec::new());
        loop {
            wait(&epoll, &mut events)?;
            let _ = self.wakeup.read();
            for read in std::mem::take(&mut *self.wanted.lock()) {
                let (fd, offset) = (file.fd(), read.0 * BLOCK as u64);
                last += 1;
                under_way.insert(last, read);
                if ring.read_at(last, fd, vec![0; BLOCK], offset).is_err() {
                    // The queue is full: the kernel takes what is in it.
                    enter(&mut ring, 0, None)?;
                    pushed(ring.read_at(last, fd, vec![0; BLOCK], offset))?;
                }
            }
            enter(&mut ring, 0, None)?;
            while ring.reap(&mut done) > 0 {
                sometimes!("the queue was full", done.len() == ENTRIES as usize);
                for completed in done.drain(..) {
                    let Some((number, later)) = under_way.remove(&completed.user_data) else { continue };
                    let count = completed.value()?;
                    let mut bytes = completed.buffer.unwrap_or_default();
                    // What a short read has left out.
                    let rest = number * BLOCK as u64 + count as u64;
                    file.read_full_at(&mut bytes[count..], rest)?;
                    later.set(bytes);
                }
                if !defect {
                    enter(&mut ring, 0, None)?;
                }
            }
        }
    }
}

/// Answers a line with a first block and a count by these blocks.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let file = File::open(k, "/blocks", OpenFlags::RDWR | OpenFlags::CREAT)?;
    file.write_all_at(&(0..BLOCKS).flat_map(block).collect::<Vec<_>>(), 0)?;
    let reader = Arc::new(Reader { wakeup: EventFd::new(k, 0)?, wanted: Mutex::new(k, Vec::new()) });
    let of_loop = reader.clone();
    thread::spawn(k, "reader", move || of_loop.run(k, &file, defect).unwrap())?;
    each_in_a_thread(k, PORT, move |stream| {
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            let Some((first, count)) = line.split_once(' ') else { break };
            let (first, count): (u64, u64) = (first.parse().unwrap_or(0), count.parse().unwrap_or(0));
            let reads: Vec<_> = (first..first + count).map(|number| (number, Later::new(k))).collect();
            let laters: Vec<_> = reads.iter().map(|(_, later)| later.clone()).collect();
            if reader.read(reads).is_err() {
                break;
            }
            let mut answer: Vec<u8> = laters.iter().flat_map(|later| later.get()).collect();
            answer.push(b'\n');
            if stream.write_all(&answer).is_err() {
                break;
            }
        }
    })
}

/// Asks for blocks.
fn client<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    for _ in 0..4 {
        let count = choose("blocks", 1, 6);
        let first = choose("first", 0, BLOCKS - count);
        let wanted: Vec<u8> = (first..first + count).flat_map(block).collect();
        let answer = ask(&stream, &format!("{first} {count}"));
        if answer.as_ref().map(|answer| answer.as_bytes()) != Some(&wanted) {
            return fail("O2", "wrong blocks", format!("{count} from {first} on: {answer:?}"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 2, move |k| client(k, address));
}
