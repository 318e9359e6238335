//! Files, call by call.

use super::SimKernel;
use super::entry::{NOTHING, call, waiting_call_on};
use super::words::{text, word};
use crate::stack::with;
use crate::syscall::pipe::Opening;
use crate::syscall::{file, lock, names, stat};
use crate::trace::Kind;
use crate::world::World;
use eagain_net::*;
use std::io::SeekFrom;

/// A sync: what was written is safe when the disk is done, not before. A crash in between finds it as it was.
fn sync(kind: Kind, fd: Fd) -> Result<()> {
    with(|w| {
        if !w.scheduler.is_unwinding() && file::is_on_disk(w, fd) {
            let host = w.my_host();
            let takes = file::sync_time(w, host);
            let me = w.scheduler.current();
            w.scheduler[me].spend(takes);
        }
    });
    call(kind, [word(fd), 0, 0, 0], |w| file::fsync(w, fd, kind == Kind::Fdatasync))
}

fn record(fd: Fd, lock: RecordLock) -> [u64; 4] {
    [word(fd), lock.kind as u64 | (lock.owner as u64) << 2, lock.start, lock.len]
}

/// As [`crate::calls::Arg::FileTime`] writes it.
fn time_word(time: FileTime) -> u64 {
    match time {
        FileTime::Omit => u64::MAX,
        FileTime::Now => u64::MAX - 1,
        FileTime::At(at) => at.0,
    }
}

impl Files for SimKernel {
    fn open(&self, path: &str, flags: OpenFlags) -> Result<Fd> {
        let args = [text(path), flags.0 as u64, 0, 0];
        let act = |w: &mut World, _, progress: &mut Option<Opening>| file::open(w, path, flags, progress);
        waiting_call_on(Kind::Open, args, NOTHING, act, |_, _, _| None)
    }

    fn lseek(&self, fd: Fd, to: SeekFrom) -> Result<u64> {
        let (whence, offset) = match to {
            SeekFrom::Start(at) => (0, at),
            SeekFrom::Current(by) => (1, by as u64),
            SeekFrom::End(by) => (2, by as u64),
        };
        call(Kind::Lseek, [word(fd), offset, whence, 0], |w| file::lseek(w, fd, to))
    }

    fn pread(&self, fd: Fd, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, offset, 0];
        call(Kind::Pread, args, |w| file::pread(w, fd, buffer, offset))
    }

    fn pwrite(&self, fd: Fd, buffer: &[u8], offset: u64) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, offset, 0];
        call(Kind::Pwrite, args, |w| file::pwrite(w, fd, buffer, offset))
    }

    fn fsync(&self, fd: Fd) -> Result<()> {
        sync(Kind::Fsync, fd)
    }

    fn fdatasync(&self, fd: Fd) -> Result<()> {
        sync(Kind::Fdatasync, fd)
    }

    fn flock(&self, fd: Fd, lock: FileLock) -> Result<()> {
        call(Kind::Flock, [word(fd), lock as u64, 0, 0], |w| lock::flock(w, fd, lock))
    }

    fn flock_wait(&self, fd: Fd, lock: FileLock) -> Result<()> {
        let args = [word(fd), lock as u64, 0, 0];
        let act = |w: &mut World, fd, (): &mut ()| lock::flock_wait(w, fd, lock);
        waiting_call_on(Kind::FlockWait, args, fd, act, |_, _, ()| None)
    }

    fn fcntl_setlk(&self, fd: Fd, lock: RecordLock) -> Result<()> {
        call(Kind::FcntlSetLk, record(fd, lock), |w| lock::set(w, fd, lock))
    }

    fn fcntl_setlkw(&self, fd: Fd, lock: RecordLock) -> Result<()> {
        let act = |w: &mut World, held, (): &mut ()| lock::set_wait(w, held, fd, lock);
        waiting_call_on(Kind::FcntlSetLkW, record(fd, lock), fd, act, |_, _, ()| None)
    }

    fn fcntl_getlk(&self, fd: Fd, lock: RecordLock) -> Result<Option<(RecordLock, i32)>> {
        call(Kind::FcntlGetLk, record(fd, lock), |w| lock::get(w, fd, lock))
    }

    fn ftruncate(&self, fd: Fd, len: u64) -> Result<()> {
        call(Kind::Ftruncate, [word(fd), len, 0, 0], |w| file::ftruncate(w, fd, len))
    }

    fn fstat(&self, fd: Fd) -> Result<FileStat> {
        call(Kind::Fstat, [word(fd), 0, 0, 0], |w| stat::fstat(w, fd))
    }

    fn stat(&self, path: &str) -> Result<FileStat> {
        call(Kind::Stat, [text(path), 0, 0, 0], |w| stat::stat(w, path))
    }

    fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        call(Kind::Chmod, [text(path), mode.into(), 0, 0], |w| stat::chmod(w, path, mode))
    }

    fn fchmod(&self, fd: Fd, mode: u32) -> Result<()> {
        call(Kind::Fchmod, [word(fd), mode.into(), 0, 0], |w| stat::fchmod(w, fd, mode))
    }

    fn utimensat(&self, path: &str, times: [FileTime; 2]) -> Result<()> {
        let [accessed, modified] = times.map(time_word);
        call(Kind::Utimensat, [text(path), accessed, modified, 0], |w| stat::utimensat(w, path, times))
    }

    fn futimens(&self, fd: Fd, times: [FileTime; 2]) -> Result<()> {
        let [accessed, modified] = times.map(time_word);
        call(Kind::Futimens, [word(fd), accessed, modified, 0], |w| stat::futimens(w, fd, times))
    }

    fn mkfifo(&self, path: &str) -> Result<()> {
        call(Kind::Mkfifo, [text(path), 0, 0, 0], |w| names::mkfifo(w, path))
    }

    fn link(&self, from: &str, to: &str) -> Result<()> {
        call(Kind::Link, [text(from), text(to), 0, 0], |w| names::link(w, from, to))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        call(Kind::Rename, [text(from), text(to), 0, 0], |w| names::rename(w, from, to))
    }

    fn unlink(&self, path: &str) -> Result<()> {
        call(Kind::Unlink, [text(path), 0, 0, 0], |w| names::unlink(w, path))
    }

    fn mkdir(&self, path: &str) -> Result<()> {
        call(Kind::Mkdir, [text(path), 0, 0, 0], |w| names::mkdir(w, path))
    }

    fn rmdir(&self, path: &str) -> Result<()> {
        call(Kind::Rmdir, [text(path), 0, 0, 0], |w| names::rmdir(w, path))
    }

    fn read_dir(&self, path: &str) -> Result<Vec<String>> {
        call(Kind::ReadDir, [text(path), 0, 0, 0], |w| names::read_dir(w, path))
    }
}
