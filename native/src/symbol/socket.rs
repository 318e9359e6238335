//! Sockets: `socket(2)` to `getpeername(2)`. Messages are in `message`, options in `option`.

use super::descriptor::made;
use super::{KERNEL, address, address::Address, buffer, bytes, symbols, there};
use crate::escape::escape;
use eagain_net::{
    Datagrams, Domain, Errno, Fd, RecvFlags, Result, SendFlags, ShutdownHow, SocketFlags, Sockets,
    UnixSockets,
};
use eagain_sim::native;
use libc::{size_t, sockaddr, socklen_t, ssize_t};
use std::ffi::{c_int, c_void};

/// `SOCK_NONBLOCK | SOCK_CLOEXEC`, which are the numbers of the open flags.
pub fn flags(kind: c_int) -> SocketFlags {
    SocketFlags(kind & (libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC))
}

/// Flags with the type of a socket; a type that there is not is an escape.
fn kind(call: &'static str, kind: c_int) -> Result<SocketFlags> {
    match kind & 0xf {
        libc::SOCK_STREAM => Ok(flags(kind)),
        libc::SOCK_DGRAM => Ok(flags(kind) | SocketFlags::DGRAM),
        other => {
            escape(call, &format!(" with the type {other}"));
            Err(Errno::ESOCKTNOSUPPORT)
        }
    }
}

fn closes(kind: c_int) -> bool {
    kind & libc::SOCK_CLOEXEC != 0
}

/// Whether the descriptor is a socket of AF_UNIX, whose addresses are other ones.
pub fn is_unix(fd: c_int) -> bool {
    matches!(native::socket_kind(Fd(fd)), Some((Domain::Unix, _)))
}

/// As socket(2) calls it; a number where few know its name.
fn family_name(domain: c_int) -> String {
    let name = match domain {
        libc::AF_NETLINK => "AF_NETLINK (interfaces and routes)",
        libc::AF_PACKET => "AF_PACKET",
        libc::AF_VSOCK => "AF_VSOCK",
        libc::AF_ALG => "AF_ALG",
        libc::AF_BLUETOOTH => "AF_BLUETOOTH",
        number => return number.to_string(),
    };
    name.to_owned()
}

