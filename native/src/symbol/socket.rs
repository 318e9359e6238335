//! Sockets: `socket(2)` to `getpeername(2)`, and their options.

use super::{KERNEL, address, buffer, bytes, descriptor, symbols};
use crate::escape::escape;
use eagain_net::{
    Domain, Errno, Fd, RecvFlags, Result, SendFlags, ShutdownHow, SocketFlags, SocketOption,
    SocketOptionName, Sockets,
};
use libc::{iovec, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use std::ffi::{c_int, c_void};
use std::io::IoSlice;
use std::time::Duration;

/// `SOCK_NONBLOCK | SOCK_CLOEXEC`, which are the numbers of the open flags.
fn flags(kind: c_int) -> SocketFlags {
    SocketFlags(kind & (libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC))
}

symbols! {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int = SYS_socket(domain, kind, protocol), |_| {
        let family = match domain {
            libc::AF_INET => Domain::Inet,
            libc::AF_INET6 => Domain::Inet6,
            _ => {
                escape("socket", &format!(" with the address family {domain}"));
                return Err(Errno::EAFNOSUPPORT);
            }
        };
        if kind & 0xf != libc::SOCK_STREAM {
            escape("socket", &format!(" of type {} (2 is a datagram socket)", kind & 0xf));
            return Err(Errno::EPROTONOSUPPORT);
        }
        KERNEL.socket(family, flags(kind))
    };

    fn bind(fd: c_int, at: *const sockaddr, length: socklen_t) -> c_int = SYS_bind(fd, at, length), |_| {
        KERNEL.bind(Fd(fd), address::read(at, length)?)
    };

    fn listen(fd: c_int, backlog: c_int) -> c_int = SYS_listen(fd, backlog), |_| KERNEL.listen(Fd(fd), backlog);

    fn accept4(fd: c_int, from: *mut sockaddr, length: *mut socklen_t, kind: c_int) -> c_int =
        SYS_accept4(fd, from, length, kind), |_| {
        let (fd, peer) = KERNEL.accept4(Fd(fd), flags(kind))?;
        address::write(peer, from, length);
        Ok(fd)
    };

    fn connect(fd: c_int, to: *const sockaddr, length: socklen_t) -> c_int = SYS_connect(fd, to, length), |_| {
        KERNEL.connect(Fd(fd), address::read(to, length)?)
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
        KERNEL.getsockname(Fd(fd)).map(|from| address::write(from, at, length))
    };

    fn getpeername(fd: c_int, at: *mut sockaddr, length: *mut socklen_t) -> c_int = SYS_getpeername(fd, at, length), |_| {
        KERNEL.getpeername(Fd(fd)).map(|from| address::write(from, at, length))
    };

    fn recv(fd: c_int, to: *mut c_void, length: size_t, flags: c_int) -> ssize_t =
        SYS_recvfrom(fd, to, length, flags, 0, 0), |_| {
        KERNEL.recv(Fd(fd), buffer(to, length), RecvFlags(flags))
    };

    fn recvfrom(fd: c_int, to: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr, size: *mut socklen_t) -> ssize_t =
        SYS_recvfrom(fd, to, length, flags, from, size), |_| {
        if !size.is_null() {
            // tcp(7): a stream does not say again who its peer is.
            *size = 0;
        }
        KERNEL.recv(Fd(fd), buffer(to, length), RecvFlags(flags))
    };

    fn send(fd: c_int, from: *const c_void, length: size_t, flags: c_int) -> ssize_t =
        SYS_sendto(fd, from, length, flags, 0, 0), |_| {
        KERNEL.send(Fd(fd), bytes(from, length), SendFlags(flags))
    };

    fn sendto(fd: c_int, from: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, size: socklen_t) -> ssize_t =
        SYS_sendto(fd, from, length, flags, to, size), |_| {
        KERNEL.send(Fd(fd), bytes(from, length), SendFlags(flags))
    };

    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t = SYS_sendmsg(fd, message, flags), |_| {
        let message = &*message;
        if message.msg_controllen != 0 {
            escape("sendmsg", " with control data");
        }
        let parts: Vec<IoSlice<'_>> = parts(message).map(|part| IoSlice::new(bytes(part.iov_base, part.iov_len))).collect();
        KERNEL.sendmsg(Fd(fd), &parts, SendFlags(flags))
    };

    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t = SYS_recvmsg(fd, message, flags), |_| {
        let message = &mut *message;
        if message.msg_iovlen as usize > descriptor::PARTS_MAX {
            return KERNEL.getsockname(Fd(fd)).and(Err(Errno::EMSGSIZE));
        }
        let mut whole = vec![0; parts(message).map(|part| part.iov_len).sum()];
        let received = KERNEL.recv(Fd(fd), &mut whole, RecvFlags(flags))?;
        let mut rest = &whole[..received];
        for part in parts(message) {
            let (head, tail) = rest.split_at(rest.len().min(part.iov_len));
            buffer(part.iov_base, head.len()).copy_from_slice(head);
            rest = tail;
        }
        (message.msg_namelen, message.msg_controllen, message.msg_flags) = (0, 0, 0);
        Ok(received)
    };

    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int =
        SYS_setsockopt(fd, level, name, value, length), |_| {
        match option(level, name, value, length)? {
            Some(option) => KERNEL.setsockopt(Fd(fd), option),
            // Without an effect here; that the descriptor is a socket is asked all the same.
            None => KERNEL.getsockname(Fd(fd)).map(drop),
        }
    };

    fn getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int =
        SYS_getsockopt(fd, level, name, value, length), |_| {
        let Some(name) = option_name(level, name)? else {
            KERNEL.getsockname(Fd(fd))?;
            let constant = if name == libc::SO_TYPE { libc::SOCK_STREAM } else { 0 };
            put_option(&constant, value, length);
            return Ok(());
        };
        write_option(KERNEL.getsockopt(Fd(fd), name)?, value, length);
        Ok(())
    };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept(fd: c_int, from: *mut sockaddr, length: *mut socklen_t) -> c_int {
    accept4(fd, from, length, 0)
}

/// Two ends of a stream. AF_UNIX is absent in the simulated kernel: a connection over loopback stands for it.
pub unsafe fn stream_pair(kind: c_int) -> Result<(Fd, Fd)> {
    use eagain_net::{Descriptors, StatusFlags};
    let listener = KERNEL.socket(Domain::Inet, SocketFlags::CLOEXEC)?;
    KERNEL.bind(listener, (std::net::Ipv4Addr::LOCALHOST, 0).into())?;
    KERNEL.listen(listener, 1)?;
    let at = KERNEL.getsockname(listener)?;
    let one = KERNEL.socket(Domain::Inet, SocketFlags::CLOEXEC)?;
    loop {
        match KERNEL.connect(one, at) {
            Ok(()) | Err(Errno::EISCONN) => break,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    let other = loop {
        match KERNEL.accept4(listener, flags(kind)) {
            Ok((fd, _)) => break fd,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    };
    KERNEL.close(listener)?;
    KERNEL.fcntl_setfl(one, StatusFlags(kind & libc::SOCK_NONBLOCK))?;
    Ok((one, other))
}

symbols! {
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int =
        SYS_socketpair(domain, kind, protocol, pair), |_| {
        if domain != libc::AF_UNIX || kind & 0xf != libc::SOCK_STREAM {
            escape("socketpair", " other than AF_UNIX, SOCK_STREAM");
        }
        let (one, other) = stream_pair(kind)?;
        *pair = one.0;
        *pair.add(1) = other.0;
        Ok(())
    };
}

unsafe fn parts(message: &msghdr) -> impl Iterator<Item = iovec> {
    descriptor::parts(message.msg_iov, message.msg_iovlen as usize)
}

/// Which option of `net` this is; `None`: one that is taken without an effect.
fn option_name(level: c_int, name: c_int) -> Result<Option<SocketOptionName>> {
    use SocketOptionName as N;
    Ok(Some(match (level, name) {
        (libc::SOL_SOCKET, libc::SO_REUSEADDR) => N::ReuseAddr,
        (libc::SOL_SOCKET, libc::SO_REUSEPORT) => N::ReusePort,
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => N::SendBuffer,
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => N::RecvBuffer,
        (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => N::RecvLowAt,
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => N::KeepAlive,
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO) => N::RecvTimeout,
        (libc::SOL_SOCKET, libc::SO_SNDTIMEO) => N::SendTimeout,
        (libc::SOL_SOCKET, libc::SO_LINGER) => N::Linger,
        (libc::SOL_SOCKET, libc::SO_ERROR) => N::Error,
        (libc::IPPROTO_TCP, libc::TCP_NODELAY) => N::NoDelay,
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY) => N::V6Only,
        // Probes of a dead peer, marks for routers, and what only one protocol has: no simulated link looks at them.
        (
            libc::IPPROTO_TCP,
            libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL | libc::TCP_KEEPCNT | libc::TCP_USER_TIMEOUT,
        )
        | (libc::IPPROTO_IP, libc::IP_TOS)
        | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
        | (libc::SOL_SOCKET, libc::SO_TYPE) => return Ok(None),
        _ => return Err(Errno::ENOPROTOOPT),
    }))
}

unsafe fn option(
    level: c_int,
    name: c_int,
    value: *const c_void,
    length: socklen_t,
) -> Result<Option<SocketOption>> {
    use SocketOptionName as N;
    let Some(name) = option_name(level, name)? else { return Ok(None) };
    let needed = match name {
        N::RecvTimeout | N::SendTimeout => size_of::<libc::timeval>(),
        N::Linger => size_of::<libc::linger>(),
        _ => size_of::<c_int>(),
    };
    if value.is_null() || (length as usize) < needed {
        return Err(Errno::EINVAL);
    }
    let int = || value.cast::<c_int>().read_unaligned();
    let time = || {
        let time = value.cast::<libc::timeval>().read_unaligned();
        let time = Duration::new(time.tv_sec.max(0) as u64, time.tv_usec.clamp(0, 999_999) as u32 * 1000);
        (!time.is_zero()).then_some(time)
    };
    Ok(Some(match name {
        N::ReuseAddr => SocketOption::ReuseAddr(int() != 0),
        N::ReusePort => SocketOption::ReusePort(int() != 0),
        N::SendBuffer => SocketOption::SendBuffer(int() as u32),
        N::RecvBuffer => SocketOption::RecvBuffer(int() as u32),
        N::RecvLowAt => SocketOption::RecvLowAt(u32::try_from(int()).unwrap_or(i32::MAX as u32)),
        N::NoDelay => SocketOption::NoDelay(int() != 0),
        N::KeepAlive => SocketOption::KeepAlive(int() != 0),
        N::V6Only => SocketOption::V6Only(int() != 0),
        N::RecvTimeout => SocketOption::RecvTimeout(time()),
        N::SendTimeout => SocketOption::SendTimeout(time()),
        N::Linger => {
            let linger = value.cast::<libc::linger>().read_unaligned();
            SocketOption::Linger((linger.l_onoff != 0).then_some(linger.l_linger as u32))
        }
        // It can only be read.
        N::Error => return Err(Errno::ENOPROTOOPT),
    }))
}

unsafe fn write_option(option: SocketOption, value: *mut c_void, length: *mut socklen_t) {
    use SocketOption as O;
    match option {
        O::ReuseAddr(on) | O::ReusePort(on) | O::NoDelay(on) | O::KeepAlive(on) | O::V6Only(on) => {
            put_option(&c_int::from(on), value, length)
        }
        O::SendBuffer(n) | O::RecvBuffer(n) | O::RecvLowAt(n) => put_option(&(n as c_int), value, length),
        O::Error(errno) => put_option(&errno.map_or(0, |errno| errno.0), value, length),
        O::Linger(time) => {
            let linger =
                libc::linger { l_onoff: c_int::from(time.is_some()), l_linger: time.unwrap_or(0) as c_int };
            put_option(&linger, value, length);
        }
        O::RecvTimeout(time) | O::SendTimeout(time) => {
            let time = time.unwrap_or_default();
            let (tv_sec, tv_usec) = (time.as_secs() as libc::time_t, time.subsec_micros().into());
            put_option(&libc::timeval { tv_sec, tv_usec }, value, length);
        }
    }
}

/// As much as there is room for, and how much that was.
unsafe fn put_option<T>(from: &T, value: *mut c_void, length: *mut socklen_t) {
    let size = size_of::<T>().min(*length as usize);
    std::ptr::copy_nonoverlapping(std::ptr::from_ref(from).cast::<u8>(), value.cast(), size);
    *length = size as socklen_t;
}
