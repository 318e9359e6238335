//! Socket addresses in C's form.

use eagain_net::{Errno, Result, SocketAddr, UnixAddr};
use libc::{sockaddr, sockaddr_in, sockaddr_in6, sockaddr_un, socklen_t};
use std::ffi::c_int;
use std::mem::offset_of;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};

/// Of either kind.
pub enum Address {
    Ip(SocketAddr),
    Unix(UnixAddr),
}

/// Whether an address is none, by which `connect(2)` ends an association.
///
/// # Safety
/// `address` is null, or valid for `length` bytes.
pub unsafe fn is_unspecified(address: *const sockaddr, length: socklen_t) -> bool {
    !address.is_null()
        && length as usize >= size_of::<libc::sa_family_t>()
        && c_int::from((*address).sa_family) == libc::AF_UNSPEC
}

/// What `bind(2)` of a socket of IPv4 makes of an address without a family: any, where it says no other (`__inet_bind`).
///
/// # Safety
/// As for `read`.
pub unsafe fn without_family(address: *const sockaddr, length: socklen_t) -> Result<SocketAddr> {
    if (length as usize) < size_of::<sockaddr_in>() {
        return Err(Errno::EINVAL);
    }
    let v4 = address.cast::<sockaddr_in>().read_unaligned();
    if v4.sin_addr.s_addr != libc::INADDR_ANY {
        return Err(Errno::EAFNOSUPPORT);
    }
    Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, u16::from_be(v4.sin_port))))
}

/// # Safety
/// `address` is valid for `length` bytes.
pub unsafe fn read(address: *const sockaddr, length: socklen_t) -> Result<Address> {
    if address.is_null() {
        return Err(Errno::EFAULT);
    }
    let length = length as usize;
    if length < size_of::<libc::sa_family_t>() {
        return Err(Errno::EINVAL);
    }
    match c_int::from((*address).sa_family) {
        libc::AF_INET if length >= size_of::<sockaddr_in>() => {
            let v4 = address.cast::<sockaddr_in>().read_unaligned();
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Ok(Address::Ip(SocketAddr::from((ip, u16::from_be(v4.sin_port)))))
        }
        libc::AF_INET6 if length >= size_of::<sockaddr_in6>() => {
            let v6 = address.cast::<sockaddr_in6>().read_unaligned();
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Ok(Address::Ip(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id))))
        }
        libc::AF_UNIX if length <= size_of::<sockaddr_un>() => {
            let path = length.saturating_sub(offset_of!(sockaddr_un, sun_path));
            let start = address.cast::<u8>().add(offset_of!(sockaddr_un, sun_path));
            Ok(Address::Unix(UnixAddr::from_sun_path(super::bytes(start.cast(), path))?))
        }
        libc::AF_INET | libc::AF_INET6 | libc::AF_UNIX => Err(Errno::EINVAL),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Writes as much of `bytes` as there is room for, and the whole length.
///
/// # Safety
/// Both are null, or `length` is valid and `address` is valid for as many bytes as it says.
unsafe fn put(bytes: *const u8, size: usize, address: *mut sockaddr, length: *mut socklen_t) {
    if address.is_null() || length.is_null() {
        return;
    }
    std::ptr::copy_nonoverlapping(bytes, address.cast(), size.min(*length as usize));
    *length = size as socklen_t;
}

/// # Safety
/// As for [`put`].
pub unsafe fn write(from: SocketAddr, address: *mut sockaddr, length: *mut socklen_t) {
    match from {
        SocketAddr::V4(from) => {
            let mut v4: sockaddr_in = std::mem::zeroed();
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = from.port().to_be();
            v4.sin_addr.s_addr = u32::from(*from.ip()).to_be();
            put((&raw const v4).cast(), size_of::<sockaddr_in>(), address, length);
        }
        SocketAddr::V6(from) => {
            let mut v6: sockaddr_in6 = std::mem::zeroed();
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = from.port().to_be();
            v6.sin6_addr.s6_addr = from.ip().octets();
            v6.sin6_scope_id = from.scope_id();
            put((&raw const v6).cast(), size_of::<sockaddr_in6>(), address, length);
        }
    }
}

/// # Safety
/// As for [`put`].
pub unsafe fn write_unix(from: &UnixAddr, address: *mut sockaddr, length: *mut socklen_t) {
    let path = from.sun_path().unwrap_or_default();
    let family = (libc::AF_UNIX as libc::sa_family_t).to_ne_bytes();
    let mut whole = [&family[..], &path].concat();
    if matches!(from, UnixAddr::Path(_)) {
        whole.push(0);
    }
    put(whole.as_ptr(), whole.len(), address, length);
}
