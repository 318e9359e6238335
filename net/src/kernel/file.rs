//! Regular files and directories, as a storage unit needs them.

use super::Descriptors;
use crate::abi::{Fd, OpenFlags, Result};
use std::io::SeekFrom;

/// A lock of a file (`flock(2)`), without waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileLock {
    /// `LOCK_EX | LOCK_NB`.
    Exclusive = 0,
    /// `LOCK_SH | LOCK_NB`.
    Shared = 1,
    /// `LOCK_UN`.
    Unlock = 2,
}

/// What `fstat(2)` says, as far as it is used here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileStat {
    /// In bytes.
    pub len: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// Files. What survives a crash: data after `fsync` or `fdatasync` of the file, a name after `fsync` of its
/// directory; of the rest nothing is promised.
pub trait Files: Descriptors {
    /// `open(2)`, new files with mode 0644.
    fn open(&self, path: &str, flags: OpenFlags) -> Result<Fd>;

    /// `lseek(2)`: where the next `read` or `write` of the open file begins. `EINVAL`: before the beginning, or beyond the longest
    /// file.
    fn lseek(&self, fd: Fd, to: SeekFrom) -> Result<u64>;

    /// `pread(2)`. Short at the end of the file, and where a signal or the device wills.
    fn pread(&self, fd: Fd, buffer: &mut [u8], offset: u64) -> Result<usize>;

    /// `pwrite(2)`. Short where the disk is full.
    fn pwrite(&self, fd: Fd, buffer: &[u8], offset: u64) -> Result<usize>;

    /// `fsync(2)`. After an error (`EIO`, reported once) the data may be gone although later calls succeed.
    fn fsync(&self, fd: Fd) -> Result<()>;

    /// `fdatasync(2)`: the data, and the length.
    fn fdatasync(&self, fd: Fd) -> Result<()>;

    /// `flock(2)` without waiting: the lock is this open file's until it is given back or its last descriptor is closed, as the
    /// kernel does when the process ends, however it ends. `EAGAIN`: somebody else has the file, and a lock that was to be changed
    /// is lost.
    fn flock(&self, fd: Fd, lock: FileLock) -> Result<()>;

    /// `ftruncate(2)`.
    fn ftruncate(&self, fd: Fd, len: u64) -> Result<()>;

    /// `fstat(2)`.
    fn fstat(&self, fd: Fd) -> Result<FileStat>;

    /// `rename(2)`: atomic for those who look, durable once the directory is synced.
    fn rename(&self, from: &str, to: &str) -> Result<()>;

    /// `link(2)`: a second name. Durable as a new file's is, once the directory is synced.
    fn link(&self, from: &str, to: &str) -> Result<()>;

    /// `unlink(2)`.
    fn unlink(&self, path: &str) -> Result<()>;

    /// `mkdir(2)` with mode 0755.
    fn mkdir(&self, path: &str) -> Result<()>;

    /// `rmdir(2)`. `ENOTEMPTY`: there are names in it.
    fn rmdir(&self, path: &str) -> Result<()>;

    /// `readdir(3)`: the names in a directory, sorted, without `.` and `..`.
    fn read_dir(&self, path: &str) -> Result<Vec<String>>;
}
