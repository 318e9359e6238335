//! Locks of files that are waited for, and of ranges of bytes (`flock(2)`, `fcntl(2)`). There is one process here: whoever else has a lock is
//! an open file.

use crate::asleep::{Caller, Sleepers};
use eagain_net::*;

const EXCLUSIVE: FileLock = FileLock::Exclusive;
const SHARED: FileLock = FileLock::Shared;
const UNLOCK: FileLock = FileLock::Unlock;

/// A file, opened twice, and its path.
fn file<K: Sleepers>(k: K, row: &str) -> (Fd, Fd, String) {
    let path = format!("/tmp/eagain-locks-{row}-{}", k.getpid());
    let [one, other] = [0; 2].map(|_| k.open(&path, OpenFlags::CREAT | OpenFlags::RDWR).unwrap());
    (one, other, path)
}

fn of(owner: LockOwner, kind: FileLock, start: u64, len: u64) -> RecordLock {
    RecordLock { kind, owner, start, len }
}

fn own(kind: FileLock, start: u64, len: u64) -> RecordLock {
    of(LockOwner::Process, kind, start, len)
}

fn open(kind: FileLock, start: u64, len: u64) -> RecordLock {
    of(LockOwner::OpenFile, kind, start, len)
}

fn ranges_exclude_each_other<K: Sleepers>(k: K) {
    let (one, other, path) = file(k, "ranges");
    assert_eq!(k.fcntl_setlk(one, open(EXCLUSIVE, 10, 10)), Ok(()));
    assert_eq!(k.fcntl_setlk(one, open(SHARED, 30, 0)), Ok(()));
    for (lock, result) in [
        (open(SHARED, 0, 10), Ok(())),
        (open(SHARED, 0, 11), Err(Errno::EAGAIN)),
        (own(SHARED, 19, 1), Err(Errno::EAGAIN)),
        (own(EXCLUSIVE, 20, 10), Ok(())),
        (open(EXCLUSIVE, 25, 1), Err(Errno::EAGAIN)),
        (open(SHARED, 40, 5), Ok(())),
        (open(EXCLUSIVE, 40, 5), Err(Errno::EAGAIN)),
        (own(EXCLUSIVE, 1 << 40, 1), Err(Errno::EAGAIN)),
        (open(UNLOCK, 0, 0), Ok(())),
        (own(UNLOCK, 0, 0), Ok(())),
        (open(EXCLUSIVE, 0, 10), Ok(())),
    ] {
        assert_eq!(k.fcntl_setlk(other, lock), result, "{lock:?}");
    }
    k.close(one).unwrap();
    assert_eq!(k.fcntl_setlk(other, open(EXCLUSIVE, 0, 0)), Ok(()));
    k.close(other).unwrap();
    k.unlink(&path).unwrap();
}

fn what_is_in_the_way<K: Sleepers>(k: K) {
    let (one, other, path) = file(k, "in-the-way");
    let get = |lock| k.fcntl_getlk(other, lock);
    assert_eq!(get(open(EXCLUSIVE, 0, 0)), Ok(None));
    // Parts of one kind that touch are one; another kind cuts them, and so does what is given back.
    for (kind, start, len) in [
        (SHARED, 10, 10),
        (SHARED, 20, 10),
        (SHARED, 50, 10),
        (EXCLUSIVE, 14, 2),
        (UNLOCK, 55, 1),
        (SHARED, 70, 0),
    ] {
        assert_eq!(k.fcntl_setlk(one, open(kind, start, len)), Ok(()));
    }
    for (asked, found) in [
        ((0, 0), (SHARED, 10, 4)),
        ((14, 1), (EXCLUSIVE, 14, 2)),
        ((16, 1), (SHARED, 16, 14)),
        ((30, 25), (SHARED, 50, 5)),
        ((55, 9), (SHARED, 56, 4)),
        ((100, 1), (SHARED, 70, 0)),
    ] {
        let (kind, start, len) = found;
        let found = Ok(Some((open(kind, start, len), -1)));
        assert_eq!(get(open(EXCLUSIVE, asked.0, asked.1)), found, "{asked:?}");
        assert_eq!(get(own(EXCLUSIVE, asked.0, asked.1)), found, "{asked:?}");
    }
    assert_eq!(get(open(SHARED, 0, 0)), Ok(Some((open(EXCLUSIVE, 14, 2), -1))));
    assert_eq!(get(open(EXCLUSIVE, 30, 20)), Ok(None));
    assert_eq!(get(own(UNLOCK, 0, 0)), Err(Errno::EINVAL));
    // With `F_UNLCK`: what the open file itself has there.
    assert_eq!(k.fcntl_getlk(one, open(UNLOCK, 30, 30)), Ok(Some((open(SHARED, 50, 5), -1))));
    assert_eq!(k.fcntl_getlk(other, open(UNLOCK, 30, 30)), Ok(None));
    // A process's lock is in the way of open files, its own too.
    assert_eq!(k.fcntl_setlk(one, own(EXCLUSIVE, 35, 5)), Ok(()));
    assert_eq!(get(open(SHARED, 30, 20)), Ok(Some((own(EXCLUSIVE, 35, 5), k.getpid()))));
    assert_eq!(get(own(EXCLUSIVE, 30, 20)), Ok(None));
    for fd in [one, other] {
        k.close(fd).unwrap();
    }
    k.unlink(&path).unwrap();
}

