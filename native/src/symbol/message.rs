//! Messages: `sendmsg(2)`, `recvmsg(2)`, and several of them at once. Of control data, descriptors go through AF_UNIX sockets, and
//! datagrams have what their headers say; what else the peer would see is an escape.

use super::address::Address;
use super::socket::{is_unix, receive, send_to};
use super::{KERNEL, address, buffer, bytes, descriptor, symbols, there};
use crate::context::Context;
use crate::escape::escape;
use eagain_net::{
    Control, Datagrams, Errno, Fd, NumberOption, Received, RecvFlags, Result, SendFlags, SocketOption,
    SocketOptionName, Sockets, UnixAddr, UnixSockets,
};
use eagain_sim::native;
use libc::{cmsghdr, iovec, mmsghdr, msghdr, ssize_t, timespec};
use std::ffi::{c_int, c_uint};

unsafe fn parts<'a>(fd: c_int, message: &msghdr) -> Result<&'a [iovec]> {
    descriptor::parts(fd, message.msg_iov, message.msg_iovlen, Errno::EMSGSIZE)
}

/// The control data of a message: the descriptors that it carries (`SCM_RIGHTS`), and what goes into the header of a datagram.
/// Credentials and the like are an escape: the peer would see them.
unsafe fn passed(message: &msghdr) -> Result<(Vec<Fd>, Vec<Control>)> {
    let (mut fds, mut controls) = (Vec::new(), Vec::new());
    let mut header = libc::CMSG_FIRSTHDR(message);
    while let Some(found) = header.as_ref() {
        let before = libc::CMSG_LEN(0) as usize;
        if found.cmsg_len < before || header as usize + found.cmsg_len > control_end(message) {
            return Err(Errno::EINVAL);
        }
        if (found.cmsg_level, found.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            let numbers = libc::CMSG_DATA(header).cast::<c_int>();
            let count = (found.cmsg_len - before) / size_of::<c_int>();
            fds.extend((0..count).map(|at| Fd(numbers.add(at).read_unaligned())));
        } else if let Some(control) = Control::from_bytes(
            found.cmsg_level,
            found.cmsg_type,
            bytes(libc::CMSG_DATA(header).cast(), found.cmsg_len - before),
        ) {
            controls.push(control?);
        } else if found.cmsg_level == libc::SOL_SOCKET {
            escape("sendmsg", " with credentials or the like in its control data");
        }
        header = libc::CMSG_NXTHDR(message, header);
    }
    Ok((fds, controls))
}

fn control_end(message: &msghdr) -> usize {
    message.msg_control as usize + message.msg_controllen
}

unsafe fn send(fd: c_int, message: &msghdr, flags: c_int) -> Result<usize> {
    let parts = parts(fd, message)?;
    let (fds, control) = if message.msg_controllen == 0 { Default::default() } else { passed(message)? };
    // Sockets of other families do not look at them.
    if !fds.is_empty() && is_unix(fd) {
        if !message.msg_name.is_null() {
            escape("sendmsg", " with descriptors and an address");
        }
        return KERNEL.unix_send_fds(Fd(fd), &descriptor::gather(parts), &fds, SendFlags(flags));
    }
    if !control.is_empty() && !is_unix(fd) {
        let to = match message.msg_name.is_null() {
            true => None,
            false => match address::read(message.msg_name.cast(), message.msg_namelen)? {
                Address::Ip(to) => Some(to),
                Address::Unix(_) => return Err(Errno::EAFNOSUPPORT),
            },
        };
        return KERNEL.sendmsg_control(Fd(fd), &descriptor::gather(parts), SendFlags(flags), to, &control);
    }
    if message.msg_name.is_null() {
        return KERNEL.sendmsg(Fd(fd), &descriptor::slices(parts), SendFlags(flags));
    }
    send_to(fd, &descriptor::gather(parts), SendFlags(flags), message.msg_name.cast(), message.msg_namelen)
}

/// `TCP_CM_INQ` is the number of `TCP_INQ`.
const TCP_CM_INQ: c_int = 36;

/// No call takes more messages (`UIO_MAXIOV`, sendmmsg(2)).
const MESSAGES_MAX: c_uint = 1024;

/// What came is in the parts; of descriptors as many as there is room for in the control data.
unsafe fn receive_passed(
    context: &Context,
    fd: c_int,
    into: &mut [u8],
    message: &mut msghdr,
    flags: RecvFlags,
    closes: bool,
) -> Result<usize> {
    let before = libc::CMSG_LEN(0) as usize;
    let most = match message.msg_control.is_null() {
        true => 0,
        false => message.msg_controllen.saturating_sub(before) / size_of::<c_int>(),
    };
    let Received { len, from, fds, truncated } = KERNEL.unix_recv_fds(Fd(fd), into, most, flags)?;
    match from {
        UnixAddr::Unnamed => message.msg_namelen = 0,
        from => address::write_unix(&from, message.msg_name.cast(), &mut message.msg_namelen),
    }
    let room = std::mem::take(&mut message.msg_controllen);
    if !fds.is_empty() {
        let made = fds.into_iter().map(|fd| descriptor::made(context, fd, closes));
        let numbers: Vec<u8> = made.flat_map(|fd| fd.0.to_ne_bytes()).collect();
        put_control(message, room, libc::SOL_SOCKET, libc::SCM_RIGHTS, &numbers);
    }
    message.msg_flags = if truncated { libc::MSG_CTRUNC } else { 0 };
    Ok(len)
}

