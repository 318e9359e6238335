//! What a ring gives to its pool of worker threads (io_uring/io-wq.c): shutdowns, syncs and writes of regular files. It
//! happens and completes later, though nobody enters the ring; only links and the writes of one file keep their order.

use crate::asleep::Sleepers;
use eagain_net::*;
use eagain_scenarios::conform::sides::with_faults;
use eagain_sim::Engine;
use eagain_sim::fault::Family;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Option<Duration> = Some(Duration::from_secs(5));
const LINK: SubmissionFlags = SubmissionFlags::LINK;
const ALONE: SubmissionFlags = SubmissionFlags::NONE;

struct Pool<K: Sleepers> {
    k: K,
    ring: K::Ring,
    /// A connection.
    client: Fd,
    server: Fd,
    /// A file without a name.
    file: Fd,
}

impl<K: Sleepers> Pool<K> {
    fn new(k: K, row: &str) -> Option<Pool<K>> {
        if k.io_uring_probe() != Advice::Available {
            return None;
        }
        let params = RingParams { entries: 64, cq_entries: 0, defer_taskrun: true };
        let (client, server) = k.socketpair(SocketFlags::NONE).unwrap();
        let path = format!("/var/tmp/eagain-ring-{row}-{}", k.getpid());
        let file = k.open(&path, OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
        k.unlink(&path).unwrap();
        Some(Pool { k, ring: k.io_uring_setup(params).unwrap(), client, server, file })
    }

    fn push(&mut self, user_data: u64, operation: Operation, flags: SubmissionFlags) {
        assert!(self.ring.push(Submission { user_data, operation, flags }).is_ok());
    }

    fn shutdown(&mut self, user_data: u64, flags: SubmissionFlags) {
        self.push(user_data, Operation::Shutdown { fd: self.client, how: ShutdownHow::Write }, flags);
    }

    fn write(&mut self, user_data: u64, bytes: &[u8], offset: u64, flags: SubmissionFlags) {
        self.push(user_data, Operation::Write { fd: self.file, buffer: bytes.to_vec(), offset }, flags);
    }

    fn nop(&mut self, user_data: u64) {
        self.push(user_data, Operation::Nop, ALONE);
    }

    /// The first so many completions: number and result.
    fn first(&mut self, count: usize) -> Vec<(u64, i32)> {
        let mut done = Vec::new();
        while done.len() < count {
            self.ring.enter(1, SOON, None).unwrap();
            self.ring.reap(&mut done);
        }
        done.into_iter().map(|one| (one.user_data, one.result)).collect()
    }

    fn end(self) {
        drop(self.ring);
        crate::unix::close_all(self.k, &[self.client, self.server, self.file]);
    }
}

/// The results of two operations, the second of which was done at once.
fn second_first(done: Vec<(u64, i32)>) -> (i32, i32) {
    assert_eq!(done.iter().map(|one| one.0).collect::<Vec<_>>(), [2, 1]);
    (done[1].1, done[0].1)
}

fn shutdown_sync_and_write_complete_behind_what_is_done_at_once<K: Sleepers>(k: K) {
    let Some(mut p) = Pool::new(k, "behind") else { return };
    for how in 0..6 {
        let expected = match how {
            0 => {
                p.shutdown(1, ALONE);
                0
            }
            1 => {
                p.write(1, b"abc", 0, ALONE);
                3
            }
            2 => {
                p.write(1, b"", 0, ALONE);
                0
            }
            3 => {
                p.write(1, b"x", 1 << 60, ALONE);
                -Errno::EFBIG.0
            }
            4 => {
                p.push(1, Operation::Fsync { fd: p.client, data_only: false }, ALONE);
                -Errno::EINVAL.0
            }
            _ => {
                p.push(1, Operation::Shutdown { fd: Fd(-1), how: ShutdownHow::Write }, ALONE);
                -Errno::EBADF.0
            }
        };
        p.nop(2);
        assert_eq!(second_first(p.first(2)), (expected, 0), "{how}");
    }
    p.end();
}

/// What needs no worker: bytes that are in the page cache, and a file that is not open for it.
fn cached_read_and_refused_write_complete_at_once<K: Sleepers>(k: K) {
    let Some(mut p) = Pool::new(k, "cached") else { return };
    assert_eq!(k.pwrite(p.file, b"abc", 0), Ok(3));
    let (_, w) = k.pipe2(SocketFlags::NONE).unwrap();
    p.push(1, Operation::Read { fd: p.file, buffer: vec![0; 8], offset: 1 }, ALONE);
    p.push(2, Operation::Read { fd: w, buffer: vec![0; 8], offset: u64::MAX }, ALONE);
    p.nop(3);
    assert_eq!(p.first(3), [(1, 2), (2, -Errno::EBADF.0), (3, 0)]);
    p.end();
}

fn shutdown_and_write_happen_though_nobody_enters<K: Sleepers>(k: K) {
    let Some(mut p) = Pool::new(k, "happen") else { return };
    p.shutdown(1, ALONE);
    p.write(2, b"abc", 0, ALONE);
    p.ring.enter(0, None, None).unwrap();
    assert_eq!(k.recv(p.server, &mut [0; 8], RecvFlags::NONE), Ok(0));
    while k.pread(p.file, &mut [0; 8], 0) != Ok(3) {
        k.nanosleep(Duration::from_millis(1)).unwrap();
    }
    let mut done = p.first(2);
    done.sort_unstable();
    assert_eq!(done, [(1, 0), (2, 3)]);
    p.end();
}

/// The worker looks the number up, and not the call that submits it: a close comes first.
fn close_comes_before_shutdown_and_sync<K: Sleepers>(k: K) {
    let Some(mut p) = Pool::new(k, "close") else { return };
    for shuts in [true, false] {
        let fd = k.dup(if shuts { p.client } else { p.file }).unwrap();
        match shuts {
            true => p.push(1, Operation::Shutdown { fd, how: ShutdownHow::Write }, ALONE),
            false => p.push(1, Operation::Fsync { fd, data_only: false }, ALONE),
        }
        p.push(2, Operation::Close { fd }, ALONE);
        // A worker that is very quick sees it open.
        let (result, closed) = second_first(p.first(2));
        assert!([0, -Errno::EBADF.0].contains(&result), "{result}");
        assert_eq!(closed, 0);
    }
    let fd = k.dup(p.file).unwrap();
    p.push(1, Operation::Write { fd, buffer: vec![0; 3], offset: 0 }, ALONE);
    p.push(2, Operation::Close { fd }, ALONE);
    assert_eq!(second_first(p.first(2)), (3, 0), "a write holds its file");
    p.end();
}

/// Out of the queue of the pool; not once a worker has it.
fn cancel_comes_before_the_worker_or_too_late<K: Sleepers>(k: K) {
    let Some(mut p) = Pool::new(k, "cancel") else { return };
    for _ in 0..20 {
        p.write(1, &[1; 65_536], 0, ALONE);
        p.push(2, Operation::Cancel { user_data: 1 }, ALONE);
        let both = second_first(p.first(2));
        let cancelled = both == (-Errno::ECANCELED.0, 0);
        let late = both.0 == 65_536 && [-Errno::EALREADY.0, -Errno::ENOENT.0].contains(&both.1);
        assert!(cancelled || late, "{both:?}");
    }
    p.end();
}

fn writes_of_one_file_keep_their_order<K: Sleepers>(k: K) {
    let Some(mut p) = Pool::new(k, "writes") else { return };
    for n in 1..=20 {
        p.write(n, &[n as u8; 3], 0, ALONE);
    }
    assert_eq!(p.first(20), (1..=20).map(|n| (n, 3)).collect::<Vec<_>>());
    let mut bytes = [0; 4];
    assert_eq!((k.pread(p.file, &mut bytes, 0), bytes), (Ok(3), [20, 20, 20, 0]));
    p.end();
}

fn links_keep_the_order<K: Sleepers>(k: K) {
    let Some(mut p) = Pool::new(k, "links") else { return };
    p.write(1, b"abc", 0, LINK);
    p.push(2, Operation::Fsync { fd: p.file, data_only: true }, LINK);
    p.shutdown(3, LINK);
    p.push(4, Operation::Read { fd: p.file, buffer: vec![0; 3], offset: 0 }, ALONE);
    p.nop(5);
    assert_eq!(p.first(5), [(5, 0), (1, 3), (2, 0), (3, 0), (4, 3)]);
    p.push(1, Operation::Shutdown { fd: Fd(-1), how: ShutdownHow::Write }, LINK);
    p.nop(2);
    assert_eq!(p.first(2), [(1, -Errno::EBADF.0), (2, -Errno::ECANCELED.0)]);
    p.end();
}

crate::bodies! {
    shutdown_sync_and_write_complete_behind_what_is_done_at_once
    cached_read_and_refused_write_complete_at_once
    shutdown_and_write_happen_though_nobody_enters
    close_comes_before_shutdown_and_sync
    cancel_comes_before_the_worker_or_too_late
    writes_of_one_file_keep_their_order
    links_keep_the_order
}

/// With the family on: what an outcome or an order can be, it is in some seed, and links and the writes of one file keep their
/// order in all.
#[test]
fn pool_works_out_of_order_in_some_seeds() {
    let mut engine = Engine::new();
    let mut orders = BTreeSet::new();
    for seed in 0..200 {
        let found = Arc::new(Mutex::new(Vec::new()));
        let inside = found.clone();
        let report = with_faults(&mut engine, seed, &[Family::RingPool], move |k| {
            let mut p = Pool::new(k, "order").unwrap();
            k.pwrite(p.file, b"abc", 0).unwrap();
            p.push(1, Operation::Read { fd: p.file, buffer: vec![0; 3], offset: 0 }, ALONE);
            p.push(2, Operation::Read { fd: p.file, buffer: vec![0; 3], offset: 1 }, ALONE);
            p.shutdown(3, ALONE);
            p.push(4, Operation::Shutdown { fd: p.server, how: ShutdownHow::Write }, ALONE);
            p.write(5, b"x", 0, LINK);
            p.push(6, Operation::Fsync { fd: p.file, data_only: true }, ALONE);
            p.write(7, b"y", 0, ALONE);
            inside.lock().unwrap().extend(p.first(7).into_iter().map(|one| one.0));
        });
        assert!(report.failure.is_none(), "{:?}", report.failure);
        let found = std::mem::take(&mut *found.lock().unwrap());
        let at = |number| found.iter().position(|&one| one == number).unwrap();
        assert!(at(5) < at(6) && at(5) < at(7), "{found:?}");
        orders.insert([at(2) < at(1), at(4) < at(3), at(3) < at(1), at(6) < at(7)]);
    }
    for place in 0..4 {
        assert!(
            orders.iter().any(|order| order[place]) && orders.iter().any(|order| !order[place]),
            "{place}"
        );
    }
}
