//! Pipes.

use super::Descriptors;
use crate::abi::{Fd, Result, SocketFlags};

/// `pipe(7)`. Read and written by [`Descriptors`]; up to 4096 bytes are written whole or not at all.
pub trait Pipes: Descriptors {
    /// `pipe2(2)`: the end that is read, and the one that is written.
    fn pipe2(&self, flags: SocketFlags) -> Result<(Fd, Fd)>;

    /// `fcntl(2)`, `F_GETPIPE_SZ`: how many bytes fit into a pipe, where every write fills its pages. `EBADF`: it is none.
    fn fcntl_getpipe_sz(&self, fd: Fd) -> Result<usize>;

    /// `fcntl(2)`, `F_SETPIPE_SZ`: at least so many bytes fit, and how many then: a power of two of pages. `EBUSY`: more is in
    /// it; `EINVAL`: above 2 GiB; `EPERM`: above `pipe-max-size`, without privilege.
    fn fcntl_setpipe_sz(&self, fd: Fd, bytes: u32) -> Result<usize>;
}