/// Appends control data as `put_cmsg` does, in what is left of `room` bytes: what does not fit is cut, or left out.
unsafe fn put_control(message: &mut msghdr, room: usize, level: c_int, kind: c_int, data: &[u8]) {
    let (at, before) = (message.msg_controllen, libc::CMSG_LEN(0) as usize);
    let left = if message.msg_control.is_null() { 0 } else { room - at };
    if left < before + data.len() {
        message.msg_flags |= libc::MSG_CTRUNC;
    }
    if left < before {
        return;
    }
    let header = message.msg_control.cast::<u8>().add(at);
    let length = (before + data.len()).min(left);
    let written = cmsghdr { cmsg_len: length, cmsg_level: level, cmsg_type: kind };
    header.cast::<cmsghdr>().write_unaligned(written);
    std::ptr::copy_nonoverlapping(data.as_ptr(), header.add(before), length - before);
    message.msg_controllen += (libc::CMSG_SPACE(data.len() as c_uint) as usize).min(left);
}

unsafe fn receive_into(context: &Context, fd: c_int, message: &mut msghdr, flags: c_int) -> Result<usize> {
    let parts = parts(fd, message)?;
    let whole = descriptor::room(parts);
    let datagrams = matches!(native::socket_kind(Fd(fd)), Some((_, true)));
    let closes = flags & libc::MSG_CMSG_CLOEXEC != 0;
    let asked = RecvFlags(flags & !libc::MSG_CMSG_CLOEXEC);
    // How long the datagram is says whether it was cut.
    let whole_length = if datagrams { asked | RecvFlags::TRUNC } else { asked };
    let mut take = |into: &mut [u8]| {
        if is_unix(fd) {
            return receive_passed(context, fd, into, message, whole_length, closes);
        }
        let room = message.msg_controllen;
        if datagrams && room > 0 {
            let received = KERNEL.recvmsg_control(Fd(fd), into, whole_length)?;
            match received.from {
                Some(from) => address::write(from, message.msg_name.cast(), &mut message.msg_namelen),
                None => message.msg_namelen = 0,
            }
            (message.msg_controllen, message.msg_flags) = (0, 0);
            for (level, kind, data) in received.control.into_iter().map(Control::to_bytes) {
                put_control(message, room, level, kind, &data);
            }
            return Ok(received.len);
        }
        let reports = room > 0 && !datagrams && reports_rest(fd);
        let length = receive(fd, into, whole_length, message.msg_name.cast(), &mut message.msg_namelen)?;
        (message.msg_controllen, message.msg_flags) = (0, 0);
        if reports {
            // `tcp_inq_hint`.
            let rest = native::readable(Fd(fd)).unwrap_or(0) as c_int;
            put_control(message, room, libc::IPPROTO_TCP, TCP_CM_INQ, &rest.to_ne_bytes());
        }
        Ok(length)
    };
    let length = if let [part] = parts {
        take(buffer(part.iov_base, whole))?
    } else {
        let mut bytes = vec![0; whole];
        let length = take(&mut bytes)?;
        descriptor::scatter(&bytes[..length.min(whole)], parts);
        length
    };
    let received = length.min(whole);
    message.msg_flags |= if length > received { libc::MSG_TRUNC } else { 0 };
    Ok(if asked.contains(RecvFlags::TRUNC) { length } else { received })
}

/// `TCP_INQ`: how many bytes are left to receive.
fn reports_rest(fd: c_int) -> bool {
    let option = SocketOptionName::Number(NumberOption::Inq);
    matches!(KERNEL.getsockopt(Fd(fd), option), Ok(SocketOption::Number(_, on)) if on != 0)
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

    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t = SYS_recvmsg(fd, message, flags), |context| {
        receive_into(context, fd, &mut *there(message)?, flags)
    };

    fn sendmmsg(fd: c_int, list: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int =
        SYS_sendmmsg(fd, list, count, flags), |_| each(list, count, |message, _| send(fd, message, flags));

    fn recvmmsg(fd: c_int, list: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int =
        SYS_recvmmsg(fd, list, count, flags, timeout), |context| {
        if !timeout.is_null() {
            escape("recvmmsg", " with a timeout");
            return Err(Errno::EINVAL);
        }
        each(list, count, |message, at| {
            let waits = at == 0 || flags & libc::MSG_WAITFORONE == 0;
            let later = if waits { 0 } else { libc::MSG_DONTWAIT };
            receive_into(context, fd, message, flags & !libc::MSG_WAITFORONE | later)
        })
    };
}
