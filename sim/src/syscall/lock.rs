//! Locks of files (fs/locks.c): of an open file (`flock(2)`), and of ranges, of a process or an open file (`fcntl(2)`). They are kept
//! by the inode; who waits is listed by the world, and looks again each time that something of the file is given back.

use super::file::{access, get_open, open_and_inode};
use crate::object::{LockHolder, Object};
use crate::scheduler::{Step, WaitOn, Wake};
use crate::world::World;
use eagain_net::{Errno, Fd, FileLock, LockOwner, RecordLock, Result};

/// `OFFSET_MAX`: the last byte that can be locked.
const LAST: u64 = i64::MAX as u64;

/// A thread that waits for a lock.
pub(crate) struct LockWait {
    thread: u32,
    host: u32,
    inode: u32,
    /// For whom it waits, and whose lock is in the way; of ranges alone.
    holders: Option<(LockHolder, LockHolder)>,
}

/// `flock(2)` without waiting: of the open file, until its last descriptor is gone. What is no file of a disk is never
/// found locked. On Linux it may be, by another that shares its inode: the ends of a pipe, opens of a device, and all that
/// is anonymous (counters, timers, epoll sets).
pub(crate) fn flock(w: &mut World, fd: Fd, lock: FileLock) -> Result<()> {
    let file = w.file(fd)?;
    let Some(access) = access(w, file) else { return Ok(()) };
    if lock != FileLock::Unlock && !(access.readable || access.writable) {
        return Err(Errno::EBADF);
    }
    let Ok((open, inode)) = open_and_inode(w, file) else { return Ok(()) };
    let (host, at) = (open.host, open.inode);
    let is_locked = open.lock(inode, lock);
    // What it had before is given back.
    given_back(w, host, at);
    if is_locked { Ok(()) } else { Err(Errno::EAGAIN) }
}

pub(crate) fn flock_wait(w: &mut World, fd: Fd, lock: FileLock) -> Step<()> {
    match flock(w, fd, lock) {
        Err(Errno::EAGAIN) => {
            match w.file(fd).map(|file| get_open(w, file).map(|open| (open.host, open.inode))) {
                Ok(Some((host, inode))) => wait(w, host, inode, None),
                _ => Step::Done(Err(Errno::EBADF)),
            }
        }
        result => Step::Done(result),
    }
}

/// The first and the last byte (`flock64_to_posix_lock`).
fn range(lock: RecordLock) -> Result<(u64, u64)> {
    if lock.start > LAST || lock.len > LAST {
        return Err(Errno::EINVAL);
    }
    match lock.len {
        0 => Ok((lock.start, LAST)),
        len if len - 1 > LAST - lock.start => Err(Errno::EOVERFLOW),
        len => Ok((lock.start, lock.start + len - 1)),
    }
}

fn holder(w: &World, file: u32, lock: RecordLock) -> LockHolder {
    match lock.owner {
        LockOwner::Process => LockHolder::Process(w.my_process()),
        LockOwner::OpenFile => LockHolder::File(file),
    }
}

/// What came of an attempt: `Err` of who is in the way.
type Attempt = std::result::Result<(), (u32, u32, LockHolder, LockHolder)>;

fn attempt(w: &mut World, fd: Fd, lock: RecordLock) -> Result<Attempt> {
    let file = w.file(fd)?;
    let (first, last) = range(lock)?;
    let (readable, writable) = match w.files[file].object {
        Object::Pipe { end, .. } => (end.reads(), end.writes()),
        // What has no mode of its own is open for both.
        _ => access(w, file).map_or((true, true), |access| (access.readable, access.writable)),
    };
    let is_allowed = match lock.kind {
        FileLock::Exclusive => writable,
        FileLock::Shared => readable,
        FileLock::Unlock => true,
    };
    if !is_allowed {
        return Err(Errno::EBADF);
    }
    // Of what is no file of a disk nobody else has a lock.
    let Some((host, at)) = get_open(w, file).map(|open| (open.host, open.inode)) else { return Ok(Ok(())) };
    let holder = holder(w, file, lock);
    let Some(records) = w.hosts[host].disk.records(at) else { return Ok(Ok(())) };
    if lock.kind != FileLock::Unlock
        && let Some(other) = records.conflict(holder, first, last, lock.kind)
    {
        return Ok(Err((host, at, holder, other.holder)));
    }
    records.set(holder, first, last, lock.kind);
    if lock.kind != FileLock::Exclusive {
        given_back(w, host, at);
    }
    Ok(Ok(()))
}

pub(crate) fn set(w: &mut World, fd: Fd, lock: RecordLock) -> Result<()> {
    attempt(w, fd, lock)?.map_err(|_| Errno::EAGAIN)
}

