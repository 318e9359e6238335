//! Names: `getaddrinfo(3)` knows the hosts of the world, `gethostname(2)` the running thread's.

use super::address;
use crate::{context, raw};
use eagain_sim::native;
use libc::{addrinfo, size_t, sockaddr, socklen_t};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::{CStr, c_char, c_int};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Those that every machine has.
const SERVICES: [(&str, u16); 10] = [
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("http", 80),
    ("pop3", 110),
    ("ntp", 123),
    ("imap2", 143),
    ("https", 443),
];

pub fn service_port(name: &str) -> Option<u16> {
    SERVICES.iter().find(|known| known.0 == name).map(|known| known.1)
}

pub fn service_name(port: u16) -> Option<&'static str> {
    SERVICES.iter().find(|known| known.1 == port).map(|known| known.0)
}

/// The address of a host of the world, or the one that a text is. As the program.
pub fn resolve(name: &str) -> Option<IpAddr> {
    match name.parse() {
        Ok(ip) => Some(ip),
        Err(_) if name == "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Err(_) => context::current()?.as_harness(|| native::resolve(name)),
    }
}

/// # Safety
/// `address` is null, or valid for `length` bytes.
pub unsafe fn ip_and_port(address: *const sockaddr, length: socklen_t) -> Option<(IpAddr, u16)> {
    match address::read(address, length) {
        Ok(address::Address::Ip(address)) => Some((address.ip(), address.port())),
        _ => None,
    }
}

/// One answer, with room for its address behind it.
#[repr(C)]
struct Answer {
    info: addrinfo,
    address: libc::sockaddr_in6,
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    to: *mut *mut addrinfo,
) -> c_int {
    if context::current().is_none() {
        return raw::real!(getaddrinfo as fn(node => *const c_char, service => *const c_char,
            hints => *const addrinfo, to => *mut *mut addrinfo) -> c_int);
    }
    let text =
        |pointer: *const c_char| (!pointer.is_null()).then(|| CStr::from_ptr(pointer).to_string_lossy());
    let passive = !hints.is_null() && (*hints).ai_flags & libc::AI_PASSIVE != 0;
    let ip = match text(node) {
        None if passive => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        None => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Some(name) => resolve(&name),
    };
    let Some(ip) = ip else { return libc::EAI_NONAME };
    let port = match text(service).as_deref() {
        None => 0,
        Some(name) => match name.parse().ok().or_else(|| service_port(name)) {
            Some(port) => port,
            None => return libc::EAI_SERVICE,
        },
    };
    if !hints.is_null()
        && ![libc::AF_UNSPEC, if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }]
            .contains(&(*hints).ai_family)
    {
        return libc::EAI_NONAME;
    }
    let answer = alloc_zeroed(Layout::new::<Answer>()).cast::<Answer>();
    if answer.is_null() {
        return libc::EAI_MEMORY;
    }
    let at = (&raw mut (*answer).address).cast::<sockaddr>();
    let mut length = size_of::<libc::sockaddr_in6>() as socklen_t;
    address::write(SocketAddr::new(ip, port), at, &mut length);
    let kind = if hints.is_null() { 0 } else { (*hints).ai_socktype };
    (*answer).info.ai_family = c_int::from((*at).sa_family);
    (*answer).info.ai_socktype = if kind == 0 { libc::SOCK_STREAM } else { kind };
    (*answer).info.ai_protocol =
        if (*answer).info.ai_socktype == libc::SOCK_DGRAM { libc::IPPROTO_UDP } else { libc::IPPROTO_TCP };
    (*answer).info.ai_addr = at;
    (*answer).info.ai_addrlen = length;
    *to = answer.cast();
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn freeaddrinfo(list: *mut addrinfo) {
    if context::current().is_none() {
        return raw::real!(freeaddrinfo as fn(list => *mut addrinfo) -> ());
    }
    if !list.is_null() {
        dealloc(list.cast(), Layout::new::<Answer>());
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn gethostname(to: *mut c_char, length: size_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(gethostname as fn(to => *mut c_char, length => size_t) -> c_int);
    };
    let name = context.as_harness(native::host_name);
    if length <= name.len() {
        raw::set_errno(libc::ENAMETOOLONG);
        return -1;
    }
    std::ptr::copy_nonoverlapping(name.as_ptr(), to.cast(), name.len());
    *to.add(name.len()) = 0;
    0
}
