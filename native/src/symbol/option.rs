//! Options of sockets: `setsockopt(2)`, `getsockopt(2)`.

use super::{KERNEL, bytes, credentials, symbols, there};
use crate::escape::escape;
use eagain_net::{
    Domain, Errno, Fd, NumberOption, OptionText, Result, SocketOption, SocketOptionName, Sockets,
};
use eagain_sim::native;
use libc::socklen_t;
use std::ffi::{c_int, c_void};
use std::time::Duration;

symbols! {
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int =
        SYS_setsockopt(fd, level, name, value, length), |_| {
        if length > i32::MAX as socklen_t {
            return Err(Errno::EINVAL);
        }
        let Some(name) = option_name(level, name)? else {
            let (domain, _) = kind(fd)?;
            return Err(match domain {
                _ if level == libc::SOL_SOCKET && (length as usize) < size_of::<c_int>() => Errno::EINVAL,
                Domain::Unix if level != libc::SOL_SOCKET => Errno::EOPNOTSUPP,
                _ => Errno::ENOPROTOOPT,
            });
        };
        match option(name, value, length) {
            Some(option) => KERNEL.setsockopt(Fd(fd), option?),
            // A wrong length counts where the socket has the option.
            None => Err(match (KERNEL.getsockopt(Fd(fd), name), kind(fd)?) {
                (Ok(_) | Err(Errno::ENOTCONN), _) => Errno::EINVAL,
                (Err(errno), (Domain::Unix, _)) => errno,
                _ => Errno::ENOPROTOOPT,
            }),
        }
    };

    fn getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int =
        SYS_getsockopt(fd, level, name, value, length), |context| {
        if *there(length)? > i32::MAX as socklen_t {
            return Err(Errno::EINVAL);
        }
        if (level, name) == (libc::SOL_SOCKET, libc::SO_PEERCRED) {
            // The other one is taken to be as this process is.
            let (domain, _) = kind(fd)?;
            let (uid, gid) = credentials::of(context).effective();
            let is_unix = domain == Domain::Unix;
            let peer = if is_unix { (context.pid, uid, gid) } else { (0, libc::uid_t::MAX, libc::gid_t::MAX) };
            put_option(&libc::ucred { pid: peer.0, uid: peer.1, gid: peer.2 }, value, length);
            return Ok(());
        }
        let Some(name) = option_name(level, name)? else {
            let (domain, datagrams) = kind(fd)?;
            let own = if datagrams { libc::IPPROTO_UDP } else { libc::IPPROTO_TCP };
            let is_known = level == libc::SOL_SOCKET
                || domain == Domain::Inet6
                || domain == Domain::Inet && [libc::IPPROTO_IP, own].contains(&level);
            return Err(if is_known { Errno::ENOPROTOOPT } else { Errno::EOPNOTSUPP });
        };
        write_option(KERNEL.getsockopt(Fd(fd), name)?, value, length)
    };
}

/// Domain of a socket, and whether it takes datagrams.
fn kind(fd: c_int) -> Result<(Domain, bool)> {
    use eagain_net::Descriptors;
    KERNEL.fcntl_getfl(Fd(fd))?;
    native::socket_kind(Fd(fd)).ok_or(Errno::ENOTSOCK)
}

/// Which option of `net` this is.
fn option_name(level: c_int, name: c_int) -> Result<Option<SocketOptionName>> {
    match (level, name) {
        // What would be received is not simulated.
        (libc::SOL_SOCKET, libc::SO_PASSCRED)
        | (libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP)
        | (libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP) => {
            escape("setsockopt", &format!(" with the option {name} of level {level}"));
            Err(Errno::ENOPROTOOPT)
        }
        // What would be in the queue of errors is not simulated.
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => Ok(None),
        (level, number) => Ok(SocketOptionName::find(level, number)),
    }
}

