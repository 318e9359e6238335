//! Descriptors: `read(2)`, `write(2)`, `close(2)`, `dup(2)`, `fcntl(2)`, `ioctl(2)`, `pipe(2)`. What goes to a console is printed, which
//! takes no time and is no event.

use super::{KERNEL, buffer, bytes, is_console, record, symbols, there};
use crate::context::Context;
use crate::escape::escape;
use eagain_net::{Descriptors, Errno, Fd, Files, Owner, Pipes, Result, Signals, SocketFlags, StatusFlags};
use libc::{iovec, size_t, ssize_t};
use std::ffi::{c_int, c_long, c_ulong, c_void};
use std::io::{IoSlice, IoSliceMut};

symbols! {
    fn read(fd: c_int, to: *mut c_void, length: size_t) -> ssize_t = SYS_read(fd, to, length), |_| {
        KERNEL.read(Fd(fd), buffer(to, length))
    };

    fn write(fd: c_int, from: *const c_void, length: size_t) -> ssize_t = SYS_write(fd, from, length), |context| {
        if is_console(fd) {
            context.print(bytes(from, length));
            return Ok(length);
        }
        KERNEL.write(Fd(fd), bytes(from, length))
    };

    fn readv(fd: c_int, list: *const iovec, count: c_int) -> ssize_t = SYS_readv(fd, list, count), |_| {
        read_parts(fd, parts(fd, list, count as usize, Errno::EINVAL)?)
    };

    fn writev(fd: c_int, list: *const iovec, count: c_int) -> ssize_t = SYS_writev(fd, list, count), |context| {
        write_parts(context, fd, parts(fd, list, count as usize, Errno::EINVAL)?)
    };

    fn close(fd: c_int) -> c_int = SYS_close(fd), |_| KERNEL.close(Fd(fd));

    fn dup(fd: c_int) -> c_int = SYS_dup(fd), |context| KERNEL.dup(Fd(fd)).map(|fd| made(context, fd, false));

    fn dup2(fd: c_int, to: c_int) -> c_int = SYS_dup2(fd, to), |context| {
        if fd == to {
            return KERNEL.fcntl_getfl(Fd(fd)).map(|_| Fd(to));
        }
        KERNEL.dup3(Fd(fd), Fd(to)).map(|fd| made(context, fd, false))
    };

    fn dup3(fd: c_int, to: c_int, flags: c_int) -> c_int = SYS_dup3(fd, to, flags), |context| {
        if flags & !libc::O_CLOEXEC != 0 {
            return Err(Errno::EINVAL);
        }
        KERNEL.dup3(Fd(fd), Fd(to)).map(|fd| made(context, fd, flags != 0))
    };

    fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int = SYS_fcntl(fd, command, argument), |context| {
        match command {
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => {
                KERNEL.fcntl_dupfd(Fd(fd), argument as c_int).map(|fd| made(context, fd, command == libc::F_DUPFD_CLOEXEC).0)
            }
            // Nothing is executed here: the flag has no effect.
            libc::F_GETPIPE_SZ => KERNEL.fcntl_getpipe_sz(Fd(fd)).map(|size| size as c_int),
            libc::F_SETPIPE_SZ => KERNEL.fcntl_setpipe_sz(Fd(fd), argument as u32).map(|size| size as c_int),
            libc::F_GETFD => {
                KERNEL.fcntl_getfl(Fd(fd))?;
                let set = context.state.close_on_exec.borrow();
                Ok(if set.contains(&(context.process, fd)) { libc::FD_CLOEXEC } else { 0 })
            }
            libc::F_SETFD => {
                KERNEL.fcntl_getfl(Fd(fd))?;
                made(context, Fd(fd), argument as c_int & libc::FD_CLOEXEC != 0);
                Ok(0)
            }
            libc::F_GETFL => {
                KERNEL.fcntl_getfl(Fd(fd)).map(|flags| flags.0 | eagain_sim::native::access_mode(Fd(fd)))
            }
            libc::F_SETFL => {
                let flags = StatusFlags(argument as i32 & (libc::O_NONBLOCK | libc::O_ASYNC));
                KERNEL.fcntl_setfl(Fd(fd), flags).map(|()| 0)
            }
            libc::F_SETOWN if argument == 0 => KERNEL.fcntl_setown(Fd(fd), Owner::None).map(|()| 0),
            libc::F_SETOWN if argument == c_long::from(context.pid) => {
                KERNEL.fcntl_setown(Fd(fd), Owner::ThisProcess).map(|()| 0)
            }
            _ => record::by_command(fd, command, argument as *mut libc::flock).unwrap_or_else(|| {
                escape("fcntl", &format!(" with the command {command}"));
                Err(Errno::EINVAL)
            }),
        }
    };

    fn ioctl(fd: c_int, request: c_ulong, argument: c_long) -> c_int = SYS_ioctl(fd, request, argument), |context| {
        match request {
            libc::FIONBIO => {
                let on = *there(argument as *mut c_int)? != 0;
                let flags = KERNEL.fcntl_getfl(Fd(fd))?;
                let flags = if on { flags | StatusFlags::NONBLOCK } else { flags.without(StatusFlags::NONBLOCK) };
                KERNEL.fcntl_setfl(Fd(fd), flags)
            }
            libc::FIOASYNC => {
                let on = *there(argument as *mut c_int)? != 0;
                let flags = KERNEL.fcntl_getfl(Fd(fd))?;
                let flags = if on { flags | StatusFlags::ASYNC } else { flags.without(StatusFlags::ASYNC) };
                KERNEL.fcntl_setfl(Fd(fd), flags)
            }
            libc::FIONREAD => {
                KERNEL.fcntl_getfl(Fd(fd))?;
                let bytes = eagain_sim::native::readable(Fd(fd)).ok_or(Errno::ENOTTY)?;
                *there(argument as *mut c_int)? = bytes as c_int;
                Ok(())
            }
            libc::FIOCLEX | libc::FIONCLEX => {
                KERNEL.fcntl_getfl(Fd(fd))?;
                made(context, Fd(fd), request == libc::FIOCLEX);
                Ok(())
            }
            // isatty(3), and what else is asked of terminals: there are none.
            TERMINAL_FIRST..=TERMINAL_LAST if eagain_sim::native::socket_kind(Fd(fd)).is_none() => {
                KERNEL.fcntl_getfl(Fd(fd))?;
                Err(Errno::ENOTTY)
            }
            _ => {
                escape("ioctl", &format!(" with the request {request:#x}"));
                Err(Errno::ENOTTY)
            }
        }
    };

    fn pipe2(pair: *mut c_int, flags: c_int) -> c_int = SYS_pipe2(pair, flags), |context| {
        let known = libc::O_CLOEXEC | libc::O_NONBLOCK;
        // Packets, and notifications of watched keys.
        let others = libc::O_DIRECT | libc::O_EXCL;
        if flags & !(known | others) != 0 {
            return Err(Errno::EINVAL);
        }
        if flags & others != 0 {
            escape("pipe2", &format!(" with the flags {:#x}", flags & !known));
            return Err(Errno::EINVAL);
        }
        there(pair)?;
        let (read, write) = KERNEL.pipe2(SocketFlags(flags))?;
        let closes = flags & libc::O_CLOEXEC != 0;
        *pair = made(context, read, closes).0;
        *pair.add(1) = made(context, write, closes).0;
        Ok(())
    };
}