/// The process loses its locks with any descriptor of the file, the open file with its last.
fn locks_end_with_descriptors<K: Sleepers>(k: K) {
    let (one, other, path) = file(k, "end");
    let again = k.dup(one).unwrap();
    assert_eq!(k.fcntl_setlk(one, own(EXCLUSIVE, 0, 5)), Ok(()));
    assert_eq!(k.fcntl_setlk(one, open(EXCLUSIVE, 5, 5)), Ok(()));
    let third = k.open(&path, OpenFlags::NONE).unwrap();
    assert_eq!(k.fcntl_setlk(other, open(EXCLUSIVE, 0, 5)), Err(Errno::EAGAIN));
    k.close(third).unwrap();
    assert_eq!(k.fcntl_setlk(other, open(EXCLUSIVE, 0, 5)), Ok(()));
    k.close(one).unwrap();
    assert_eq!(k.fcntl_setlk(other, open(EXCLUSIVE, 5, 5)), Err(Errno::EAGAIN));
    k.close(again).unwrap();
    assert_eq!(k.fcntl_setlk(other, open(EXCLUSIVE, 5, 5)), Ok(()));
    k.close(other).unwrap();
    k.unlink(&path).unwrap();
}

fn what_no_lock_is<K: Sleepers>(k: K) {
    let (one, other, path) = file(k, "no-lock");
    let last = i64::MAX as u64;
    for (start, len, result) in [
        (last, 1, Ok(())),
        (last, 2, Err(Errno::EOVERFLOW)),
        (1, last, Ok(())),
        (2, last, Err(Errno::EOVERFLOW)),
        (last + 1, 0, Err(Errno::EINVAL)),
    ] {
        assert_eq!(k.fcntl_setlk(one, open(SHARED, start, len)), result, "{start} {len}");
        assert_eq!(k.fcntl_getlk(one, own(SHARED, start, len)).map(drop), result, "{start} {len}");
    }
    for (flags, kind) in [(OpenFlags::NONE, EXCLUSIVE), (OpenFlags::WRONLY, SHARED)] {
        let fd = k.open(&path, flags).unwrap();
        for owner in [LockOwner::Process, LockOwner::OpenFile] {
            assert_eq!(k.fcntl_setlk(fd, of(owner, kind, 0, 1)), Err(Errno::EBADF));
            assert_eq!(k.fcntl_setlk(fd, of(owner, UNLOCK, 0, 1)), Ok(()));
        }
        k.close(fd).unwrap();
    }
    assert_eq!(k.fcntl_setlk(Fd(9999), own(SHARED, 0, 1)), Err(Errno::EBADF));
    for fd in [one, other] {
        k.close(fd).unwrap();
    }
    k.unlink(&path).unwrap();
}

