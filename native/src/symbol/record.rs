//! Locks of ranges of files: the commands of `fcntl(2)` for them.

use super::{KERNEL, there};
use eagain_net::{Errno, Fd, FileLock, Files, LockOwner, RecordLock, Result};
use libc::{c_short, flock};
use std::ffi::c_int;
use std::io::SeekFrom;

/// What the lock says, from the beginning of the file (`flock64_to_posix_lock`).
fn read(fd: Fd, lock: &flock, owner: LockOwner) -> Result<RecordLock> {
    let kind = match c_int::from(lock.l_type) {
        libc::F_WRLCK => FileLock::Exclusive,
        libc::F_RDLCK => FileLock::Shared,
        libc::F_UNLCK => FileLock::Unlock,
        _ => return Err(Errno::EINVAL),
    };
    let base = match c_int::from(lock.l_whence) {
        libc::SEEK_SET => 0,
        libc::SEEK_CUR => KERNEL.lseek(fd, SeekFrom::Current(0))?,
        libc::SEEK_END => KERNEL.fstat(fd)?.len,
        _ => return Err(Errno::EINVAL),
    };
    let start =
        i64::try_from(base).ok().and_then(|base| base.checked_add(lock.l_start)).ok_or(Errno::EOVERFLOW)?;
    // A negative length is of the bytes in front.
    let (start, len) = match lock.l_len {
        len @ ..0 => (start.checked_add(len).ok_or(Errno::EINVAL)?, len.unsigned_abs()),
        len => (start, len.unsigned_abs()),
    };
    let start = u64::try_from(start).map_err(|_| Errno::EINVAL)?;
    Ok(RecordLock { kind, owner, start, len })
}

/// `F_SETLK` and its relatives; `None`: it is none of them. As the harness.
///
/// # Safety
/// `lock` is null or points to a lock.
pub unsafe fn by_command(fd: c_int, command: c_int, lock: *mut flock) -> Option<Result<c_int>> {
    let owner = match command {
        libc::F_GETLK | libc::F_SETLK | libc::F_SETLKW => LockOwner::Process,
        libc::F_OFD_GETLK | libc::F_OFD_SETLK | libc::F_OFD_SETLKW => LockOwner::OpenFile,
        _ => return None,
    };
    let act = || {
        let given = &mut *there(lock)?;
        if owner == LockOwner::OpenFile && given.l_pid != 0 {
            return Err(Errno::EINVAL);
        }
        let fd = Fd(fd);
        let asked = read(fd, given, owner)?;
        match command {
            libc::F_SETLK | libc::F_OFD_SETLK => KERNEL.fcntl_setlk(fd, asked)?,
            libc::F_SETLKW | libc::F_OFD_SETLKW => KERNEL.fcntl_setlkw(fd, asked)?,
            _ => match KERNEL.fcntl_getlk(fd, asked)? {
                None => given.l_type = libc::F_UNLCK as c_short,
                Some((found, pid)) => {
                    let kind = if found.kind == FileLock::Shared { libc::F_RDLCK } else { libc::F_WRLCK };
                    *given = flock {
                        l_type: kind as c_short,
                        l_whence: libc::SEEK_SET as c_short,
                        l_start: found.start as i64,
                        l_len: found.len as i64,
                        l_pid: pid,
                    };
                }
            },
        }
        Ok(0)
    };
    Some(act())
}
