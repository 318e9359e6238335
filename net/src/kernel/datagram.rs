//! Datagrams over IPv4 and IPv6, where they differ from streams: each has an address of its own.

use super::Sockets;
use crate::abi::{Control, Fd, Message, RecvFlags, Result, SendFlags};
use std::net::SocketAddr;

/// `udp(7)`. A socket is made by [`Sockets::socket`] with [`SocketFlags::DGRAM`](crate::SocketFlags::DGRAM); `connect` sets
/// where `send` sends to and from whom alone it receives. A datagram is received whole, or cut to the buffer and the rest lost.
pub trait Datagrams: Sockets {
    /// `sendto(2)`. Never short, and never a promise: a datagram may be lost, doubled or overtaken. `EMSGSIZE`: more than
    /// 65,507 bytes over IPv4.
    fn sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: SocketAddr) -> Result<usize>;

    /// `recvfrom(2)`: how many bytes, and who sent them; `None` from a stream, or where the socket is shut. `ECONNREFUSED`: what a
    /// connected socket sent earlier found no receiver.
    fn recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, Option<SocketAddr>)>;

    /// `sendmsg(2)` with control data, to an address or to whom the socket is connected. `EINVAL`: a value is out of range. `EINVAL` of
    /// IPv6, `ENETUNREACH` of IPv4: the source is no address of this machine. Messages of the other family than the address's are ignored.
    fn sendmsg_control(
        &self,
        fd: Fd,
        buffer: &[u8],
        flags: SendFlags,
        to: Option<SocketAddr>,
        control: &[Control],
    ) -> Result<usize>;

    /// `recvmsg(2)` with room for all control data that the options of the socket ask for (`IP_RECVTTL` and others of
    /// [`NumberOption`](crate::NumberOption)).
    fn recvmsg_control(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<Message>;
}
