//! Hosts, services and protocols by name, as programs ask that are older than `getaddrinfo(3)`: those of the world, and a few that every
//! machine has. libc's own keep in statics, for all processes, which files and daemons they have looked for.

use super::Own;
use super::memory::malloc;
use crate::symbol::{resolve, service_name, service_port};
use libc::{EAI_FAMILY, EAI_NONAME, EAI_OVERFLOW, hostent, protoent, servent, size_t, sockaddr, socklen_t};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::net::{IpAddr, Ipv4Addr};
use std::ptr::null_mut;

const PROTOCOLS: [(&CStr, c_int); 5] = [(c"ip", 0), (c"icmp", 1), (c"tcp", 6), (c"udp", 17), (c"ipv6", 41)];

/// `HOST_NOT_FOUND`.
const NOT_FOUND: c_int = 1;

unsafe extern "C" {
    fn __h_errno_location() -> *mut c_int;
}

/// What a function returns that is not reentrant, with the texts that it points to.
struct Found<T> {
    entry: T,
    /// No alias, no member.
    none: *mut c_char,
    addresses: [*mut c_char; 2],
    address: [u8; 4],
    name: [c_char; NAME_MAX + 1],
}

/// `HOST_NAME_MAX`, and a few more.
const NAME_MAX: usize = 255;

// Of the process, as all statics are.
static HOST: Own<Cell<*mut Found<hostent>>> = Own(Cell::new(null_mut()));
static SERVICE: Own<Cell<*mut Found<servent>>> = Own(Cell::new(null_mut()));
static PROTOCOL: Own<Cell<*mut Found<protoent>>> = Own(Cell::new(null_mut()));

/// Keeps an entry, which `fill` makes, with this name; null: there is no room on the heap of the process.
unsafe fn keep<T>(of: &Cell<*mut Found<T>>, name: &[u8], fill: impl FnOnce(*mut Found<T>) -> T) -> *mut T {
    if of.get().is_null() {
        of.set(malloc(size_of::<Found<T>>()).cast());
    }
    let found = of.get();
    if found.is_null() {
        return null_mut();
    }
    let length = name.len().min(NAME_MAX);
    let to = (&raw mut (*found).name).cast::<c_char>();
    std::ptr::copy_nonoverlapping(name.as_ptr().cast(), to, length);
    *to.add(length) = 0;
    (*found).none = null_mut();
    (*found).entry = fill(found);
    &raw mut (*found).entry
}

pub unsafe extern "C" fn gethostbyname(name: *const c_char) -> *mut hostent {
    let text = CStr::from_ptr(name).to_bytes();
    let Some(IpAddr::V4(ip)) = resolve(&String::from_utf8_lossy(text)) else {
        *__h_errno_location() = NOT_FOUND;
        return null_mut();
    };
    host(text, ip)
}

/// Names are found by names alone: an address has none.
pub unsafe extern "C" fn gethostbyaddr(_: *const c_void, _: socklen_t, _: c_int) -> *mut hostent {
    *__h_errno_location() = NOT_FOUND;
    null_mut()
}

unsafe fn host(name: &[u8], ip: Ipv4Addr) -> *mut hostent {
    keep(&HOST.0, name, |found| {
        (*found).address = ip.octets();
        (*found).addresses = [(&raw mut (*found).address).cast(), null_mut()];
        hostent {
            h_name: (&raw mut (*found).name).cast(),
            h_aliases: &raw mut (*found).none,
            h_addrtype: libc::AF_INET,
            h_length: size_of::<Ipv4Addr>() as c_int,
            h_addr_list: (&raw mut (*found).addresses).cast(),
        }
    })
}

unsafe fn service(name: &str, port: u16, protocol: *const c_char) -> *mut servent {
    keep(&SERVICE.0, name.as_bytes(), |found| servent {
        s_name: (&raw mut (*found).name).cast(),
        s_aliases: &raw mut (*found).none,
        s_port: port.to_be().into(),
        s_proto: if protocol.is_null() { c"tcp".as_ptr().cast_mut() } else { protocol.cast_mut() },
    })
}

pub unsafe extern "C" fn getservbyname(name: *const c_char, protocol: *const c_char) -> *mut servent {
    let name = CStr::from_ptr(name).to_string_lossy();
    service_port(&name).map_or(null_mut(), |port| service(&name, port, protocol))
}

pub unsafe extern "C" fn getservbyport(port: c_int, protocol: *const c_char) -> *mut servent {
    let port = u16::from_be(port as u16);
    service_name(port).map_or(null_mut(), |name| service(name, port, protocol))
}

unsafe fn protocol(found: Option<&(&'static CStr, c_int)>) -> *mut protoent {
    let Some(&(name, number)) = found else { return null_mut() };
    keep(&PROTOCOL.0, name.to_bytes(), |found| protoent {
        p_name: (&raw mut (*found).name).cast(),
        p_aliases: &raw mut (*found).none,
        p_proto: number,
    })
}

pub unsafe extern "C" fn getprotobyname(name: *const c_char) -> *mut protoent {
    protocol(PROTOCOLS.iter().find(|known| known.0 == CStr::from_ptr(name)))
}

pub unsafe extern "C" fn getprotobynumber(number: c_int) -> *mut protoent {
    protocol(PROTOCOLS.iter().find(|known| known.1 == number))
}

/// Writes a text where a caller has room for it, or asks for none.
unsafe fn put(text: &str, to: *mut c_char, length: socklen_t) -> bool {
    if to.is_null() || length == 0 {
        return true;
    }
    let fits = text.len() < length as usize;
    if fits {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), to, text.len());
        *to.add(text.len()) = 0;
    }
    fits
}

/// An address of the network has no name; a port has one, where it is known.
pub unsafe extern "C" fn getnameinfo(
    address: *const sockaddr,
    address_length: socklen_t,
    host: *mut c_char,
    host_length: socklen_t,
    service: *mut c_char,
    service_length: socklen_t,
    flags: c_int,
) -> c_int {
    let Some((ip, port)) = crate::symbol::ip_and_port(address, address_length) else { return EAI_FAMILY };
    if flags & libc::NI_NAMEREQD != 0 && !host.is_null() && host_length > 0 {
        return EAI_NONAME;
    }
    let name = service_name(port).filter(|_| flags & libc::NI_NUMERICSERV == 0);
    let fits = put(&ip.to_string(), host, host_length)
        && put(&name.map_or_else(|| port.to_string(), str::to_owned), service, service_length);
    if fits { 0 } else { EAI_OVERFLOW }
}

/// As [`gethostbyname`], into room of the caller.
pub unsafe extern "C" fn gethostbyname_r(
    name: *const c_char,
    to: *mut hostent,
    buffer: *mut c_char,
    length: size_t,
    result: *mut *mut hostent,
    error: *mut c_int,
) -> c_int {
    *result = null_mut();
    let text = CStr::from_ptr(name).to_bytes();
    let Some(IpAddr::V4(ip)) = resolve(&String::from_utf8_lossy(text)) else {
        *error = NOT_FOUND;
        return 0;
    };
    let at = buffer.align_offset(align_of::<Found<hostent>>());
    if at.saturating_add(size_of::<Found<hostent>>()) > length {
        return libc::ERANGE;
    }
    // The same function, with the caller's room in place of the process's.
    let own = HOST.0.replace(buffer.add(at).cast());
    *to = *host(text, ip);
    HOST.0.set(own);
    *result = to;
    0
}
