//! Files and directories, except for reading a directory, which std does.

use super::super::handler::interruptible;
use super::{check, check_fd, check_unit};
use crate::{Errno, Fd, FileLock, FileStat, FileTime, Instant, LockOwner, RecordLock, Result};
use std::ffi::CStr;

pub(crate) fn open(path: &CStr, flags: i32, mode: u32) -> Result<Fd> {
    // SAFETY: the path ends with a NUL and lives through the call.
    check_fd(interruptible(|| unsafe { libc::open(path.as_ptr(), flags, mode) }))
}

/// An offset as the kernel takes it; one that does not fit is `EINVAL` there as well.
fn offset(offset: u64) -> libc::off_t {
    libc::off_t::try_from(offset).unwrap_or(-1)
}

pub(crate) fn lseek(fd: Fd, offset: i64, whence: i32) -> Result<u64> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::lseek64(fd.0, offset, whence) } as libc::ssize_t).map(|at| at as u64)
}

pub(crate) fn pread(fd: Fd, buffer: &mut [u8], at: u64) -> Result<usize> {
    // SAFETY: the kernel writes at most `len` bytes into a buffer that is borrowed for the call.
    check(unsafe { libc::pread(fd.0, buffer.as_mut_ptr().cast(), buffer.len(), offset(at)) })
}

pub(crate) fn pwrite(fd: Fd, buffer: &[u8], at: u64) -> Result<usize> {
    // SAFETY: the kernel reads at most `len` bytes of a buffer that is borrowed for the call.
    check(unsafe { libc::pwrite(fd.0, buffer.as_ptr().cast(), buffer.len(), offset(at)) })
}

pub(crate) fn fsync(fd: Fd) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(unsafe { libc::fsync(fd.0) })
}

pub(crate) fn fdatasync(fd: Fd) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(unsafe { libc::fdatasync(fd.0) })
}

pub(crate) fn flock(fd: Fd, operation: i32) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(interruptible(|| unsafe { libc::flock(fd.0, operation) }))
}

fn record(lock: RecordLock) -> Result<libc::flock> {
    let position = |at: u64| libc::off_t::try_from(at).map_err(|_| Errno::EINVAL);
    let kind = match lock.kind {
        FileLock::Exclusive => libc::F_WRLCK,
        FileLock::Shared => libc::F_RDLCK,
        FileLock::Unlock => libc::F_UNLCK,
    };
    Ok(libc::flock {
        l_type: kind as _,
        l_whence: libc::SEEK_SET as _,
        l_start: position(lock.start)?,
        l_len: position(lock.len)?,
        l_pid: 0,
    })
}

pub(crate) fn set_record(fd: Fd, lock: RecordLock, waits: bool) -> Result<()> {
    let command = match (lock.owner, waits) {
        (LockOwner::Process, false) => libc::F_SETLK,
        (LockOwner::Process, true) => libc::F_SETLKW,
        (LockOwner::OpenFile, false) => libc::F_OFD_SETLK,
        (LockOwner::OpenFile, true) => libc::F_OFD_SETLKW,
    };
    let raw = record(lock)?;
    // SAFETY: the kernel reads one flock, which lives through the call.
    check_unit(interruptible(|| unsafe { libc::fcntl(fd.0, command, &raw const raw) }))
}

pub(crate) fn get_record(fd: Fd, lock: RecordLock) -> Result<Option<(RecordLock, i32)>> {
    let command = match lock.owner {
        LockOwner::Process => libc::F_GETLK,
        LockOwner::OpenFile => libc::F_OFD_GETLK,
    };
    let mut raw = record(lock)?;
    // SAFETY: the kernel reads and writes one flock, which lives through the call.
    check_unit(unsafe { libc::fcntl(fd.0, command, &raw mut raw) })?;
    let kind = match i32::from(raw.l_type) {
        libc::F_WRLCK => FileLock::Exclusive,
        libc::F_RDLCK => FileLock::Shared,
        _ => return Ok(None),
    };
    let owner = if raw.l_pid == -1 { LockOwner::OpenFile } else { LockOwner::Process };
    Ok(Some((RecordLock { kind, owner, start: raw.l_start as u64, len: raw.l_len as u64 }, raw.l_pid)))
}

