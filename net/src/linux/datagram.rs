//! Datagrams: straight calls.

use super::{Linux, sys};
use crate::{Control, Datagrams, Fd, Message, RecvFlags, Result, SendFlags, SocketAddr};

impl Datagrams for Linux {
    fn sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: SocketAddr) -> Result<usize> {
        sys::socket::sendto(fd, buffer, flags.0, to)
    }

    fn recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, Option<SocketAddr>)> {
        sys::socket::recvfrom(fd, buffer, flags.0)
    }

    fn sendmsg_control(
        &self,
        fd: Fd,
        buffer: &[u8],
        flags: SendFlags,
        to: Option<SocketAddr>,
        control: &[Control],
    ) -> Result<usize> {
        sys::control::send(fd, buffer, flags.0, to, control)
    }

    fn recvmsg_control(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<Message> {
        sys::control::recv(fd, buffer, flags.0)
    }
}
