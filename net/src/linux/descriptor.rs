//! What every descriptor can do: straight calls.

use super::{Linux, sys};
use crate::{Descriptors, Errno, Fd, Result, StatusFlags};
use std::io::{IoSlice, IoSliceMut};

/// The status flags that have a name in [`StatusFlags`].
const NAMED: i32 = StatusFlags::NONBLOCK.0 | StatusFlags::ASYNC.0;

impl Descriptors for Linux {
    fn close(&self, fd: Fd) -> Result<()> {
        sys::io::close(fd)
    }

    fn dup(&self, fd: Fd) -> Result<Fd> {
        // F_DUPFD says EINVAL of a least number at the limit, where that is 0; dup(2) has no such number.
        sys::io::dup_cloexec(fd, 0)
            .map_err(|errno| if errno == Errno::EINVAL { Errno::EMFILE } else { errno })
    }

    fn fcntl_dupfd(&self, fd: Fd, least: i32) -> Result<Fd> {
        sys::io::dup_cloexec(fd, least)
    }

    fn dup3(&self, fd: Fd, to: Fd) -> Result<Fd> {
        sys::io::dup3_cloexec(fd, to)
    }

    fn read(&self, fd: Fd, buffer: &mut [u8]) -> Result<usize> {
        sys::io::read(fd, buffer)
    }

    fn write(&self, fd: Fd, buffer: &[u8]) -> Result<usize> {
        sys::io::write(fd, buffer)
    }

    fn readv(&self, fd: Fd, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        sys::io::readv(fd, buffers)
    }

    fn writev(&self, fd: Fd, buffers: &[IoSlice<'_>]) -> Result<usize> {
        sys::io::writev(fd, buffers)
    }

    fn fcntl_getfl(&self, fd: Fd) -> Result<StatusFlags> {
        Ok(StatusFlags(sys::io::fcntl_getfl(fd)? & NAMED))
    }

    fn fcntl_setfl(&self, fd: Fd, flags: StatusFlags) -> Result<()> {
        // F_SETFL replaces all that can be set; what has no name here (O_APPEND …) stays as it is.
        let others = sys::io::fcntl_getfl(fd)? & !NAMED;
        sys::io::fcntl_setfl(fd, others | flags.0 & NAMED)
    }
}