symbols! {
    fn socket(domain: c_int, of: c_int, protocol: c_int) -> c_int = SYS_socket(domain, of, protocol), |context| {
        let family = match domain {
            libc::AF_UNIX => Domain::Unix,
            libc::AF_INET => Domain::Inet,
            libc::AF_INET6 => Domain::Inet6,
            _ => {
                escape("socket", &format!(" with the address family {}", family_name(domain)));
                return Err(Errno::EAFNOSUPPORT);
            }
        };
        let flags = kind("socket", of)?;
        let own = match (family, flags.contains(SocketFlags::DGRAM)) {
            (Domain::Unix, _) => libc::AF_UNIX,
            (_, true) => libc::IPPROTO_UDP,
            (_, false) => libc::IPPROTO_TCP,
        };
        if protocol != 0 && protocol != own {
            return Err(Errno::EPROTONOSUPPORT);
        }
        KERNEL.socket(family, flags).map(|fd| made(context, fd, closes(of)))
    };

    fn socketpair(domain: c_int, of: c_int, protocol: c_int, pair: *mut c_int) -> c_int =
        SYS_socketpair(domain, of, protocol, pair), |context| {
        if domain != libc::AF_UNIX {
            return Err(Errno::EOPNOTSUPP);
        }
        there(pair)?;
        let (one, other) = KERNEL.socketpair(kind("socketpair", of)?)?;
        *pair = made(context, one, closes(of)).0;
        *pair.add(1) = made(context, other, closes(of)).0;
        Ok(())
    };

    fn bind(fd: c_int, at: *const sockaddr, length: socklen_t) -> c_int = SYS_bind(fd, at, length), |_| {
        if address::is_unspecified(at, length)
            && let Some((domain, _)) = native::socket_kind(Fd(fd))
        {
            return match domain {
                Domain::Inet => KERNEL.bind(Fd(fd), address::without_family(at, length)?),
                // `SIN6_LEN_RFC2133`.
                Domain::Inet6 if length >= 24 => Err(Errno::EAFNOSUPPORT),
                Domain::Inet6 | Domain::Unix => Err(Errno::EINVAL),
            };
        }
        match address::read(at, length)? {
            Address::Ip(at) => KERNEL.bind(Fd(fd), at),
            Address::Unix(at) => KERNEL.unix_bind(Fd(fd), &at),
        }
    };

    fn listen(fd: c_int, backlog: c_int) -> c_int = SYS_listen(fd, backlog), |_| KERNEL.listen(Fd(fd), backlog);

    fn accept4(fd: c_int, from: *mut sockaddr, length: *mut socklen_t, kind: c_int) -> c_int =
        SYS_accept4(fd, from, length, kind), |context| {
        if is_unix(fd) {
            let (fd, peer) = KERNEL.unix_accept(Fd(fd), flags(kind))?;
            address::write_unix(&peer, from, length);
            return Ok(made(context, fd, closes(kind)));
        }
        let (fd, peer) = KERNEL.accept4(Fd(fd), flags(kind))?;
        address::write(peer, from, length);
        Ok(made(context, fd, closes(kind)))
    };

    fn connect(fd: c_int, to: *const sockaddr, length: socklen_t) -> c_int = SYS_connect(fd, to, length), |_| {
        if address::is_unspecified(to, length) {
            return KERNEL.disconnect(Fd(fd));
        }
        match address::read(to, length)? {
            Address::Ip(to) => KERNEL.connect(Fd(fd), to),
            Address::Unix(to) => KERNEL.unix_connect(Fd(fd), &to),
        }
    };

    fn shutdown(fd: c_int, how: c_int) -> c_int = SYS_shutdown(fd, how), |_| {
        let how = match how {
            libc::SHUT_RD => ShutdownHow::Read,
            libc::SHUT_WR => ShutdownHow::Write,
            libc::SHUT_RDWR => ShutdownHow::Both,
            _ => return Err(Errno::EINVAL),
        };
        KERNEL.shutdown(Fd(fd), how)
    };

    fn getsockname(fd: c_int, at: *mut sockaddr, length: *mut socklen_t) -> c_int = SYS_getsockname(fd, at, length), |_| {
        match is_unix(fd) {
            true => KERNEL.unix_getsockname(Fd(fd)).map(|from| address::write_unix(&from, at, length)),
            false => KERNEL.getsockname(Fd(fd)).map(|from| address::write(from, at, length)),
        }
    };

    fn getpeername(fd: c_int, at: *mut sockaddr, length: *mut socklen_t) -> c_int = SYS_getpeername(fd, at, length), |_| {
        match is_unix(fd) {
            true => KERNEL.unix_getpeername(Fd(fd)).map(|from| address::write_unix(&from, at, length)),
            false => KERNEL.getpeername(Fd(fd)).map(|from| address::write(from, at, length)),
        }
    };

    fn recv(fd: c_int, to: *mut c_void, length: size_t, flags: c_int) -> ssize_t =
        SYS_recvfrom(fd, to, length, flags, 0, 0), |_| {
        KERNEL.recv(Fd(fd), buffer(to, length), RecvFlags(flags))
    };

    fn recvfrom(fd: c_int, to: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr, size: *mut socklen_t) -> ssize_t =
        SYS_recvfrom(fd, to, length, flags, from, size), |_| {
        receive(fd, buffer(to, length), RecvFlags(flags), from, size)
    };

    fn send(fd: c_int, from: *const c_void, length: size_t, flags: c_int) -> ssize_t =
        SYS_sendto(fd, from, length, flags, 0, 0), |_| {
        KERNEL.send(Fd(fd), bytes(from, length), SendFlags(flags))
    };

    fn sendto(fd: c_int, from: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, size: socklen_t) -> ssize_t =
        SYS_sendto(fd, from, length, flags, to, size), |_| {
        send_to(fd, bytes(from, length), SendFlags(flags), to, size)
    };
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn accept(fd: c_int, from: *mut sockaddr, length: *mut socklen_t) -> c_int {
    accept4(fd, from, length, 0)
}

/// `recvfrom(2)`: a stream does not say again who its peer is.
pub unsafe fn receive(
    fd: c_int,
    into: &mut [u8],
    flags: RecvFlags,
    from: *mut sockaddr,
    size: *mut socklen_t,
) -> Result<usize> {
    match native::socket_kind(Fd(fd)) {
        Some((Domain::Unix, true)) => {
            let (n, name) = KERNEL.unix_recvfrom(Fd(fd), into, flags)?;
            if name == eagain_net::UnixAddr::Unnamed && !size.is_null() {
                *size = 0;
            } else {
                address::write_unix(&name, from, size);
            }
            Ok(n)
        }
        Some((_, true)) => {
            let (n, peer) = KERNEL.recvfrom(Fd(fd), into, flags)?;
            match peer {
                Some(peer) => address::write(peer, from, size),
                None if !size.is_null() => *size = 0,
                None => {}
            }
            Ok(n)
        }
        _ => {
            if !size.is_null() {
                *size = 0;
            }
            KERNEL.recv(Fd(fd), into, flags)
        }
    }
}

/// `sendto(2)`; no address: as `send(2)`.
pub unsafe fn send_to(
    fd: c_int,
    bytes: &[u8],
    flags: SendFlags,
    to: *const sockaddr,
    size: socklen_t,
) -> Result<usize> {
    if to.is_null() || size == 0 {
        return KERNEL.send(Fd(fd), bytes, flags);
    }
    match address::read(to, size)? {
        Address::Ip(to) => KERNEL.sendto(Fd(fd), bytes, flags, to),
        Address::Unix(to) => KERNEL.unix_sendto(Fd(fd), bytes, flags, &to),
    }
}
