//! Sockets of one host, by path or abstract name, where they differ from those of IP: their addresses.

use super::Sockets;

/// What a message has brought ([`UnixSockets::unix_recv_fds`]).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// Bytes; with [`RecvFlags::TRUNC`], all that the datagram had.
    pub len: usize,
    /// Who sent the datagram.
    pub from: UnixAddr,
    /// The descriptors, new numbers of this process.
    pub fds: Vec<Fd>,
    /// `MSG_CTRUNC`: there were more descriptors than there was room for, or than the process may have.
    pub truncated: bool,
}
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

    /// `recvfrom(2)`: how many bytes, and the address of the sender; of a stream that of its peer.
    fn unix_recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, UnixAddr)>;

    /// `sendmsg(2)` with `SCM_RIGHTS`, to whom the socket is connected: what the descriptors refer to goes with the first of the
    /// bytes. A stream of none carries none. Sockets of other families send the bytes alone. `EINVAL`: more than 253 descriptors.
    fn unix_send_fds(&self, fd: Fd, buffer: &[u8], fds: &[Fd], flags: SendFlags) -> Result<usize>;

    /// `recvmsg(2)` with room for `most` descriptors. What a stream gives at once ends with the bytes that carry some; a call
    /// without room closes them.
    fn unix_recv_fds(&self, fd: Fd, buffer: &mut [u8], most: usize, flags: RecvFlags) -> Result<Received>;

    /// `getsockname(2)`.
    fn unix_getsockname(&self, fd: Fd) -> Result<UnixAddr>;

    /// `getpeername(2)`.
    fn unix_getpeername(&self, fd: Fd) -> Result<UnixAddr>;
}
