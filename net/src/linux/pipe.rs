//! Pipes: straight calls.

use super::{Linux, sys};
use crate::{Fd, Pipes, Result, SocketFlags};

impl Pipes for Linux {
    fn pipe2(&self, flags: SocketFlags) -> Result<(Fd, Fd)> {
        sys::io::pipe2(flags.0)
    }

    fn fcntl_getpipe_sz(&self, fd: Fd) -> Result<usize> {
        sys::io::getpipe_sz(fd)
    }

    fn fcntl_setpipe_sz(&self, fd: Fd, bytes: u32) -> Result<usize> {
        sys::io::setpipe_sz(fd, bytes)
    }
}
