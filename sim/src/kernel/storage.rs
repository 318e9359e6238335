//! Files, call by call.

use super::SimKernel;
use super::door::call;
use super::impls::word;
use crate::stack::with;
use crate::trace::Kind;
use eagain_net::*;

/// A path as a word of an event.
fn text(path: &str) -> u64 {
    with(|w| if w.scheduler.is_unwinding() { 0 } else { w.run.text(path) })
}

/// A sync: what was written is safe when the disk is done, not before. A crash in between finds it as it was.
fn sync(kind: Kind, fd: Fd) -> Result<()> {
    with(|w| {
        if !w.scheduler.is_unwinding() && w.is_on_disk(fd) {
            let host = w.my_host();
            let takes = w.sync_time(host);
            let me = w.scheduler.current();
            w.scheduler[me].time += takes;
        }
    });
    call(kind, [word(fd), 0, 0, 0], |w| w.sys_fsync(fd, kind == Kind::Fdatasync))
}

impl Files for SimKernel {
    fn open(&self, path: &str, flags: OpenFlags) -> Result<Fd> {
        call(Kind::Open, [text(path), flags.0 as u64, 0, 0], |w| w.sys_open(path, flags))
    }

    fn pread(&self, fd: Fd, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, offset, 0];
        call(Kind::Pread, args, |w| w.sys_pread(fd, buffer, offset))
    }

    fn pwrite(&self, fd: Fd, buffer: &[u8], offset: u64) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, offset, 0];
        call(Kind::Pwrite, args, |w| w.sys_pwrite(fd, buffer, offset))
    }

    fn fsync(&self, fd: Fd) -> Result<()> {
        sync(Kind::Fsync, fd)
    }

    fn fdatasync(&self, fd: Fd) -> Result<()> {
        sync(Kind::Fdatasync, fd)
    }

    fn ftruncate(&self, fd: Fd, len: u64) -> Result<()> {
        call(Kind::Ftruncate, [word(fd), len, 0, 0], |w| w.sys_ftruncate(fd, len))
    }

    fn fstat(&self, fd: Fd) -> Result<FileStat> {
        call(Kind::Fstat, [word(fd), 0, 0, 0], |w| w.sys_fstat(fd))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        call(Kind::Rename, [text(from), text(to), 0, 0], |w| w.sys_rename(from, to))
    }

    fn unlink(&self, path: &str) -> Result<()> {
        call(Kind::Unlink, [text(path), 0, 0, 0], |w| w.sys_unlink(path))
    }

    fn mkdir(&self, path: &str) -> Result<()> {
        call(Kind::Mkdir, [text(path), 0, 0, 0], |w| w.sys_mkdir(path))
    }

    fn read_dir(&self, path: &str) -> Result<Vec<String>> {
        call(Kind::ReadDir, [text(path), 0, 0, 0], |w| w.sys_read_dir(path))
    }
}
