//! Datagrams with control data.

use super::super::handler::interruptible;
use super::check;
use super::socket::{AddressRoom, RawAddress};
use crate::{Control, Fd, Message, Result, SocketAddr};
use libc::{iovec, msghdr};

/// Words, as headers are aligned; more than the options of a socket ask for.
const ROOM: usize = 64;

fn message(part: &mut iovec) -> msghdr {
    // SAFETY: msghdr is made of integers and pointers that may be null.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (part, 1);
    message
}

pub(crate) fn send(
    fd: Fd,
    buffer: &[u8],
    flags: i32,
    to: Option<SocketAddr>,
    control: &[Control],
) -> Result<usize> {
    let mut part = iovec { iov_base: buffer.as_ptr().cast_mut().cast(), iov_len: buffer.len() };
    let mut message = message(&mut part);
    let mut raw = to.map(RawAddress::new);
    if let Some((raw, len)) = &mut raw {
        (message.msg_name, message.msg_namelen) = ((&raw mut *raw).cast(), *len);
    }
    let mut bytes = Vec::new();
    for control in control {
        let (level, kind, data) = control.to_bytes();
        // SAFETY: functions of a number.
        let (length, space) =
            unsafe { (libc::CMSG_LEN(data.len() as u32), libc::CMSG_SPACE(data.len() as u32)) };
        let start = bytes.len();
        bytes.extend((length as usize).to_ne_bytes());
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(start + space as usize, 0);
    }
    let mut words: Vec<u64> =
        bytes.chunks(8).map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap_or_default())).collect();
    if !words.is_empty() {
        (message.msg_control, message.msg_controllen) = (words.as_mut_ptr().cast(), bytes.len() as _);
    }
    // SAFETY: the kernel reads a buffer that is borrowed for the call, an address and control data that live through it.
    check(interruptible(|| unsafe { libc::sendmsg(fd.0, &message, flags) }))
}

pub(crate) fn recv(fd: Fd, buffer: &mut [u8], flags: i32) -> Result<Message> {
    let mut part = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut message = message(&mut part);
    let mut words = [0_u64; ROOM];
    (message.msg_control, message.msg_controllen) = (words.as_mut_ptr().cast(), size_of_val(&words) as _);
    let mut room = AddressRoom::new();
    (message.msg_name, message.msg_namelen) = (room.as_mut_ptr().cast(), room.len);
    // SAFETY: the kernel writes into a buffer that is borrowed for the call, and control data and an address that live through it.
    let len = check(interruptible(|| unsafe { libc::recvmsg(fd.0, &mut message, flags) }))?;
    room.len = message.msg_namelen;
    let mut control = Vec::new();
    // SAFETY: what the kernel has written: headers, each with as much behind it as it says.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while let Some(found) = header.as_ref() {
            let length = found.cmsg_len - libc::CMSG_LEN(0) as usize;
            let data = std::slice::from_raw_parts(libc::CMSG_DATA(header), length);
            if let Some(known) = Control::from_bytes(found.cmsg_level, found.cmsg_type, data) {
                control.push(known?);
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
    }
    let from = if room.len == 0 { None } else { Some(room.address()?) };
    Ok(Message { len, from, control })
}
