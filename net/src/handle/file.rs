//! Regular files, and directories where their names have to be made durable.

use super::fd::descriptor;
use crate::{Errno, FileLock, FileStat, Files, OpenFlags, OwnedFd, Result};

/// An open file or directory.
pub struct File<K: Files> {
    fd: OwnedFd<K>,
}

descriptor!(File, Files);

impl<K: Files> File<K> {
    /// `open(2)` with `O_CLOEXEC`.
    pub fn open(kernel: K, path: &str, flags: OpenFlags) -> Result<File<K>> {
        let fd = kernel.open(path, flags | OpenFlags::CLOEXEC)?;
        Ok(File { fd: OwnedFd::from_raw(kernel, fd) })
    }

    /// Opens a directory, to [`sync`](File::sync) the names in it.
    pub fn open_dir(kernel: K, path: &str) -> Result<File<K>> {
        Self::open(kernel, path, OpenFlags::DIRECTORY)
    }

    /// `read(2)`, at the file's own position.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        self.fd.read(buffer)
    }

    /// `write(2)`, at the file's own position, or at the end with `APPEND`.
    pub fn write(&self, buffer: &[u8]) -> Result<usize> {
        self.fd.write(buffer)
    }

    /// `pread(2)`.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        self.kernel().pread(self.fd(), buffer, offset)
    }

    /// `pwrite(2)`.
    pub fn write_at(&self, buffer: &[u8], offset: u64) -> Result<usize> {
        self.kernel().pwrite(self.fd(), buffer, offset)
    }

    /// Writes all of it at the file's own position, going on after a short write and after a signal. After an
    /// error some of it may be in the file.
    pub fn write_all(&self, mut rest: &[u8]) -> Result<()> {
        while !rest.is_empty() {
            match self.write(rest) {
                Ok(0) => return Err(Errno::EIO),
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Writes all of it at `offset`, going on after a short write and after a signal.
    pub fn write_all_at(&self, mut rest: &[u8], mut offset: u64) -> Result<()> {
        while !rest.is_empty() {
            match self.write_at(rest, offset) {
                Ok(0) => return Err(Errno::EIO),
                Ok(n) => {
                    rest = rest.get(n..).unwrap_or_default();
                    offset = offset.saturating_add(n as u64);
                }
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Fills `buffer` from `offset` on, or to the end of the file; how much.
    pub fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(filled)
    }

    /// `fsync(2)`. After an error the data may be gone although later calls succeed: do not retry, recover.
    pub fn sync(&self) -> Result<()> {
        self.kernel().fsync(self.fd())
    }

    /// `fdatasync(2)`: the data and the length.
    pub fn sync_data(&self) -> Result<()> {
        self.kernel().fdatasync(self.fd())
    }

    /// `flock(2)`: nobody else may have the lock until this file is closed. `EAGAIN`: somebody has it.
    pub fn lock(&self) -> Result<()> {
        self.kernel().flock(self.fd(), FileLock::Exclusive)
    }

    /// `ftruncate(2)`.
    pub fn set_len(&self, len: u64) -> Result<()> {
        self.kernel().ftruncate(self.fd(), len)
    }

    /// `fstat(2)`.
    pub fn stat(&self) -> Result<FileStat> {
        self.kernel().fstat(self.fd())
    }

    /// `close(2)`, with its result.
    pub fn close(self) -> Result<()> {
        self.fd.close()
    }
}
