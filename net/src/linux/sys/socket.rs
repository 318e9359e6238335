//! Socket calls, and the two forms of an address.

use super::super::handler::interruptible;
use super::{check, check_fd, check_unit};
use crate::{Errno, Fd, Result, SocketAddr};
use libc::{sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage, socklen_t};
use std::io::IoSlice;
use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

/// An address as the kernel takes it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union RawAddress {
    v4: sockaddr_in,
    v6: sockaddr_in6,
}

impl RawAddress {
    /// The address, and its length.
    pub(crate) fn new(address: SocketAddr) -> (RawAddress, socklen_t) {
        match address {
            SocketAddr::V4(v4) => {
                let raw = sockaddr_in {
                    sin_family: libc::AF_INET as _,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                    sin_zero: [0; 8],
                };
                (RawAddress { v4: raw }, size_of::<sockaddr_in>() as socklen_t)
            }
            SocketAddr::V6(v6) => {
                let raw = sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as _,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: v6.scope_id(),
                };
                (RawAddress { v6: raw }, size_of::<sockaddr_in6>() as socklen_t)
            }
        }
    }

    pub(crate) fn as_ptr(&self) -> *const sockaddr {
        (&raw const *self).cast()
    }
}

/// Room for any address that the kernel may write.
pub(super) struct AddressRoom {
    storage: MaybeUninit<sockaddr_storage>,
    pub(super) len: socklen_t,
}

