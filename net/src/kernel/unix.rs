//! Sockets of one host, by path or abstract name, where they differ from those of IP: their addresses.

use super::Sockets;
use crate::abi::{Fd, RecvFlags, Result, SendFlags, SocketFlags, UnixAddr};

/// `unix(7)`. A socket is made by [`Sockets::socket`] with [`Domain::Unix`](crate::Domain::Unix), a stream, or with
/// [`SocketFlags::DGRAM`] one of datagrams; what has no address in it (`listen`, `send`, `recv`, `shutdown`, options, waiting)
/// is the same call for both families.
pub trait UnixSockets: Sockets {
    /// `socketpair(2)`: two sockets that are connected to each other.
    fn socketpair(&self, flags: SocketFlags) -> Result<(Fd, Fd)>;

    /// `bind(2)`. A path is made in the file system, and stays there when the socket is closed. `EADDRINUSE`: it is there.
    fn unix_bind(&self, fd: Fd, address: &UnixAddr) -> Result<()>;

    /// `connect(2)`. `ECONNREFUSED`: nobody listens there. Non-blocking: `EAGAIN` where the listener's queue is full.
    fn unix_connect(&self, fd: Fd, address: &UnixAddr) -> Result<()>;

    /// `accept4(2)`, with the address of the peer.
    fn unix_accept(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, UnixAddr)>;

    /// `sendto(2)` of a datagram.
    fn unix_sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: &UnixAddr) -> Result<usize>;

    /// `recvfrom(2)`: how many bytes, and who sent the datagram; of a stream's bytes nobody says so.
    fn unix_recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, UnixAddr)>;

    /// `getsockname(2)`.
    fn unix_getsockname(&self, fd: Fd) -> Result<UnixAddr>;

    /// `getpeername(2)`.
    fn unix_getpeername(&self, fd: Fd) -> Result<UnixAddr>;
}