/// Requests to terminals (ioctl_tty(2)). To a socket a few of them mean something else.
const TERMINAL_FIRST: c_ulong = 0x5401;
const TERMINAL_LAST: c_ulong = 0x54ff;

/// The descriptor that the running process has now, which `execve(2)` would close or not: what `F_GETFD` says of it.
pub fn made(context: &Context, fd: Fd, closes: bool) -> Fd {
    let mut set = context.state.close_on_exec.borrow_mut();
    let entry = (context.process, fd.0);
    if closes {
        set.insert(entry);
    } else if !set.is_empty() {
        set.remove(&entry);
    }
    fd
}

/// `UIO_MAXIOV`: a list of more parts is refused.
const PARTS_MAX: usize = 1024;
/// No call moves more bytes (`MAX_RW_COUNT`, read(2)).
const AT_ONCE_MAX: usize = 0x7fff_f000;
/// Behind the last address that a program has.
const ADDRESS_END: usize = 1 << 47;

/// The parts of a list for a call on `fd`, each of a length and in a place that Linux takes (`import_iovec`); `too_many`: what the call
/// returns where there are more than it takes. That the descriptor is open is asked first.
pub unsafe fn parts<'a>(fd: c_int, list: *const iovec, count: usize, too_many: Errno) -> Result<&'a [iovec]> {
    let checked = || {
        if count > PARTS_MAX {
            return Err(too_many);
        }
        if list.is_null() && count > 0 {
            return Err(Errno::EFAULT);
        }
        let parts = if count == 0 { &[] } else { std::slice::from_raw_parts(list, count) };
        if parts.iter().any(|part| part.iov_len > isize::MAX as usize) {
            return Err(Errno::EINVAL);
        }
        let end = |part: &iovec| (part.iov_base as usize).saturating_add(part.iov_len);
        if parts.iter().any(|part| end(part) > ADDRESS_END) { Err(Errno::EFAULT) } else { Ok(parts) }
    };
    checked().or_else(|errno| KERNEL.fcntl_getfl(Fd(fd)).and(Err(errno)))
}

