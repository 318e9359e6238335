//! What every descriptor can do, whatever it refers to.

use crate::abi::{Fd, Result, StatusFlags};
use std::io::{IoSlice, IoSliceMut};

/// `close`, the duplicates, `read`, `write` and the status flags.
pub trait Descriptors: Copy + Send + Sync + 'static {
    /// `close(2)`. The number is free afterwards whatever is returned, `EINTR` included: never retry.
    fn close(&self, fd: Fd) -> Result<()>;

    /// `dup(2)`, with `O_CLOEXEC`: the lowest free number, referring to the same open file description.
    fn dup(&self, fd: Fd) -> Result<Fd>;

    /// `fcntl(2)`, `F_DUPFD_CLOEXEC`: as [`Descriptors::dup`], with a number of at least `least`. `EINVAL`: no number is.
    fn fcntl_dupfd(&self, fd: Fd, least: i32) -> Result<Fd>;

    /// `dup3(2)` with `O_CLOEXEC`: the number `to`, whatever it referred to, which is closed, and errors of that are not reported. `EINVAL`: it is
    /// `fd` itself.
    fn dup3(&self, fd: Fd, to: Fd) -> Result<Fd>;

    /// `read(2)`. On a socket like `recv` without flags.
    fn read(&self, fd: Fd, buffer: &mut [u8]) -> Result<usize>;

    /// `write(2)`. On a socket like `send` without flags, so `SIGPIPE` can come with `EPIPE`.
    fn write(&self, fd: Fd, buffer: &[u8]) -> Result<usize>;

    /// `readv(2)`: scatters what one read gives.
    fn readv(&self, fd: Fd, buffers: &mut [IoSliceMut<'_>]) -> Result<usize>;

    /// `writev(2)`: gathers into one write, which may stop anywhere.
    fn writev(&self, fd: Fd, buffers: &[IoSlice<'_>]) -> Result<usize>;

    /// `fcntl(2)`, `F_GETFL`: the status flags that [`StatusFlags`] names.
    fn fcntl_getfl(&self, fd: Fd) -> Result<StatusFlags>;

    /// `fcntl(2)`, `F_SETFL`.
    fn fcntl_setfl(&self, fd: Fd, flags: StatusFlags) -> Result<()>;
}
