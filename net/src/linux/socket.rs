//! Sockets: straight calls, and the options with their C forms.

use super::sys::socket::{Linger, Timeval};
use super::{Linux, sys};
use crate::{
    Domain, Errno, Fd, OptionText, RecvFlags, Result, SendFlags, ShutdownHow, SocketAddr, SocketFlags,
    SocketOption, SocketOptionName, Sockets,
};
use std::io::IoSlice;
use std::time::Duration;

/// The second argument of `socket(2)`, of which bits that are no flag would be taken for another type.
pub(super) fn kind(flags: SocketFlags) -> Result<i32> {
    let known = SocketFlags::NONBLOCK.with(SocketFlags::CLOEXEC).with(SocketFlags::DGRAM);
    let stream = if flags.contains(SocketFlags::DGRAM) { 0 } else { libc::SOCK_STREAM };
    if known.contains(flags) { Ok(flags.0 | stream) } else { Err(Errno::EINVAL) }
}

impl Sockets for Linux {
    fn socket(&self, domain: Domain, flags: SocketFlags) -> Result<Fd> {
        sys::socket::socket(domain as i32, kind(flags)?)
    }

    fn bind(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        sys::socket::bind(fd, address)
    }

    fn listen(&self, fd: Fd, backlog: i32) -> Result<()> {
        sys::socket::listen(fd, backlog)
    }

    fn accept4(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, SocketAddr)> {
        sys::socket::accept4(fd, flags.0)
    }

    fn connect(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        sys::socket::connect(fd, address)
    }

    fn disconnect(&self, fd: Fd) -> Result<()> {
        sys::socket::disconnect(fd)
    }

    fn recv(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<usize> {
        sys::socket::recv(fd, buffer, flags.0)
    }

    fn send(&self, fd: Fd, buffer: &[u8], flags: SendFlags) -> Result<usize> {
        sys::socket::send(fd, buffer, flags.0)
    }

    fn sendmsg(&self, fd: Fd, buffers: &[IoSlice<'_>], flags: SendFlags) -> Result<usize> {
        sys::socket::sendmsg(fd, buffers, flags.0)
    }

    fn shutdown(&self, fd: Fd, how: ShutdownHow) -> Result<()> {
        sys::socket::shutdown(fd, how as i32)
    }

    fn getsockname(&self, fd: Fd) -> Result<SocketAddr> {
        sys::socket::getsockname(fd)
    }

    fn getpeername(&self, fd: Fd) -> Result<SocketAddr> {
        sys::socket::getpeername(fd)
    }

    fn setsockopt(&self, fd: Fd, option: SocketOption) -> Result<()> {
        let (level, name) = option.name().number();
        match option {
            SocketOption::ReuseAddr(on)
            | SocketOption::ReusePort(on)
            | SocketOption::NoDelay(on)
            | SocketOption::KeepAlive(on)
            | SocketOption::V6Only(on) => sys::socket::setsockopt(fd, level, name, i32::from(on)),
            SocketOption::SendBuffer(n)
            | SocketOption::RecvBuffer(n)
            | SocketOption::RecvLowAt(n)
            | SocketOption::KeepIdle(n)
            | SocketOption::KeepInterval(n)
            | SocketOption::KeepCount(n)
            | SocketOption::UserTimeout(n) => sys::socket::setsockopt(fd, level, name, to_int(n)),
            SocketOption::Linger(seconds) => {
                let on = i32::from(seconds.is_some());
                sys::socket::setsockopt(fd, level, name, Linger { on, seconds: to_int(seconds.unwrap_or(0)) })
            }
            SocketOption::RecvTimeout(time) | SocketOption::SendTimeout(time) => {
                sys::socket::setsockopt(fd, level, name, to_timeval(time))
            }
            // socket(7): SO_ERROR can only be read; the kernel says ENOPROTOOPT.
            SocketOption::Error(_) => sys::socket::setsockopt(fd, level, name, 0i32),
            SocketOption::Congestion(text) | SocketOption::BindToDevice(text) => {
                sys::socket::setsockopt(fd, level, name, text.0)
            }
            SocketOption::Number(_, value) => sys::socket::setsockopt(fd, level, name, value),
        }
    }

    fn getsockopt(&self, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
        let (level, name) = option.number();
        let int = || sys::socket::getsockopt::<i32>(fd, level, name);
        let on = || int().map(|value| value != 0);
        let text = || sys::socket::getsockopt(fd, level, name).map(|text: [u8; 16]| OptionText::new(&text));
        let count = || int().map(|value| u32::try_from(value).unwrap_or(0));
        Ok(match option {
            SocketOptionName::ReuseAddr => SocketOption::ReuseAddr(on()?),
            SocketOptionName::ReusePort => SocketOption::ReusePort(on()?),
            SocketOptionName::NoDelay => SocketOption::NoDelay(on()?),
            SocketOptionName::KeepAlive => SocketOption::KeepAlive(on()?),
            SocketOptionName::V6Only => SocketOption::V6Only(on()?),
            SocketOptionName::KeepIdle => SocketOption::KeepIdle(count()?),
            SocketOptionName::KeepInterval => SocketOption::KeepInterval(count()?),
            SocketOptionName::KeepCount => SocketOption::KeepCount(count()?),
            SocketOptionName::UserTimeout => SocketOption::UserTimeout(count()?),
            SocketOptionName::SendBuffer => SocketOption::SendBuffer(count()?),
            SocketOptionName::RecvBuffer => SocketOption::RecvBuffer(count()?),
            SocketOptionName::RecvLowAt => SocketOption::RecvLowAt(count()?),
            SocketOptionName::Linger => {
                let linger: Linger = sys::socket::getsockopt(fd, level, name)?;
                let seconds = u32::try_from(linger.seconds).unwrap_or(0);
                SocketOption::Linger((linger.on != 0).then_some(seconds))
            }
            SocketOptionName::RecvTimeout => {
                SocketOption::RecvTimeout(from_timeval(sys::socket::getsockopt(fd, level, name)?))
            }
            SocketOptionName::SendTimeout => {
                SocketOption::SendTimeout(from_timeval(sys::socket::getsockopt(fd, level, name)?))
            }
            SocketOptionName::Error => SocketOption::Error(Some(Errno(int()?)).filter(|e| e.0 != 0)),
            SocketOptionName::Congestion => SocketOption::Congestion(text()?),
            SocketOptionName::BindToDevice => SocketOption::BindToDevice(text()?),
            SocketOptionName::Number(option) => SocketOption::Number(option, int()?),
        })
    }
}

fn to_int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Rounded up to microseconds: rounded down, a short timeout would become 0, which means for ever.
fn to_timeval(time: Option<Duration>) -> Timeval {
    let Some(time) = time else { return Timeval::default() };
    let (carry, micros) = match time.subsec_nanos().div_ceil(1000) {
        1_000_000 => (1, 0),
        micros => (0, i64::from(micros)),
    };
    Timeval { seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX).saturating_add(carry), micros }
}

fn from_timeval(time: Timeval) -> Option<Duration> {
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    let micros = u64::try_from(time.micros).unwrap_or(0);
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros)).filter(|time| !time.is_zero())
}
