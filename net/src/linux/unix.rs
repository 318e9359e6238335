//! Addresses of AF_UNIX: straight calls.

use super::socket::kind;
use super::{Linux, sys};
use crate::{Fd, Received, RecvFlags, Result, SendFlags, SocketFlags, UnixAddr, UnixSockets};

impl UnixSockets for Linux {
    fn socketpair(&self, flags: SocketFlags) -> Result<(Fd, Fd)> {
        sys::socket::socketpair(kind(flags)?)
    }

    fn unix_bind(&self, fd: Fd, address: &UnixAddr) -> Result<()> {
        sys::unix::bind(fd, address)
    }

    fn unix_connect(&self, fd: Fd, address: &UnixAddr) -> Result<()> {
        sys::unix::connect(fd, address)
    }

    fn unix_accept(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, UnixAddr)> {
        sys::unix::accept4(fd, flags.0)
    }

    fn unix_sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: &UnixAddr) -> Result<usize> {
        sys::unix::sendto(fd, buffer, flags.0, to)
    }

    fn unix_recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, UnixAddr)> {
        sys::unix::recvfrom(fd, buffer, flags.0)
    }

    fn unix_send_fds(&self, fd: Fd, buffer: &[u8], fds: &[Fd], flags: SendFlags) -> Result<usize> {
        sys::unix::send_fds(fd, buffer, fds, flags.0)
    }

    fn unix_recv_fds(&self, fd: Fd, buffer: &mut [u8], most: usize, flags: RecvFlags) -> Result<Received> {
        sys::unix::recv_fds(fd, buffer, most, flags.0)
    }

    fn unix_getsockname(&self, fd: Fd) -> Result<UnixAddr> {
        sys::unix::getsockname(fd)
    }

    fn unix_getpeername(&self, fd: Fd) -> Result<UnixAddr> {
        sys::unix::getpeername(fd)
    }
}
