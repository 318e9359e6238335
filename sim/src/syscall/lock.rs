//! Locks of files (fs/locks.c): of an open file (`flock(2)`), and of ranges, of a process or an open file (`fcntl(2)`). They are kept
//! by the inode; who waits is listed by the world, and looks again each time that something of the file is given back.

use super::file::access;
use crate::object::{LockHolder, LockTarget, Object};
use crate::scheduler::{Step, WaitOn, Wake};
use crate::world::World;
use eagain_net::{Errno, Fd, FileLock, LockOwner, RecordLock, Result};

/// `OFFSET_MAX`: the last byte that can be locked.
const LAST: u64 = i64::MAX as u64;

/// A thread that waits for a lock.
pub(crate) struct LockWait {
    thread: u32,
    target: LockTarget,
    /// For whom it waits, and whose lock is in the way; of ranges alone.
    holders: Option<(LockHolder, LockHolder)>,
}

/// The inode of an open file of the running process.
fn target(w: &World, file: u32) -> LockTarget {
    LockTarget::of(file, &w.files[file], w.my_host())
}

/// `flock(2)` without waiting: of the open file, until its last descriptor is gone.
pub(crate) fn flock(w: &mut World, fd: Fd, lock: FileLock) -> Result<()> {
    let file = w.file(fd)?;
    let is_open = access(w, file).is_none_or(|access| access.readable || access.writable);
    if lock != FileLock::Unlock && !is_open {
        return Err(Errno::EBADF);
    }
    let target = target(w, file);
    let is_locked = w.locks.lock(target, file, lock);
    // What it had before is given back.
    given_back(w, target);
    if is_locked { Ok(()) } else { Err(Errno::EAGAIN) }
}

pub(crate) fn flock_wait(w: &mut World, fd: Fd, lock: FileLock) -> Step<()> {
    match flock(w, fd, lock) {
        Err(Errno::EAGAIN) => match w.file(fd).map(|file| target(w, file)) {
            Ok(target) => wait(w, target, None),
            Err(errno) => Step::Done(Err(errno)),
        },
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
type Attempt = std::result::Result<(), (LockTarget, LockHolder, LockHolder)>;

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
    let (target, holder) = (target(w, file), holder(w, file, lock));
    let records = w.locks.records(target);
    if lock.kind != FileLock::Unlock
        && let Some(other) = records.conflict(holder, first, last, lock.kind)
    {
        return Ok(Err((target, holder, other.holder)));
    }
    records.set(holder, first, last, lock.kind);
    if lock.kind != FileLock::Exclusive {
        given_back(w, target);
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
        Ok(Err((_, holder, other))) if is_deadlock(w, holder, other) => Step::Done(Err(Errno::EDEADLK)),
        Ok(Err((target, holder, other))) => wait(w, target, Some((holder, other))),
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
    let (target, holder) = (target(w, file), holder(w, file, lock));
    let Some(found) = w.locks.records(target).conflict(holder, first, last, lock.kind) else {
        return Ok(None);
    };
    let (owner, pid) = match found.holder {
        LockHolder::Process(process) => (LockOwner::Process, w.processes[process].pid()),
        LockHolder::File(_) => (LockOwner::OpenFile, -1),
    };
    let len = if found.last == LAST { 0 } else { found.last - found.first + 1 };
    Ok(Some((RecordLock { kind: found.kind, owner, start: found.first, len }, pid)))
}

/// The running thread waits until something of the file is given back.
fn wait(w: &mut World, target: LockTarget, holders: Option<(LockHolder, LockHolder)>) -> Step<()> {
    let thread = w.scheduler.current();
    w.lock_waits.push(LockWait { thread, target, holders });
    w.wait(WaitOn::Lock, None);
    Step::Wait
}

/// `thread` does not wait for a lock any more.
pub(crate) fn waits_no_more(w: &mut World, thread: u32) {
    w.lock_waits.retain(|wait| wait.thread != thread);
}

/// Who waits for a lock of the inode looks again, the first to come first.
fn given_back(w: &mut World, target: LockTarget) {
    if w.lock_waits.is_empty() {
        return;
    }
    let waiting = w.lock_waits.iter().filter(|wait| wait.target == target).map(|wait| wait.thread);
    for thread in waiting.collect::<Vec<u32>>() {
        w.wake(thread, Wake::Ready);
    }
}

/// A process closes a descriptor of the file, and loses what it has locked of it (`locks_remove_posix`).
#[inline]
pub(crate) fn process_closes(w: &mut World, process: u32, file: u32) {
    if w.locks.is_empty() {
        return;
    }
    let target = LockTarget::of(file, &w.files[file], w.processes[process].host());
    if w.locks.process_closes(target, process) {
        given_back(w, target);
    }
}

/// The last descriptor of an open file is gone, and with it its locks.
#[inline]
pub(super) fn closed(w: &mut World, file: u32) {
    if w.locks.is_empty() {
        return;
    }
    for target in w.locks.closed(file) {
        given_back(w, target);
    }
}
