//! Files, call by call.

use super::SimKernel;
use eagain_net::*;

impl Files for SimKernel {
    fn open(&self, _: &str, _: OpenFlags) -> Result<Fd> {
        Err(Errno::ENOSYS)
    }

    fn pread(&self, _: Fd, _: &mut [u8], _: u64) -> Result<usize> {
        Err(Errno::ENOSYS)
    }

    fn pwrite(&self, _: Fd, _: &[u8], _: u64) -> Result<usize> {
        Err(Errno::ENOSYS)
    }

    fn fsync(&self, _: Fd) -> Result<()> {
        Err(Errno::ENOSYS)
    }

    fn fdatasync(&self, _: Fd) -> Result<()> {
        Err(Errno::ENOSYS)
    }

    fn ftruncate(&self, _: Fd, _: u64) -> Result<()> {
        Err(Errno::ENOSYS)
    }

    fn fstat(&self, _: Fd) -> Result<FileStat> {
        Err(Errno::ENOSYS)
    }

    fn rename(&self, _: &str, _: &str) -> Result<()> {
        Err(Errno::ENOSYS)
    }

    fn unlink(&self, _: &str) -> Result<()> {
        Err(Errno::ENOSYS)
    }

    fn mkdir(&self, _: &str) -> Result<()> {
        Err(Errno::ENOSYS)
    }

    fn read_dir(&self, _: &str) -> Result<Vec<String>> {
        Err(Errno::ENOSYS)
    }
}