/// `number` is the descriptor that the program gave: by now it may refer to something else, and then a lock of the process is given
/// back (`fcntl_setlk`, "Detect close/fcntl races").
pub(crate) fn set_wait(w: &mut World, fd: Fd, number: Fd, lock: RecordLock) -> Step<()> {
    match attempt(w, fd, lock) {
        Ok(Ok(())) if lock.owner == LockOwner::OpenFile || lock.kind == FileLock::Unlock => {
            Step::Done(Ok(()))
        }
        Ok(Ok(())) => Step::Done(match (w.file(fd), w.file(number)) {
            (Ok(file), now) if now != Ok(file) => {
                let process = w.my_process();
                process_closes(w, process, file);
                Err(Errno::EBADF)
            }
            _ => Ok(()),
        }),
        Ok(Err((_, _, holder, other))) if is_deadlock(w, holder, other) => Step::Done(Err(Errno::EDEADLK)),
        Ok(Err((host, inode, holder, other))) => wait(w, host, inode, Some((holder, other))),
        Err(errno) => Step::Done(Err(errno)),
    }
}

/// `posix_locks_deadlock`: whether `other` waits, through others, for a process that wants to wait for it. Open files are not looked at.
fn is_deadlock(w: &World, holder: LockHolder, mut other: LockHolder) -> bool {
    /// `MAX_DEADLK_ITERATIONS`.
    const STEPS_MAX: usize = 10;
    if matches!(holder, LockHolder::File(_)) {
        return false;
    }
    for _ in 0..=STEPS_MAX {
        let waits = w.lock_waits.iter().filter_map(|wait| wait.holders).find(|(waiter, _)| *waiter == other);
        match waits {
            Some((_, next)) if next == holder => return true,
            Some((_, next)) => other = next,
            None => return false,
        }
    }
    false
}

pub(crate) fn get(w: &mut World, fd: Fd, lock: RecordLock) -> Result<Option<(RecordLock, i32)>> {
    let file = w.file(fd)?;
    if lock.kind == FileLock::Unlock && lock.owner == LockOwner::Process {
        return Err(Errno::EINVAL);
    }
    let (first, last) = range(lock)?;
    let holder = holder(w, file, lock);
    let place = get_open(w, file).map(|open| (open.host, open.inode));
    let records = place.and_then(|(host, at)| w.hosts[host].disk.records(at));
    let Some(found) = records.and_then(|records| records.conflict(holder, first, last, lock.kind)) else {
        return Ok(None);
    };
    let (owner, pid) = match found.holder {
        LockHolder::Process(process) => (LockOwner::Process, w.processes[process].pid),
        LockHolder::File(_) => (LockOwner::OpenFile, -1),
    };
    let len = if found.last == LAST { 0 } else { found.last - found.first + 1 };
    Ok(Some((RecordLock { kind: found.kind, owner, start: found.first, len }, pid)))
}

/// The running thread waits until something of the file is given back.
fn wait(w: &mut World, host: u32, inode: u32, holders: Option<(LockHolder, LockHolder)>) -> Step<()> {
    let thread = w.scheduler.current();
    w.lock_waits.push(LockWait { thread, host, inode, holders });
    w.wait(WaitOn::Lock, None);
    Step::Wait
}

/// `thread` does not wait for a lock any more.
pub(crate) fn waits_no_more(w: &mut World, thread: u32) {
    w.lock_waits.retain(|wait| wait.thread != thread);
}

/// Who waits for a lock of the file looks again, the first to come first.
fn given_back(w: &mut World, host: u32, inode: u32) {
    if w.lock_waits.is_empty() {
        return;
    }
    let is_here = |wait: &&LockWait| (wait.host, wait.inode) == (host, inode);
    let waiting: Vec<u32> = w.lock_waits.iter().filter(is_here).map(|wait| wait.thread).collect();
    for thread in waiting {
        w.wake(thread, Wake::Ready);
    }
}

/// A process closes a descriptor of the file, and loses what it has locked of it (`locks_remove_posix`).
#[inline]
pub(crate) fn process_closes(w: &mut World, process: u32, file: u32) {
    let Object::File(open) = &w.files[file].object else { return };
    let (host, at) = (open.host, open.inode);
    let records = w.hosts[host].disk.records(at);
    if records.is_some_and(|records| records.release(LockHolder::Process(process))) {
        given_back(w, host, at);
    }
}

/// The last descriptor of an open file is gone, and with it its locks.
pub(super) fn closed(w: &mut World, host: u32, inode: u32) {
    given_back(w, host, inode);
}
