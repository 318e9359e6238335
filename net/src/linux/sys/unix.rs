//! The calls that take or give an address of AF_UNIX.

use super::super::handler::interruptible;
use super::{check, check_fd, check_unit};
use crate::{Errno, Fd, Received, Result, UnixAddr};
use libc::{c_int, iovec, msghdr, sockaddr, sockaddr_un, socklen_t};
use std::mem::{offset_of, size_of};

/// Where the path begins.
const PATH: usize = offset_of!(sockaddr_un, sun_path);

/// An address as the kernel takes and gives it, with one byte more than it ever fills.
#[repr(C)]
struct Raw {
    un: sockaddr_un,
    _end: u8,
    len: socklen_t,
}

impl Raw {
    fn room() -> Raw {
        // SAFETY: sockaddr_un is made of integers.
        let un = unsafe { std::mem::zeroed() };
        Raw { un, _end: 0, len: size_of::<sockaddr_un>() as socklen_t }
    }

    /// A path ends with a NUL where there is room for one, as `unix(7)` asks for.
    fn new(address: &UnixAddr) -> Result<Raw> {
        let bytes = address.sun_path()?;
        let mut raw = Raw::room();
        raw.un.sun_family = libc::AF_UNIX as _;
        for (to, from) in raw.un.sun_path.iter_mut().zip(&bytes) {
            *to = *from as _;
        }
        let nul = usize::from(matches!(address, UnixAddr::Path(_)) && bytes.len() < UnixAddr::PATH_MAX);
        raw.len = (PATH + bytes.len() + nul) as socklen_t;
        Ok(raw)
    }

    fn as_ptr(&self) -> *const sockaddr {
        (&raw const self.un).cast()
    }

    /// Where the kernel writes an address, and where its length. Both come from one pointer: a second borrow of the whole would
    /// end what the first was good for.
    fn out(&mut self) -> (*mut sockaddr, *mut socklen_t) {
        let raw: *mut Raw = self;
        // SAFETY: the fields of a value that is borrowed; no reference to them is made.
        unsafe { ((&raw mut (*raw).un).cast(), &raw mut (*raw).len) }
    }

    /// What was written. `EAFNOSUPPORT`: an address of another family.
    fn address(&self) -> Result<UnixAddr> {
        let len = self.len as usize;
        if len >= size_of::<libc::sa_family_t>() && i32::from(self.un.sun_family) != libc::AF_UNIX {
            return Err(Errno::EAFNOSUPPORT);
        }
        let path = self.un.sun_path.iter().map(|&byte| byte as u8);
        let path: Vec<u8> = path.take(len.saturating_sub(PATH)).collect();
        UnixAddr::from_sun_path(&path)
    }
}

pub(crate) fn bind(fd: Fd, address: &UnixAddr) -> Result<()> {
    let raw = Raw::new(address)?;
    // SAFETY: the kernel reads `len` bytes of an address that lives through the call.
    check_unit(unsafe { libc::bind(fd.0, raw.as_ptr(), raw.len) })
}

pub(crate) fn connect(fd: Fd, address: &UnixAddr) -> Result<()> {
    let raw = Raw::new(address)?;
    // SAFETY: as for `bind`.
    check_unit(interruptible(|| unsafe { libc::connect(fd.0, raw.as_ptr(), raw.len) }))
}

pub(crate) fn accept4(fd: Fd, flags: i32) -> Result<(Fd, UnixAddr)> {
    let mut raw = Raw::room();
    let (at, len) = raw.out();
    // SAFETY: the kernel writes at most `*len` bytes of address, and its length; both live through the call, and nothing else
    // refers to them meanwhile.
    let new = check_fd(interruptible(|| unsafe { libc::accept4(fd.0, at, len, flags) }))?;
    raw.address().map(|peer| (new, peer)).inspect_err(|_| {
        let _ = super::io::close(new);
    })
}

pub(crate) fn getsockname(fd: Fd) -> Result<UnixAddr> {
    let mut raw = Raw::room();
    let (at, len) = raw.out();
    // SAFETY: as for `accept4`.
    check_unit(unsafe { libc::getsockname(fd.0, at, len) })?;
    raw.address()
}

pub(crate) fn getpeername(fd: Fd) -> Result<UnixAddr> {
    let mut raw = Raw::room();
    let (at, len) = raw.out();
    // SAFETY: as for `accept4`.
    check_unit(unsafe { libc::getpeername(fd.0, at, len) })?;
    raw.address()
}

