//! Messages: `sendmsg(2)`, `recvmsg(2)`, and several of them at once. Control data is not simulated: none is received, and of
//! what is sent, marks for routers have no effect, and what the peer would see is an escape.

use super::socket::{receive, send_to};
use super::{KERNEL, buffer, descriptor, symbols, there};
use crate::escape::escape;
use eagain_net::{Errno, Fd, RecvFlags, Result, SendFlags, Sockets};
use eagain_sim::native;
use libc::{iovec, mmsghdr, msghdr, ssize_t, timespec};
use std::ffi::{c_int, c_uint};

unsafe fn parts<'a>(fd: c_int, message: &msghdr) -> Result<&'a [iovec]> {
    descriptor::parts(fd, message.msg_iov, message.msg_iovlen, Errno::EMSGSIZE)
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
    let parts = parts(fd, message)?;
    if message.msg_name.is_null() {
        return KERNEL.sendmsg(Fd(fd), &descriptor::slices(parts), SendFlags(flags));
    }
    send_to(fd, &descriptor::gather(parts), SendFlags(flags), message.msg_name.cast(), message.msg_namelen)
}

/// No call takes more messages (`UIO_MAXIOV`, sendmmsg(2)).
const MESSAGES_MAX: c_uint = 1024;

unsafe fn receive_into(fd: c_int, message: &mut msghdr, flags: c_int) -> Result<usize> {
    let parts = parts(fd, message)?;
    let whole = descriptor::room(parts);
    let datagrams = matches!(native::socket_kind(Fd(fd)), Some((_, true)));
    let asked = RecvFlags(flags);
    // How long the datagram is says whether it was cut.
    let whole_length = if datagrams { asked | RecvFlags::TRUNC } else { asked };
    let (name, name_length) = (message.msg_name.cast(), &raw mut message.msg_namelen);
    let length = if let [part] = parts {
        receive(fd, buffer(part.iov_base, whole), whole_length, name, name_length)?
    } else {
        let mut bytes = vec![0; whole];
        let length = receive(fd, &mut bytes, whole_length, name, name_length)?;
        descriptor::scatter(&bytes[..length.min(whole)], parts);
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
    if count > 0 {
        there(list)?;
    }
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
        send(fd, &*there(message.cast_mut())?, flags)
    };

    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t = SYS_recvmsg(fd, message, flags), |_| {
        receive_into(fd, &mut *there(message)?, flags)
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