fn lock_is_waited_for<K: Sleepers>(k: K) {
    let (one, other, path) = file(k, "waited");
    assert_eq!(k.flock_wait(one, EXCLUSIVE), Ok(()));
    let caller = Caller::start(k, move |k| k.flock_wait(other, SHARED).map(|()| 0));
    assert_eq!(k.flock(one, UNLOCK), Ok(()));
    assert_eq!(caller.end(k), Ok(0));
    // What is changed is given back first, to who waits.
    assert_eq!(k.flock(one, SHARED), Ok(()));
    let caller = Caller::start(k, move |k| k.flock_wait(other, EXCLUSIVE).map(|()| 0));
    k.close(one).unwrap();
    assert_eq!(caller.end(k), Ok(0));

    let one = k.open(&path, OpenFlags::RDWR).unwrap();
    assert_eq!(k.fcntl_setlkw(one, open(EXCLUSIVE, 0, 10)), Ok(()));
    let caller = Caller::start(k, move |k| k.fcntl_setlkw(other, open(SHARED, 5, 10)).map(|()| 0));
    assert_eq!(k.fcntl_setlk(one, open(UNLOCK, 0, 5)), Ok(()));
    assert_eq!(k.fcntl_setlk(one, open(SHARED, 5, 5)), Ok(()));
    assert_eq!(caller.end(k), Ok(0));
    let caller = Caller::start(k, move |k| k.fcntl_setlkw(other, own(EXCLUSIVE, 5, 5)).map(|()| 0));
    assert_eq!(k.fcntl_setlk(other, open(UNLOCK, 0, 0)), Ok(()));
    k.close(one).unwrap();
    // Its own was lost with the descriptor, and it was not set yet.
    assert_eq!(caller.end(k), Ok(0));
    k.close(other).unwrap();
    k.unlink(&path).unwrap();
}

/// A lock that a process gets when the number refers to something else by then is given back.
fn lock_of_a_descriptor_that_was_closed_meanwhile_is_ebadf<K: Sleepers>(k: K) {
    for closed in [false, true] {
        let (one, other, path) = file(k, "closed");
        assert_eq!(k.fcntl_setlk(one, open(EXCLUSIVE, 0, 1)), Ok(()));
        let caller = Caller::start(k, move |k| k.fcntl_setlkw(other, own(EXCLUSIVE, 0, 1)).map(|()| 0));
        let kept = k.dup(other).unwrap();
        k.close(other).unwrap();
        if !closed {
            assert_eq!(k.dup3(kept, other), Ok(other));
        }
        assert_eq!(k.fcntl_setlk(one, open(UNLOCK, 0, 0)), Ok(()));
        assert_eq!(caller.end(k), if closed { Err(Errno::EBADF) } else { Ok(0) });
        assert_eq!(k.fcntl_getlk(one, open(SHARED, 0, 1)).unwrap().is_some(), !closed);
        for fd in [one, kept] {
            k.close(fd).unwrap();
        }
        if !closed {
            k.close(other).unwrap();
        }
        k.unlink(&path).unwrap();
    }
}

fn signal_ends_the_wait_for_a_lock<K: Sleepers>(k: K) {
    let (one, other, path) = file(k, "signal");
    let old = k.sigaction(Signal::SIGUSR1, SigAction::handler(false, |_| {})).unwrap();
    assert_eq!(k.flock(one, EXCLUSIVE), Ok(()));
    assert_eq!(k.fcntl_setlk(one, open(EXCLUSIVE, 0, 1)), Ok(()));
    let waits: [fn(K, Fd) -> Result<()>; 2] =
        [|k, fd| k.flock_wait(fd, SHARED), |k, fd| k.fcntl_setlkw(fd, open(SHARED, 0, 1))];
    for wait in waits {
        let caller = Caller::start(k, move |k| wait(k, other).map(|()| 0));
        k.tgkill(caller.thread, Signal::SIGUSR1).unwrap();
        assert_eq!(caller.end(k), Err(Errno::EINTR));
    }
    k.sigaction(Signal::SIGUSR1, old).unwrap();
    for fd in [one, other] {
        k.close(fd).unwrap();
    }
    k.unlink(&path).unwrap();
}

crate::bodies! {
    ranges_exclude_each_other
    what_is_in_the_way
    locks_end_with_descriptors
    what_no_lock_is
    lock_is_waited_for
    lock_of_a_descriptor_that_was_closed_meanwhile_is_ebadf
    signal_ends_the_wait_for_a_lock
}