pub(crate) fn sendto(fd: Fd, buffer: &[u8], flags: i32, to: &UnixAddr) -> Result<usize> {
    let raw = Raw::new(to)?;
    // SAFETY: the kernel reads a buffer and an address that are borrowed for the call.
    check(interruptible(|| unsafe {
        libc::sendto(fd.0, buffer.as_ptr().cast(), buffer.len(), flags, raw.as_ptr(), raw.len)
    }))
}

pub(crate) fn recvfrom(fd: Fd, buffer: &mut [u8], flags: i32) -> Result<(usize, UnixAddr)> {
    let mut raw = Raw::room();
    let (at, len) = raw.out();
    // SAFETY: the kernel writes into a buffer that is borrowed for the call, and an address as for `accept4`.
    let n = check(interruptible(|| unsafe {
        libc::recvfrom(fd.0, buffer.as_mut_ptr().cast(), buffer.len(), flags, at, len)
    }))?;
    Ok((n, raw.address()?))
}

/// Control data with room for so many descriptors: words, as its headers are aligned.
fn control(count: usize) -> (Vec<u64>, usize) {
    let bytes = u32::try_from(count * size_of::<c_int>()).unwrap_or(u32::MAX);
    // SAFETY: a function of a number.
    let space = unsafe { libc::CMSG_SPACE(bytes) } as usize;
    (vec![0; space.div_ceil(8)], space)
}

/// `SCM_MAX_FD`, and one more, which the kernel refuses.
const FDS_MAX: usize = 253 + 1;

fn message(part: &mut iovec) -> msghdr {
    // SAFETY: msghdr is made of integers and pointers that may be null.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (part, 1);
    message
}

pub(crate) fn send_fds(fd: Fd, buffer: &[u8], fds: &[Fd], flags: i32) -> Result<usize> {
    let numbers: Vec<c_int> = fds.iter().take(FDS_MAX).map(|fd| fd.0).collect();
    let mut part = iovec { iov_base: buffer.as_ptr().cast_mut().cast(), iov_len: buffer.len() };
    let mut message = message(&mut part);
    let (mut words, space) = control(numbers.len());
    if !numbers.is_empty() {
        (message.msg_control, message.msg_controllen) = (words.as_mut_ptr().cast(), space);
        let bytes = size_of_val(&numbers[..]);
        // SAFETY: there is room for one header and the numbers behind it.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(bytes as u32) as _;
            std::ptr::copy_nonoverlapping(numbers.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), bytes);
        }
    }
    // SAFETY: the kernel reads a buffer that is borrowed for the call, and control data that lives through it.
    check(interruptible(|| unsafe { libc::sendmsg(fd.0, &message, flags) }))
}

pub(crate) fn recv_fds(fd: Fd, buffer: &mut [u8], most: usize, flags: i32) -> Result<Received> {
    let mut part = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut message = message(&mut part);
    let most = most.min(FDS_MAX);
    let (mut words, _) = control(most);
    if most > 0 {
        // SAFETY: a function of a number.
        let length = unsafe { libc::CMSG_LEN((most * size_of::<c_int>()) as u32) };
        (message.msg_control, message.msg_controllen) = (words.as_mut_ptr().cast(), length as _);
    }
    let mut raw = Raw::room();
    (message.msg_name, message.msg_namelen) = (raw.out().0.cast(), raw.len);
    let flags = flags | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the kernel writes into a buffer that is borrowed for the call, and control data and an address that live through it.
    let len = check(interruptible(|| unsafe { libc::recvmsg(fd.0, &mut message, flags) }))?;
    raw.len = message.msg_namelen;
    let mut received =
        Received { len, truncated: message.msg_flags & libc::MSG_CTRUNC != 0, ..Received::default() };
    // SAFETY: what the kernel has written: headers, each with as much behind it as it says.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while let Some(found) = header.as_ref() {
            if (found.cmsg_level, found.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let count = (found.cmsg_len - libc::CMSG_LEN(0) as usize) / size_of::<c_int>();
                let numbers = libc::CMSG_DATA(header).cast::<c_int>();
                received.fds.extend((0..count).map(|at| Fd(numbers.add(at).read_unaligned())));
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
    }
    // Another kind of socket may say another kind of address.
    received.from = raw.address().unwrap_or(UnixAddr::Unnamed);
    Ok(received)
}
