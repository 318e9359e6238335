//! Options of sockets: `setsockopt(2)`, `getsockopt(2)`.

use super::{KERNEL, symbols};
use crate::escape::escape;
use eagain_net::{Domain, Errno, Fd, Result, SocketOption, SocketOptionName, Sockets};
use eagain_sim::native;
use libc::socklen_t;
use std::ffi::{c_int, c_void};
use std::time::Duration;

symbols! {
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int =
        SYS_setsockopt(fd, level, name, value, length), |_| {
        let read_only = [libc::SO_TYPE, libc::SO_DOMAIN, libc::SO_PROTOCOL, libc::SO_ACCEPTCONN, libc::SO_PEERCRED];
        if level == libc::SOL_SOCKET && read_only.contains(&name) {
            return kind(fd).and(Err(Errno::ENOPROTOOPT));
        }
        match option(level, name, value, length)? {
            Some(option) => KERNEL.setsockopt(Fd(fd), option),
            // Without an effect here; that the descriptor is a socket is asked all the same.
            None => kind(fd).map(drop),
        }
    };

    fn getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int =
        SYS_getsockopt(fd, level, name, value, length), |context| {
        let Some(name) = option_name(level, name)? else {
            let (domain, datagrams) = kind(fd)?;
            if (level, name) == (libc::SOL_SOCKET, libc::SO_PEERCRED) {
                // Every process of a host runs as the same user.
                put_option(&libc::ucred { pid: context.pid, uid: 0, gid: 0 }, value, length);
                return Ok(());
            }
            let constant = match (level, name) {
                (libc::SOL_SOCKET, libc::SO_TYPE) if datagrams => libc::SOCK_DGRAM,
                (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_STREAM,
                (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => c_int::from(native::is_listening(Fd(fd))),
                (libc::SOL_SOCKET, libc::SO_DOMAIN) => domain as c_int,
                (libc::SOL_SOCKET, libc::SO_PROTOCOL) if domain == Domain::Unix => 0,
                (libc::SOL_SOCKET, libc::SO_PROTOCOL) if datagrams => libc::IPPROTO_UDP,
                (libc::SOL_SOCKET, libc::SO_PROTOCOL) => libc::IPPROTO_TCP,
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS) => HOPS,
                _ => 0,
            };
            put_option(&constant, value, length);
            return Ok(());
        };
        write_option(KERNEL.getsockopt(Fd(fd), name)?, value, length);
        Ok(())
    };
}

/// Linux's `ip_default_ttl`.
const HOPS: c_int = 64;

/// Domain of a socket, and whether it takes datagrams.
fn kind(fd: c_int) -> Result<(Domain, bool)> {
    use eagain_net::Descriptors;
    KERNEL.fcntl_getfl(Fd(fd))?;
    native::socket_kind(Fd(fd)).ok_or(Errno::ENOTSOCK)
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
        (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE) => N::KeepIdle,
        (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL) => N::KeepInterval,
        (libc::IPPROTO_TCP, libc::TCP_KEEPCNT) => N::KeepCount,
        (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT) => N::UserTimeout,
        // Marks for routers, and what only one protocol has: no simulated link looks at them.
        (
            libc::IPPROTO_IP,
            libc::IP_TOS | libc::IP_TTL | libc::IP_RECVTOS | libc::IP_PKTINFO | libc::IP_MTU_DISCOVER,
        )
        | (
            libc::IPPROTO_IPV6,
            libc::IPV6_TCLASS
            | libc::IPV6_UNICAST_HOPS
            | libc::IPV6_RECVTCLASS
            | libc::IPV6_RECVPKTINFO
            | libc::IPV6_MTU_DISCOVER,
        )
        | (
            libc::SOL_SOCKET,
            libc::SO_TYPE
            | libc::SO_DOMAIN
            | libc::SO_PROTOCOL
            | libc::SO_ACCEPTCONN
            | libc::SO_PEERCRED
            | libc::SO_PRIORITY
            | libc::SO_MARK
            | libc::SO_BROADCAST,
        ) => return Ok(None),
        // What would be received is not simulated.
        (libc::SOL_SOCKET, libc::SO_PASSCRED)
        | (libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP)
        | (libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP) => {
            escape("setsockopt", &format!(" with the option {name} of level {level}"));
            return Err(Errno::ENOPROTOOPT);
        }
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
        let libc::timeval { tv_sec, tv_usec } = value.cast::<libc::timeval>().read_unaligned();
        let us = u32::try_from(tv_usec).ok().filter(|&us| us < 1_000_000).ok_or(Errno::EDOM)?;
        // A negative one has always passed (`sock_set_timeout`).
        let time = u64::try_from(tv_sec).map_or(Duration::from_nanos(1), |s| Duration::new(s, us * 1000));
        Ok((!time.is_zero()).then_some(time))
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
        // A negative one is out of range as well.
        N::KeepIdle => SocketOption::KeepIdle(int() as u32),
        N::KeepInterval => SocketOption::KeepInterval(int() as u32),
        N::KeepCount => SocketOption::KeepCount(int() as u32),
        N::UserTimeout if int() < 0 => return Err(Errno::EINVAL),
        N::UserTimeout => SocketOption::UserTimeout(int() as u32),
        N::RecvTimeout => SocketOption::RecvTimeout(time()?),
        N::SendTimeout => SocketOption::SendTimeout(time()?),
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
        O::KeepIdle(n) | O::KeepInterval(n) | O::KeepCount(n) | O::UserTimeout(n) => {
            put_option(&(n as c_int), value, length)
        }
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