pub(crate) fn ftruncate(fd: Fd, len: u64) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(unsafe { libc::ftruncate(fd.0, offset(len)) })
}

pub(crate) fn fstat(fd: Fd) -> Result<FileStat> {
    // SAFETY: stat is made of integers, of which zero is a value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one stat, which lives through the call.
    check_unit(unsafe { libc::fstat(fd.0, &raw mut stat) })?;
    Ok(stat_of(&stat))
}

pub(crate) fn stat(path: &CStr) -> Result<FileStat> {
    // SAFETY: stat is made of integers, of which zero is a value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with a NUL; the kernel writes one stat; both live through the call.
    check_unit(unsafe { libc::stat(path.as_ptr(), &raw mut stat) })?;
    Ok(stat_of(&stat))
}

fn stat_of(stat: &libc::stat) -> FileStat {
    FileStat {
        len: u64::try_from(stat.st_size).unwrap_or(0),
        is_dir: stat.st_mode & libc::S_IFMT == libc::S_IFDIR,
        mode: stat.st_mode,
        inode: stat.st_ino,
        links: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
        blocks: u64::try_from(stat.st_blocks).unwrap_or(0),
        accessed: moment(stat.st_atime, stat.st_atime_nsec),
        modified: moment(stat.st_mtime, stat.st_mtime_nsec),
        changed: moment(stat.st_ctime, stat.st_ctime_nsec),
    }
}

fn moment(seconds: i64, nanoseconds: i64) -> Instant {
    let [seconds, nanoseconds] = [seconds, nanoseconds].map(|n| u64::try_from(n).unwrap_or(0));
    Instant(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
}

fn times_of(times: [FileTime; 2]) -> [libc::timespec; 2] {
    times.map(|time| match time {
        FileTime::Omit => libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_OMIT },
        FileTime::Now => libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW },
        FileTime::At(Instant(at)) => {
            libc::timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 }
        }
    })
}

pub(crate) fn utimensat(path: &CStr, times: [FileTime; 2]) -> Result<()> {
    let times = times_of(times);
    // SAFETY: the path ends with a NUL, and there are two times; all live through the call.
    check_unit(unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), 0) })
}

pub(crate) fn futimens(fd: Fd, times: [FileTime; 2]) -> Result<()> {
    let times = times_of(times);
    // SAFETY: there are two times, which live through the call.
    check_unit(unsafe { libc::futimens(fd.0, times.as_ptr()) })
}

pub(crate) fn chmod(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path ends with a NUL and lives through the call.
    check_unit(unsafe { libc::chmod(path.as_ptr(), mode) })
}

pub(crate) fn fchmod(fd: Fd, mode: u32) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(unsafe { libc::fchmod(fd.0, mode) })
}

pub(crate) fn mkfifo(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path ends with a NUL and lives through the call.
    check_unit(unsafe { libc::mkfifo(path.as_ptr(), mode) })
}

pub(crate) fn link(from: &CStr, to: &CStr) -> Result<()> {
    // SAFETY: both paths end with a NUL and live through the call.
    check_unit(unsafe { libc::link(from.as_ptr(), to.as_ptr()) })
}

pub(crate) fn rename(from: &CStr, to: &CStr) -> Result<()> {
    // SAFETY: both paths end with a NUL and live through the call.
    check_unit(unsafe { libc::rename(from.as_ptr(), to.as_ptr()) })
}

pub(crate) fn unlink(path: &CStr) -> Result<()> {
    // SAFETY: the path ends with a NUL and lives through the call.
    check_unit(unsafe { libc::unlink(path.as_ptr()) })
}

pub(crate) fn mkdir(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path ends with a NUL and lives through the call.
    check_unit(unsafe { libc::mkdir(path.as_ptr(), mode) })
}

pub(crate) fn rmdir(path: &CStr) -> Result<()> {
    // SAFETY: the path ends with a NUL and lives through the call.
    check_unit(unsafe { libc::rmdir(path.as_ptr()) })
}