impl AddressRoom {
    pub(super) fn new() -> AddressRoom {
        AddressRoom { storage: MaybeUninit::zeroed(), len: size_of::<sockaddr_storage>() as socklen_t }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut sockaddr {
        self.storage.as_mut_ptr().cast()
    }

    /// What was written. `EAFNOSUPPORT`: neither IPv4 nor IPv6.
    pub(super) fn address(&self) -> Result<SocketAddr> {
        // SAFETY: it was zeroed as a whole, and any bytes make a sockaddr_storage.
        let storage = unsafe { self.storage.assume_init_ref() };
        let len = self.len as usize;
        match i32::from(storage.ss_family) {
            libc::AF_INET if len >= size_of::<sockaddr_in>() => {
                // SAFETY: the family says what it is, and sockaddr_storage is large and aligned enough for each.
                let v4 = unsafe { &*(&raw const *storage).cast::<sockaddr_in>() };
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Ok(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 if len >= size_of::<sockaddr_in6>() => {
                // SAFETY: as above.
                let v6 = unsafe { &*(&raw const *storage).cast::<sockaddr_in6>() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Ok(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
            }
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }
}

pub(crate) fn socket(domain: i32, flags: i32) -> Result<Fd> {
    // SAFETY: no memory is touched.
    check_fd(unsafe { libc::socket(domain, flags, 0) })
}

pub(crate) fn socketpair(flags: i32) -> Result<(Fd, Fd)> {
    let mut pair = [-1; 2];
    // SAFETY: the kernel writes two descriptors.
    check_unit(unsafe { libc::socketpair(libc::AF_UNIX, flags, 0, pair.as_mut_ptr()) })?;
    Ok((Fd(pair[0]), Fd(pair[1])))
}

pub(crate) fn bind(fd: Fd, address: SocketAddr) -> Result<()> {
    let (raw, len) = RawAddress::new(address);
    // SAFETY: the kernel reads `len` bytes of an address that lives through the call.
    check_unit(unsafe { libc::bind(fd.0, raw.as_ptr(), len) })
}

pub(crate) fn connect(fd: Fd, address: SocketAddr) -> Result<()> {
    let (raw, len) = RawAddress::new(address);
    // SAFETY: as for `bind`.
    check_unit(interruptible(|| unsafe { libc::connect(fd.0, raw.as_ptr(), len) }))
}

pub(crate) fn disconnect(fd: Fd) -> Result<()> {
    let none = sockaddr { sa_family: libc::AF_UNSPEC as _, sa_data: [0; 14] };
    let len = size_of::<sockaddr>() as socklen_t;
    // SAFETY: as for `bind`.
    check_unit(interruptible(|| unsafe { libc::connect(fd.0, &raw const none, len) }))
}

pub(crate) fn listen(fd: Fd, backlog: i32) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(unsafe { libc::listen(fd.0, backlog) })
}

pub(crate) fn accept4(fd: Fd, flags: i32) -> Result<(Fd, SocketAddr)> {
    let mut room = AddressRoom::new();
    let len = &raw mut room.len;
    // SAFETY: the kernel writes at most `*len` bytes of address, and its length; both live through the call.
    let new = check_fd(interruptible(|| unsafe { libc::accept4(fd.0, room.as_mut_ptr(), len, flags) }))?;
    match room.address() {
        Ok(address) => Ok((new, address)),
        Err(e) => {
            // Only a listener that is neither IPv4 nor IPv6, taken over from somebody else, gets here.
            let _ = super::io::close(new);
            Err(e)
        }
    }
}

pub(crate) fn getsockname(fd: Fd) -> Result<SocketAddr> {
    let mut room = AddressRoom::new();
    let len = &raw mut room.len;
    // SAFETY: as for `accept4`.
    check_unit(unsafe { libc::getsockname(fd.0, room.as_mut_ptr(), len) })?;
    room.address()
}

pub(crate) fn getpeername(fd: Fd) -> Result<SocketAddr> {
    let mut room = AddressRoom::new();
    let len = &raw mut room.len;
    // SAFETY: as for `accept4`.
    check_unit(unsafe { libc::getpeername(fd.0, room.as_mut_ptr(), len) })?;
    room.address()
}

pub(crate) fn recv(fd: Fd, buffer: &mut [u8], flags: i32) -> Result<usize> {
    // SAFETY: the kernel writes at most `len` bytes into a buffer that is borrowed for the call.
    check(interruptible(|| unsafe { libc::recv(fd.0, buffer.as_mut_ptr().cast(), buffer.len(), flags) }))
}

pub(crate) fn send(fd: Fd, buffer: &[u8], flags: i32) -> Result<usize> {
    // SAFETY: the kernel reads at most `len` bytes of a buffer that is borrowed for the call.
    check(interruptible(|| unsafe { libc::send(fd.0, buffer.as_ptr().cast(), buffer.len(), flags) }))
}

pub(crate) fn sendmsg(fd: Fd, buffers: &[IoSlice<'_>], flags: i32) -> Result<usize> {
    // SAFETY: msghdr is made of integers and pointers; all zero means no name, no control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = buffers.as_ptr().cast_mut().cast();
    message.msg_iovlen = buffers.len() as _;
    // SAFETY: std promises that IoSlice has the layout of iovec; the kernel only reads the pieces, which are
    // borrowed for the call.
    check(interruptible(|| unsafe { libc::sendmsg(fd.0, &raw const message, flags) }))
}

pub(crate) fn sendto(fd: Fd, buffer: &[u8], flags: i32, to: SocketAddr) -> Result<usize> {
    let (raw, len) = RawAddress::new(to);
    // SAFETY: the kernel reads a buffer and an address that are borrowed for the call.
    check(interruptible(|| unsafe {
        libc::sendto(fd.0, buffer.as_ptr().cast(), buffer.len(), flags, raw.as_ptr(), len)
    }))
}

/// No address: a stream does not say again who its peer is.
pub(crate) fn recvfrom(fd: Fd, buffer: &mut [u8], flags: i32) -> Result<(usize, Option<SocketAddr>)> {
    let mut room = AddressRoom::new();
    let len = &raw mut room.len;
    // SAFETY: the kernel writes into a buffer that is borrowed for the call, and an address as for `accept4`.
    let n = check(interruptible(|| unsafe {
        libc::recvfrom(fd.0, buffer.as_mut_ptr().cast(), buffer.len(), flags, room.as_mut_ptr(), len)
    }))?;
    Ok((n, if room.len == 0 { None } else { Some(room.address()?) }))
}

pub(crate) fn shutdown(fd: Fd, how: i32) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(unsafe { libc::shutdown(fd.0, how) })
}

/// An option's value: `c_int`, `linger`, `timeval` or a text, plain data of which any bytes are a value.
pub(crate) trait OptionValue: Copy + Default {}
impl OptionValue for i32 {}
impl OptionValue for Linger {}
impl OptionValue for Timeval {}
impl OptionValue for [u8; 16] {}

/// `struct linger` of `socket(7)`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Linger {
    pub(crate) on: i32,
    pub(crate) seconds: i32,
}

/// `struct timeval`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Timeval {
    pub(crate) seconds: i64,
    pub(crate) micros: i64,
}

pub(crate) fn setsockopt<T: OptionValue>(fd: Fd, level: i32, name: i32, value: T) -> Result<()> {
    let len = size_of::<T>() as socklen_t;
    // SAFETY: the kernel reads `len` bytes of a value that lives through the call.
    check_unit(unsafe { libc::setsockopt(fd.0, level, name, (&raw const value).cast(), len) })
}

pub(crate) fn getsockopt<T: OptionValue>(fd: Fd, level: i32, name: i32) -> Result<T> {
    let mut value = T::default();
    let mut len = size_of::<T>() as socklen_t;
    // SAFETY: the kernel writes at most `len` bytes into a value of which any bytes are valid.
    check_unit(unsafe { libc::getsockopt(fd.0, level, name, (&raw mut value).cast(), &raw mut len) })?;
    Ok(value)
}