/// The option with its value; `None`: the value is not as long as it has to be.
unsafe fn option(
    name: SocketOptionName,
    value: *const c_void,
    length: socklen_t,
) -> Option<Result<SocketOption>> {
    use SocketOptionName as N;
    let length = if value.is_null() { 0 } else { length as usize };
    let needed = match name {
        N::RecvTimeout | N::SendTimeout => size_of::<libc::timeval>(),
        N::Linger => size_of::<libc::linger>(),
        N::Congestion => 1,
        N::BindToDevice => 0,
        // `do_ip_setsockopt` takes a byte, and for these nothing as 0.
        N::Number(
            NumberOption::Tos | NumberOption::PktInfo | NumberOption::RecvTos | NumberOption::RecvTtl,
        ) => 0,
        name if name.is_ip() => 1,
        _ => size_of::<c_int>(),
    };
    (length >= needed).then(|| given(name, value, length))
}

unsafe fn given(name: SocketOptionName, value: *const c_void, length: usize) -> Result<SocketOption> {
    use SocketOptionName as N;
    if let N::Congestion | N::BindToDevice = name {
        let text = OptionText::new(bytes(value, length));
        return Ok(match name {
            N::Congestion => SocketOption::Congestion(text),
            _ => SocketOption::BindToDevice(text),
        });
    }
    if length < size_of::<c_int>() {
        let N::Number(option) = name else { return Err(Errno::EINVAL) };
        let byte = bytes(value, length).first().copied();
        return Ok(SocketOption::Number(option, byte.map_or(0, c_int::from)));
    }
    let int = || value.cast::<c_int>().read_unaligned();
    let time = || {
        let libc::timeval { tv_sec, tv_usec } = value.cast::<libc::timeval>().read_unaligned();
        let us = u32::try_from(tv_usec).ok().filter(|&us| us < 1_000_000).ok_or(Errno::EDOM)?;
        // A negative one has always passed (`sock_set_timeout`).
        let time = u64::try_from(tv_sec).map_or(Duration::from_nanos(1), |s| Duration::new(s, us * 1000));
        Ok((!time.is_zero()).then_some(time))
    };
    Ok(match name {
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
        N::Error | N::Congestion | N::BindToDevice => return Err(Errno::ENOPROTOOPT),
        N::Number(option) => SocketOption::Number(option, int()),
    })
}

unsafe fn write_option(option: SocketOption, value: *mut c_void, length: *mut socklen_t) -> Result<()> {
    use SocketOption as O;
    use SocketOptionName as N;
    match option {
        O::ReuseAddr(on) | O::ReusePort(on) | O::NoDelay(on) | O::KeepAlive(on) | O::V6Only(on) => {
            put_option(&c_int::from(on), value, length)
        }
        O::SendBuffer(n) | O::RecvBuffer(n) | O::RecvLowAt(n) => put_option(&(n as c_int), value, length),
        O::KeepIdle(n) | O::KeepInterval(n) | O::KeepCount(n) | O::UserTimeout(n) => {
            put_option(&(n as c_int), value, length)
        }
        O::Error(errno) => put_option(&errno.map_or(0, |errno| errno.0), value, length),
        O::Congestion(text) => put_option(&text.0, value, length),
        O::BindToDevice(text) => {
            let name = text.bytes();
            if !name.is_empty() && (*length as usize) < text.0.len() {
                return Err(Errno::EINVAL);
            }
            let size = if name.is_empty() { 0 } else { name.len() + 1 };
            std::ptr::copy_nonoverlapping(text.0.as_ptr(), value.cast(), size);
            *length = size as socklen_t;
        }
        // A short one of `do_ip_getsockopt` is a byte.
        O::Number(option, number)
            if N::Number(option).is_ip() && matches!(*length, 1..4) && (0..256).contains(&number) =>
        {
            put_option(&(number as u8), value, length);
        }
        O::Number(_, number) => put_option(&number, value, length),
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
    Ok(())
}

/// As much as there is room for, and how much that was.
unsafe fn put_option<T>(from: &T, value: *mut c_void, length: *mut socklen_t) {
    let size = size_of::<T>().min(*length as usize);
    std::ptr::copy_nonoverlapping(std::ptr::from_ref(from).cast::<u8>(), value.cast(), size);
    *length = size as socklen_t;
}
