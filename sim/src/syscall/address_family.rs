//! Calls on sockets that are not TCP's: to which file each goes. `super::socket` asks here where a descriptor is none of
//! its own, so that TCP pays nothing for the others.

use super::descriptor::waits;
use super::{socket, udp, unix};
use crate::network::{RecvProgress, SendProgress};
use crate::object::Object;
use crate::scheduler::Step;
use crate::world::World;
use eagain_net::{
    Errno, Events, Fd, RecvFlags, Result, SendFlags, ShutdownHow, SocketAddr, SocketFlags, SocketOption,
    SocketOptionName,
};

/// A socket, and the open file that refers to it.
#[derive(Clone, Copy)]
enum Found {
    Udp(u32, u32),
    Unix(u32, u32),
}

/// `EBADF`, then `ENOTSOCK`.
fn find(w: &World, fd: Fd) -> Result<Found> {
    let file = w.file(fd)?;
    match w.files[file].object {
        Object::Udp(sock) => Ok(Found::Udp(file, sock)),
        Object::Unix(sock) => Ok(Found::Unix(file, sock)),
        _ => Err(Errno::ENOTSOCK),
    }
}

#[cold]
pub(crate) fn bind(w: &mut World, fd: Fd, address: SocketAddr) -> Result<()> {
    match find(w, fd)? {
        Found::Udp(_, sock) => w.on_network(|net| net.udp_bind(sock, address)),
        Found::Unix(..) => Err(Errno::EINVAL),
    }
}

#[cold]
pub(crate) fn listen(w: &mut World, fd: Fd, backlog: i32) -> Result<()> {
    match find(w, fd)? {
        Found::Udp(..) => Err(Errno::EOPNOTSUPP),
        Found::Unix(_, sock) => w.on_network(|net| net.unix_listen(sock, backlog)),
    }
}

/// The address of an AF_UNIX peer is none that this call can give: see `unix_accept`.
#[cold]
pub(crate) fn accept(w: &mut World, fd: Fd, _flags: SocketFlags) -> Result<()> {
    match find(w, fd)? {
        Found::Udp(..) => Err(Errno::EOPNOTSUPP),
        Found::Unix(_, sock) => Err(w.network.unix_may_accept(sock).err().unwrap_or(Errno::EAFNOSUPPORT)),
    }
}

/// Accepts a connection whose peer's address nobody asks for, as rings do: of either family.
pub(crate) fn accept_unnamed(w: &mut World, fd: Fd, flags: SocketFlags) -> Step<Fd> {
    match find(w, fd) {
        Ok(Found::Unix(..)) => unix::accept(w, fd, flags, &mut None).map(|(fd, _)| fd),
        _ => socket::accept(w, fd, flags, &mut None).map(|(fd, _)| fd),
    }
}

#[cold]
pub(crate) fn connect(w: &mut World, fd: Fd, address: SocketAddr) -> Result<()> {
    match find(w, fd)? {
        Found::Udp(_, sock) => w.on_network(|net| net.udp_connect(sock, address)),
        Found::Unix(..) => Err(Errno::EINVAL),
    }
}

#[cold]
pub(crate) fn disconnect(w: &mut World, fd: Fd) -> Result<()> {
    match find(w, fd)? {
        Found::Udp(_, sock) => w.net().udp_disconnect(sock),
        Found::Unix(_, sock) => {
            w.on_network(|net| net.unix_disconnect(sock))?;
            unix::release_dropped(w);
        }
    }
    Ok(())
}

#[cold]
pub(crate) fn recv(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<usize> {
    match find(w, fd) {
        Ok(Found::Udp(file, sock)) => {
            let waits = waits(w, fd, file);
            udp::recv(w, file, sock, waits, buffer, flags, &mut progress.deadline).map(|(n, _)| n)
        }
        Ok(Found::Unix(file, sock)) => {
            let waits = waits(w, fd, file);
            unix::recv(w, file, sock, waits, buffer, flags, progress).map(|(n, _)| n)
        }
        Err(errno) => Step::Done(Err(errno)),
    }
}

#[cold]
pub(crate) fn send(
    w: &mut World,
    fd: Fd,
    buffers: &[&[u8]],
    flags: SendFlags,
    progress: &mut SendProgress,
) -> Step<usize> {
    match find(w, fd) {
        Ok(Found::Udp(_, sock)) => Step::Done(udp::send(w, sock, None, buffers, flags)),
        Ok(Found::Unix(file, sock)) => {
            let waits = waits(w, fd, file);
            unix::send(w, file, sock, waits, None, buffers, flags, progress)
        }
        Err(errno) => Step::Done(Err(errno)),
    }
}

#[cold]
pub(crate) fn shutdown(w: &mut World, fd: Fd, how: ShutdownHow) -> Result<()> {
    match find(w, fd)? {
        Found::Udp(_, sock) => w.on_network(|net| net.udp_shutdown(sock, how)),
        Found::Unix(_, sock) => {
            w.on_network(|net| net.unix_shutdown(sock, how));
            Ok(())
        }
    }
}

#[cold]
pub(crate) fn getsockname(w: &mut World, fd: Fd) -> Result<SocketAddr> {
    match find(w, fd)? {
        Found::Udp(_, sock) => Ok(w.network.udp_getsockname(sock)),
        Found::Unix(..) => Err(Errno::EAFNOSUPPORT),
    }
}

#[cold]
pub(crate) fn getpeername(w: &mut World, fd: Fd) -> Result<SocketAddr> {
    match find(w, fd)? {
        Found::Udp(_, sock) => w.network.udp_getpeername(sock),
        Found::Unix(_, sock) => w.network.unix_getpeername(sock).and(Err(Errno::EAFNOSUPPORT)),
    }
}

#[cold]
pub(crate) fn setsockopt(w: &mut World, fd: Fd, option: SocketOption) -> Result<()> {
    match find(w, fd)? {
        Found::Udp(_, sock) => w.on_network(|net| net.udp_setsockopt(sock, option)),
        Found::Unix(_, sock) => w.on_network(|net| net.unix_setsockopt(sock, option)),
    }
}

#[cold]
pub(crate) fn getsockopt(w: &mut World, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
    match find(w, fd)? {
        Found::Udp(_, sock) => w.net().udp_getsockopt(sock, option),
        Found::Unix(_, sock) => w.network.unix_getsockopt(sock, option),
    }
}

/// `SO_RCVTIMEO` or `SO_SNDTIMEO` of an open file that is such a socket, in nanoseconds.
pub(crate) fn timeout(w: &World, file: u32, events: Events) -> Option<u64> {
    match w.files.get(file)?.object {
        Object::Udp(sock) => w.network.udp_timeout(sock, events),
        Object::Unix(sock) => w.network.unix_timeout(sock, events),
        _ => None,
    }
}
