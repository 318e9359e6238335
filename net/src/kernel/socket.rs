//! Sockets: those of IPv4 and IPv6, and what has no address in it for AF_UNIX too.

use super::Descriptors;
use crate::abi::{
    Domain, Fd, RecvFlags, Result, SendFlags, ShutdownHow, SocketFlags, SocketOption, SocketOptionName,
};
use std::io::IoSlice;
use std::net::SocketAddr;

/// `socket(7)`, `tcp(7)`; addresses of AF_UNIX are in [`UnixSockets`](super::UnixSockets).
pub trait Sockets: Descriptors {
    /// `socket(2)`; a stream, unless [`SocketFlags::DGRAM`] is given.
    fn socket(&self, domain: Domain, flags: SocketFlags) -> Result<Fd>;

    /// `bind(2)`. Port 0: the kernel chooses one.
    fn bind(&self, fd: Fd, address: SocketAddr) -> Result<()>;

    /// `listen(2)`: `backlog + 1` connections can wait for `accept4`; further ones are not answered.
    fn listen(&self, fd: Fd, backlog: i32) -> Result<()>;

    /// `accept4(2)`. `EMFILE` leaves the connection in the queue. An error of the new connection shows when it is used.
    fn accept4(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, SocketAddr)>;

    /// `connect(2)`. Non-blocking: `EINPROGRESS`, then `OUT`, then `SO_ERROR` has the result.
    fn connect(&self, fd: Fd, address: SocketAddr) -> Result<()>;

    /// `connect(2)` with `AF_UNSPEC`: whatever it was connected to, it is not any more, and may connect again. A stream is reset;
    /// one of `AF_UNIX` is `EINVAL`.
    fn disconnect(&self, fd: Fd) -> Result<()>;

    /// `recv(2)`. 0: the peer has ended, or the buffer is empty.
    fn recv(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<usize>;

    /// `send(2)`. Short when the buffer filled; `EPIPE` comes with `SIGPIPE` unless `NOSIGNAL` is given.
    fn send(&self, fd: Fd, buffer: &[u8], flags: SendFlags) -> Result<usize>;

    /// `sendmsg(2)` of several pieces: gathers into one send, which may stop anywhere.
    fn sendmsg(&self, fd: Fd, buffers: &[IoSlice<'_>], flags: SendFlags) -> Result<usize>;

    /// `shutdown(2)`.
    fn shutdown(&self, fd: Fd, how: ShutdownHow) -> Result<()>;

    /// `getsockname(2)`.
    fn getsockname(&self, fd: Fd) -> Result<SocketAddr>;

    /// `getpeername(2)`.
    fn getpeername(&self, fd: Fd) -> Result<SocketAddr>;

    /// `setsockopt(2)`.
    fn setsockopt(&self, fd: Fd, option: SocketOption) -> Result<()>;

    /// `getsockopt(2)`. Reading `SO_ERROR` clears it.
    fn getsockopt(&self, fd: Fd, option: SocketOptionName) -> Result<SocketOption>;
}
