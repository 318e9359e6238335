//! Socket addresses in C's form.

use eagain_net::{Errno, Result, SocketAddr};
use libc::{sockaddr, sockaddr_in, sockaddr_in6, socklen_t};
use std::ffi::c_int;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};

/// # Safety
/// `address` is valid for `length` bytes.
pub unsafe fn read(address: *const sockaddr, length: socklen_t) -> Result<SocketAddr> {
    if address.is_null() {
        return Err(Errno::EFAULT);
    }
    if (length as usize) < size_of::<libc::sa_family_t>() {
        return Err(Errno::EINVAL);
    }
    match c_int::from((*address).sa_family) {
        libc::AF_INET if length as usize >= size_of::<sockaddr_in>() => {
            let v4 = address.cast::<sockaddr_in>().read_unaligned();
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Ok(SocketAddr::from((ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 if length as usize >= size_of::<sockaddr_in6>() => {
            let v6 = address.cast::<sockaddr_in6>().read_unaligned();
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Ok(SocketAddr::V6(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id)))
        }
        libc::AF_INET | libc::AF_INET6 => Err(Errno::EINVAL),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Writes as much as there is room for, and the whole length.
///
/// # Safety
/// Both are null, or `length` is valid and `address` is valid for as many bytes as it says.
pub unsafe fn write(from: SocketAddr, address: *mut sockaddr, length: *mut socklen_t) {
    if address.is_null() || length.is_null() {
        return;
    }
    let room = *length as usize;
    let put = |bytes: *const u8, size: usize| {
        std::ptr::copy_nonoverlapping(bytes, address.cast(), room.min(size));
        *length = size as socklen_t;
    };
    match from {
        SocketAddr::V4(from) => {
            let mut v4: sockaddr_in = std::mem::zeroed();
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = from.port().to_be();
            v4.sin_addr.s_addr = u32::from(*from.ip()).to_be();
            put((&raw const v4).cast(), size_of::<sockaddr_in>());
        }
        SocketAddr::V6(from) => {
            let mut v6: sockaddr_in6 = std::mem::zeroed();
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = from.port().to_be();
            v6.sin6_addr.s6_addr = from.ip().octets();
            v6.sin6_scope_id = from.scope_id();
            put((&raw const v6).cast(), size_of::<sockaddr_in6>());
        }
    }
}
