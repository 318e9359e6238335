//! Regular files and directories.

use super::Descriptors;
use crate::abi::{Fd, Instant, OpenFlags, Result};
use std::io::SeekFrom;

/// A lock of a file (`flock(2)`), or of a range of its bytes ([`RecordLock`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileLock {
    /// `LOCK_EX`, `F_WRLCK`.
    Exclusive = 0,
    /// `LOCK_SH`, `F_RDLCK`.
    Shared = 1,
    /// `LOCK_UN`, `F_UNLCK`.
    Unlock = 2,
}

/// Whose a lock of a range is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockOwner {
    /// The process's: `F_SETLK`. It loses its locks of a file where it closes any descriptor of it.
    Process = 0,
    /// The open file's: `F_OFD_SETLK`.
    OpenFile = 1,
}

/// A lock of a range of bytes (`fcntl(2)`, advisory record locking).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordLock {
    /// Its kind.
    pub kind: FileLock,
    /// Whose it is.
    pub owner: LockOwner,
    /// The first byte.
    pub start: u64,
    /// How many; 0: to the end of the file, however long it becomes.
    pub len: u64,
}

/// What `fstat(2)` says, as far as it is used here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileStat {
    /// In bytes.
    pub len: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// `st_mode`: what kind of file it is (inode(7)), and its permissions.
    pub mode: u32,
    /// `st_ino`: two names, or descriptors, of one file have one number.
    pub inode: u64,
    /// `st_nlink`: its names.
    pub links: u32,
    /// `st_blocks`: what it takes of the disk, in 512 bytes.
    pub blocks: u64,
    /// `st_atim`, of [`ClockId::Realtime`](crate::ClockId): when it was read, as far as that is noted (`relatime`, mount(8)).
    pub accessed: Instant,
    /// `st_mtim`: when its contents changed.
    pub modified: Instant,
    /// `st_ctim`: when its contents, names or permissions changed.
    pub changed: Instant,
}

/// A time of a file for [`Files::utimensat`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileTime {
    /// `UTIME_OMIT`: it stays.
    Omit,
    /// `UTIME_NOW`.
    Now,
    /// This, of [`ClockId::Realtime`](crate::ClockId).
    At(Instant),
}

/// Files. What survives a crash: data after `fsync` or `fdatasync` of the file, a name after `fsync` of its
/// directory; of the rest nothing is promised.
pub trait Files: Descriptors {
    /// `open(2)`, new files with mode 0644.
    fn open(&self, path: &str, flags: OpenFlags) -> Result<Fd>;

    /// `lseek(2)`: where the next `read` or `write` of the open file begins. `EINVAL`: before the beginning, or beyond the longest
    /// file.
    fn lseek(&self, fd: Fd, to: SeekFrom) -> Result<u64>;

    /// `pread(2)`. Short at the end of the file, and where a signal or the device ended it early.
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

    /// The same, waiting until the lock is free.
    fn flock_wait(&self, fd: Fd, lock: FileLock) -> Result<()>;

    /// `fcntl(2)`, `F_SETLK` and `F_OFD_SETLK`: what the owner has of the range becomes this. `EAGAIN`: somebody else has a part of it;
    /// `EBADF`: a shared lock needs a file that is read, an exclusive one a file that is written.
    fn fcntl_setlk(&self, fd: Fd, lock: RecordLock) -> Result<()>;

    /// `F_SETLKW` and `F_OFD_SETLKW`: the same, waiting. `EDEADLK`: processes would wait for each other.
    fn fcntl_setlkw(&self, fd: Fd, lock: RecordLock) -> Result<()>;

    /// `F_GETLK` and `F_OFD_GETLK`: the first lock that keeps this one from being set, and the number of its process, or -1.
    fn fcntl_getlk(&self, fd: Fd, lock: RecordLock) -> Result<Option<(RecordLock, i32)>>;

    /// `ftruncate(2)`.
    fn ftruncate(&self, fd: Fd, len: u64) -> Result<()>;

    /// `fstat(2)`.
    fn fstat(&self, fd: Fd) -> Result<FileStat>;

    /// `stat(2)`.
    fn stat(&self, path: &str) -> Result<FileStat>;

    /// `chmod(2)`: the permissions, of which `mode` may have the lowest twelve bits.
    fn chmod(&self, path: &str, mode: u32) -> Result<()>;

    /// `fchmod(2)`.
    fn fchmod(&self, fd: Fd, mode: u32) -> Result<()>;

    /// `utimensat(2)`: when it was read, and when its contents changed.
    fn utimensat(&self, path: &str, times: [FileTime; 2]) -> Result<()>;

    /// `futimens(3)`.
    fn futimens(&self, fd: Fd, times: [FileTime; 2]) -> Result<()>;

    /// `mkfifo(3)` with mode 0644: a pipe with a name. `open` waits until somebody opens it for the other direction, but with
    /// `O_NONBLOCK`, where a writer without a reader is refused with `ENXIO` (fifo(7)).
    fn mkfifo(&self, path: &str) -> Result<()>;

    /// `rename(2)`: atomic for concurrent readers, durable once the directory is synced.
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
