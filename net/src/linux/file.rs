//! Regular files and directories.

use super::{Linux, sys};
use crate::{Errno, Fd, FileLock, FileStat, FileTime, Files, OpenFlags, RecordLock, Result};
use std::ffi::CString;
use std::io::SeekFrom;

/// A path with a NUL inside names nothing.
fn path_of(path: &str) -> Result<CString> {
    CString::new(path).map_err(|_| Errno::EINVAL)
}

/// `O_DIRECTORY` is not the same number on every machine; the others are.
fn raw_flags(flags: OpenFlags) -> i32 {
    let rest = flags.without(OpenFlags::DIRECTORY).0;
    if flags.contains(OpenFlags::DIRECTORY) { rest | libc::O_DIRECTORY } else { rest }
}

fn operation(lock: FileLock) -> i32 {
    match lock {
        FileLock::Exclusive => libc::LOCK_EX,
        FileLock::Shared => libc::LOCK_SH,
        FileLock::Unlock => libc::LOCK_UN,
    }
}

impl Files for Linux {
    fn open(&self, path: &str, flags: OpenFlags) -> Result<Fd> {
        sys::file::open(&path_of(path)?, raw_flags(flags), 0o644)
    }

    fn lseek(&self, fd: Fd, to: SeekFrom) -> Result<u64> {
        let (offset, whence) = match to {
            SeekFrom::Start(at) => (i64::try_from(at).map_err(|_| Errno::EINVAL)?, libc::SEEK_SET),
            SeekFrom::Current(by) => (by, libc::SEEK_CUR),
            SeekFrom::End(by) => (by, libc::SEEK_END),
        };
        sys::file::lseek(fd, offset, whence)
    }

    fn pread(&self, fd: Fd, buffer: &mut [u8], offset: u64) -> Result<usize> {
        sys::file::pread(fd, buffer, offset)
    }

    fn pwrite(&self, fd: Fd, buffer: &[u8], offset: u64) -> Result<usize> {
        sys::file::pwrite(fd, buffer, offset)
    }

    fn fsync(&self, fd: Fd) -> Result<()> {
        sys::file::fsync(fd)
    }

    fn fdatasync(&self, fd: Fd) -> Result<()> {
        sys::file::fdatasync(fd)
    }

    fn flock(&self, fd: Fd, lock: FileLock) -> Result<()> {
        sys::file::flock(fd, operation(lock) | libc::LOCK_NB)
    }

    fn flock_wait(&self, fd: Fd, lock: FileLock) -> Result<()> {
        sys::file::flock(fd, operation(lock))
    }

    fn fcntl_setlk(&self, fd: Fd, lock: RecordLock) -> Result<()> {
        sys::file::set_record(fd, lock, false)
    }

    fn fcntl_setlkw(&self, fd: Fd, lock: RecordLock) -> Result<()> {
        sys::file::set_record(fd, lock, true)
    }

    fn fcntl_getlk(&self, fd: Fd, lock: RecordLock) -> Result<Option<(RecordLock, i32)>> {
        sys::file::get_record(fd, lock)
    }

    fn ftruncate(&self, fd: Fd, len: u64) -> Result<()> {
        sys::file::ftruncate(fd, len)
    }

    fn fstat(&self, fd: Fd) -> Result<FileStat> {
        sys::file::fstat(fd)
    }

    fn stat(&self, path: &str) -> Result<FileStat> {
        sys::file::stat(&path_of(path)?)
    }

    fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        sys::file::chmod(&path_of(path)?, mode)
    }

    fn fchmod(&self, fd: Fd, mode: u32) -> Result<()> {
        sys::file::fchmod(fd, mode)
    }

    fn utimensat(&self, path: &str, times: [FileTime; 2]) -> Result<()> {
        sys::file::utimensat(&path_of(path)?, times)
    }

    fn futimens(&self, fd: Fd, times: [FileTime; 2]) -> Result<()> {
        sys::file::futimens(fd, times)
    }

    fn mkfifo(&self, path: &str) -> Result<()> {
        sys::file::mkfifo(&path_of(path)?, 0o644)
    }

    fn link(&self, from: &str, to: &str) -> Result<()> {
        sys::file::link(&path_of(from)?, &path_of(to)?)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        sys::file::rename(&path_of(from)?, &path_of(to)?)
    }

    fn unlink(&self, path: &str) -> Result<()> {
        sys::file::unlink(&path_of(path)?)
    }

    fn mkdir(&self, path: &str) -> Result<()> {
        sys::file::mkdir(&path_of(path)?, 0o755)
    }

    fn rmdir(&self, path: &str) -> Result<()> {
        sys::file::rmdir(&path_of(path)?)
    }

    fn read_dir(&self, path: &str) -> Result<Vec<String>> {
        path_of(path)?;
        let errno = |e: std::io::Error| Errno(e.raw_os_error().unwrap_or(Errno::EIO.0));
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path).map_err(errno)? {
            // A name that is not UTF-8 is none of ours: no call here can make or open one.
            if let Ok(name) = entry.map_err(errno)?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}