/// How many bytes the parts have room for, or as many as one call moves.
pub fn room(parts: &[iovec]) -> usize {
    parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.iov_len)).min(AT_ONCE_MAX)
}

/// The bytes go into the parts, one after the other.
pub unsafe fn scatter(mut bytes: &[u8], parts: &[iovec]) {
    for part in parts {
        let (head, rest) = bytes.split_at(bytes.len().min(part.iov_len));
        buffer(part.iov_base, head.len()).copy_from_slice(head);
        bytes = rest;
    }
}

/// The bytes of the parts, as one call takes them.
pub unsafe fn slices<'a>(parts: &[iovec]) -> Vec<IoSlice<'a>> {
    parts.iter().map(|part| IoSlice::new(bytes(part.iov_base, part.iov_len))).collect()
}

/// The same as one piece.
pub unsafe fn gather(parts: &[iovec]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(room(parts));
    parts.iter().for_each(|part| whole.extend_from_slice(bytes(part.iov_base, part.iov_len)));
    whole.truncate(AT_ONCE_MAX);
    whole
}

unsafe fn read_parts(fd: c_int, parts: &[iovec]) -> Result<usize> {
    let slice = |part: &iovec| IoSliceMut::new(buffer(part.iov_base, part.iov_len));
    let mut slices: Vec<IoSliceMut<'_>> = parts.iter().map(slice).collect();
    KERNEL.readv(Fd(fd), &mut slices)
}

unsafe fn write_parts(context: &Context, fd: c_int, parts: &[iovec]) -> Result<usize> {
    let slices = slices(parts);
    if is_console(fd) {
        slices.iter().for_each(|part| context.print(part));
        return Ok(slices.iter().map(|part| part.len()).sum());
    }
    KERNEL.writev(Fd(fd), &slices)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl64(fd: c_int, command: c_int, argument: c_long) -> c_int {
    fcntl(fd, command, argument)
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn pipe(pair: *mut c_int) -> c_int {
    pipe2(pair, 0)
}

/// `preadv(2)` and `pwritev(2)`, and their second forms without flags; `None`: it is none of them. As the harness.
pub unsafe fn by_number(
    context: &Context,
    call: c_long,
    [fd, list, count, offset, _, flags]: [c_long; 6],
) -> Option<Result<i64>> {
    let (reads, is_second) = match call {
        libc::SYS_preadv => (true, false),
        libc::SYS_pwritev => (false, false),
        libc::SYS_preadv2 if flags == 0 => (true, true),
        libc::SYS_pwritev2 if flags == 0 => (false, true),
        _ => return None,
    };
    let move_all = || {
        let fd = fd as c_int;
        let offset = match u64::try_from(offset) {
            Ok(offset) => Some(offset),
            // Where the open file is.
            Err(_) if is_second && offset == -1 => None,
            Err(_) => return Err(Errno::EINVAL),
        };
        let parts = parts(fd, list as *const iovec, count as usize, Errno::EINVAL)?;
        match (offset, reads) {
            (None, true) => read_parts(fd, parts),
            (None, false) => write_parts(context, fd, parts),
            (Some(offset), true) => {
                let mut whole = vec![0; room(parts)];
                let read = KERNEL.pread(Fd(fd), &mut whole, offset)?;
                scatter(&whole[..read], parts);
                Ok(read)
            }
            (Some(offset), false) => KERNEL.pwrite(Fd(fd), &gather(parts), offset),
        }
    };
    Some(move_all().map(|moved| moved as i64))
}
