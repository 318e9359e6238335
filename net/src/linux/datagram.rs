//! Datagrams: straight calls.

use super::{Linux, sys};
use crate::{Datagrams, Fd, RecvFlags, Result, SendFlags, SocketAddr};

impl Datagrams for Linux {
    fn sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: SocketAddr) -> Result<usize> {
        sys::socket::sendto(fd, buffer, flags.0, to)
    }

    fn recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, Option<SocketAddr>)> {
        sys::socket::recvfrom(fd, buffer, flags.0)
    }
}
