//! Messages: `sendmsg(2)`, `recvmsg(2)`, and several of them at once. Control data is not simulated: none is received, and of
//! what is sent, marks for routers have no effect, and what the peer would see is an escape.

use super::socket::{receive, send_to};
use super::{KERNEL, buffer, bytes, descriptor, symbols};
use crate::escape::escape;
use eagain_net::{Descriptors, Errno, Fd, RecvFlags, Result, SendFlags, Sockets};
use eagain_sim::native;
use libc::{iovec, mmsghdr, msghdr, ssize_t, timespec};
use std::ffi::{c_int, c_uint};
use std::io::IoSlice;

unsafe fn parts(message: &msghdr) -> impl Iterator<Item = iovec> {
    descriptor::parts(message.msg_iov, message.msg_iovlen)
}

/// Descriptors and credentials (`unix(7)`) would reach the peer.
unsafe fn check_control(message: &msghdr) {
    let mut header = libc::CMSG_FIRSTHDR(message);
    while !header.is_null() {
        if (*header).cmsg_level == libc::SOL_SOCKET {
            escape("sendmsg", " with descriptors or credentials in its control data");
        }
        header = libc::CMSG_NXTHDR(message, header);
    }
}

unsafe fn send(fd: c_int, message: &msghdr, flags: c_int) -> Result<usize> {
    if message.msg_controllen != 0 {
        check_control(message);
    }
    let parts: Vec<IoSlice<'_>> =
        parts(message).map(|part| IoSlice::new(bytes(part.iov_base, part.iov_len))).collect();
    if message.msg_name.is_null() {
        return KERNEL.sendmsg(Fd(fd), &parts, SendFlags(flags));
    }
    let whole: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
    send_to(fd, &whole, SendFlags(flags), message.msg_name.cast(), message.msg_namelen)
}

/// No call moves more bytes (`MAX_RW_COUNT`, read(2)).
pub const AT_ONCE_MAX: usize = 0x7fff_f000;
/// Behind the last address that a program has.
const ADDRESS_END: usize = 1 << 47;
/// No call takes more messages (`UIO_MAXIOV`, sendmmsg(2)).
const MESSAGES_MAX: c_uint = 1024;

/// The length of a part, where it is one.
fn room(part: &iovec) -> Result<usize> {
    if part.iov_len > isize::MAX as usize {
        return Err(Errno::EINVAL);
    }
    let end = (part.iov_base as usize).saturating_add(part.iov_len);
    if end > ADDRESS_END { Err(Errno::EFAULT) } else { Ok(part.iov_len) }
}

unsafe fn receive_into(fd: c_int, message: &mut msghdr, flags: c_int) -> Result<usize> {
    if message.msg_iovlen > descriptor::PARTS_MAX {
        return KERNEL.fcntl_getfl(Fd(fd)).and(Err(Errno::EMSGSIZE));
    }
    let whole = parts(message).try_fold(0, |sum, part| Ok(sum + room(&part)?))?.min(AT_ONCE_MAX);
    let datagrams = matches!(native::socket_kind(Fd(fd)), Some((_, true)));
    let asked = RecvFlags(flags);
    // How long the datagram is says whether it was cut.
    let whole_length = if datagrams { asked | RecvFlags::TRUNC } else { asked };
    let (name, name_length) = (message.msg_name.cast(), &raw mut message.msg_namelen);
    let length = if message.msg_iovlen == 1 {
        receive(fd, buffer((*message.msg_iov).iov_base, whole), whole_length, name, name_length)?
    } else {
        let mut bytes = vec![0; whole];
        let length = receive(fd, &mut bytes, whole_length, name, name_length)?;
        let mut rest = &bytes[..length.min(whole)];
        for part in parts(message) {
            let (head, tail) = rest.split_at(rest.len().min(part.iov_len));
            buffer(part.iov_base, head.len()).copy_from_slice(head);
            rest = tail;
        }
        length
    };
    let received = length.min(whole);
    message.msg_controllen = 0;
    message.msg_flags = if length > received { libc::MSG_TRUNC } else { 0 };
    Ok(if asked.contains(RecvFlags::TRUNC) { length } else { received })
}

/// One after the other; an error counts where there was none before.
unsafe fn each(
    list: *mut mmsghdr,
    count: c_uint,
    mut act: impl FnMut(&mut msghdr, usize) -> Result<usize>,
) -> Result<u32> {
    let count = count.min(MESSAGES_MAX);
    for at in 0..count as usize {
        let entry = &mut *list.add(at);
        match act(&mut entry.msg_hdr, at) {
            Ok(n) => entry.msg_len = n as c_uint,
            Err(errno) if at == 0 => return Err(errno),
            Err(_) => return Ok(at as u32),
        }
    }
    Ok(count)
}

symbols! {
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t = SYS_sendmsg(fd, message, flags), |_| {
        send(fd, &*message, flags)
    };

    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t = SYS_recvmsg(fd, message, flags), |_| {
        receive_into(fd, &mut *message, flags)
    };

    fn sendmmsg(fd: c_int, list: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int =
        SYS_sendmmsg(fd, list, count, flags), |_| each(list, count, |message, _| send(fd, message, flags));

    fn recvmmsg(fd: c_int, list: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int =
        SYS_recvmmsg(fd, list, count, flags, timeout), |_| {
        if !timeout.is_null() {
            escape("recvmmsg", " with a timeout");
            return Err(Errno::EINVAL);
        }
        each(list, count, |message, at| {
            let waits = at == 0 || flags & libc::MSG_WAITFORONE == 0;
            let later = if waits { 0 } else { libc::MSG_DONTWAIT };
            receive_into(fd, message, flags & !libc::MSG_WAITFORONE | later)
        })
    };
}
