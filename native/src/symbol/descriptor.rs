//! Descriptors: `read(2)`, `write(2)`, `close(2)`, `dup(2)`, `fcntl(2)`, `ioctl(2)`, `pipe(2)`. 0, 1 and 2 are the console.

use super::{KERNEL, buffer, bytes, is_console, message, symbols};
use crate::escape::escape;
use eagain_net::{Descriptors, Errno, Fd, Files, Pipes, Result, SocketFlags, StatusFlags};
use libc::{iovec, size_t, ssize_t};
use std::ffi::{c_int, c_long, c_ulong, c_void};
use std::io::{IoSlice, IoSliceMut};

symbols! {
    fn read(fd: c_int, to: *mut c_void, length: size_t) -> ssize_t = SYS_read(fd, to, length), |_| {
        if is_console(fd) { Ok(0) } else { KERNEL.read(Fd(fd), buffer(to, length)) }
    };

    fn write(fd: c_int, from: *const c_void, length: size_t) -> ssize_t = SYS_write(fd, from, length), |context| {
        if is_console(fd) {
            context.print(bytes(from, length));
            return Ok(length);
        }
        KERNEL.write(Fd(fd), bytes(from, length))
    };

    fn readv(fd: c_int, list: *const iovec, count: c_int) -> ssize_t = SYS_readv(fd, list, count), |_| {
        if is_console(fd) {
            return Ok(0);
        }
        let mut parts: Vec<IoSliceMut<'_>> =
            parts(list, count as usize).map(|part| IoSliceMut::new(buffer(part.iov_base, part.iov_len))).collect();
        KERNEL.readv(Fd(fd), &mut parts)
    };

    fn writev(fd: c_int, list: *const iovec, count: c_int) -> ssize_t = SYS_writev(fd, list, count), |context| {
        let parts: Vec<IoSlice<'_>> =
            parts(list, count as usize).map(|part| IoSlice::new(bytes(part.iov_base, part.iov_len))).collect();
        if is_console(fd) {
            parts.iter().for_each(|part| context.print(part));
            return Ok(parts.iter().map(|part| part.len()).sum());
        }
        KERNEL.writev(Fd(fd), &parts)
    };

    fn close(fd: c_int) -> c_int = SYS_close(fd), |_| if is_console(fd) { Ok(()) } else { KERNEL.close(Fd(fd)) };

    fn dup(fd: c_int) -> c_int = SYS_dup(fd), |_| KERNEL.dup(Fd(fd));

    fn dup2(fd: c_int, to: c_int) -> c_int = SYS_dup2(fd, to), |_| {
        if fd == to {
            return KERNEL.fcntl_getfl(Fd(fd)).map(|_| Fd(to));
        }
        duplicate("dup2", fd, to)
    };

    fn dup3(fd: c_int, to: c_int, flags: c_int) -> c_int = SYS_dup3(fd, to, flags), |_| {
        if flags & !libc::O_CLOEXEC != 0 { Err(Errno::EINVAL) } else { duplicate("dup3", fd, to) }
    };

    fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int = SYS_fcntl(fd, command, argument), |_| {
        if is_console(fd) {
            return Ok(if command == libc::F_GETFL { libc::O_RDWR } else { 0 });
        }
        match command {
            // Below 3 is the console: `dup` gives none of these numbers either.
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC if (0..=3).contains(&argument) => KERNEL.dup(Fd(fd)).map(|fd| fd.0),
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => KERNEL.fcntl_dupfd(Fd(fd), argument as c_int).map(|fd| fd.0),
            // Nothing is executed here: the flag has no effect. That the descriptor is open is asked.
            libc::F_GETFD => KERNEL.fcntl_getfl(Fd(fd)).map(|_| libc::FD_CLOEXEC),
            libc::F_SETFD => KERNEL.fcntl_getfl(Fd(fd)).map(|_| 0),
            libc::F_GETFL => {
                KERNEL.fcntl_getfl(Fd(fd)).map(|flags| flags.0 | eagain_sim::native::access_mode(Fd(fd)))
            }
            libc::F_SETFL => {
                let flags = StatusFlags(argument as i32 & (libc::O_NONBLOCK | libc::O_ASYNC));
                KERNEL.fcntl_setfl(Fd(fd), flags).map(|()| 0)
            }
            _ => {
                escape("fcntl", &format!(" with the command {command}"));
                Err(Errno::EINVAL)
            }
        }
    };

    fn ioctl(fd: c_int, request: c_ulong, argument: c_long) -> c_int = SYS_ioctl(fd, request, argument), |_| {
        match request {
            libc::FIONBIO => {
                let on = *(argument as *const c_int) != 0;
                let flags = KERNEL.fcntl_getfl(Fd(fd))?;
                let flags = if on { flags | StatusFlags::NONBLOCK } else { flags.without(StatusFlags::NONBLOCK) };
                KERNEL.fcntl_setfl(Fd(fd), flags)
            }
            libc::FIONREAD => {
                KERNEL.fcntl_getfl(Fd(fd))?;
                *(argument as *mut c_int) = eagain_sim::native::readable(Fd(fd)).ok_or(Errno::ENOTTY)? as c_int;
                Ok(())
            }
            // As `F_SETFD`.
            libc::FIOCLEX | libc::FIONCLEX => KERNEL.fcntl_getfl(Fd(fd)).map(drop),
            // isatty(3).
            libc::TCGETS => Err(Errno::ENOTTY),
            _ => {
                escape("ioctl", &format!(" with the request {request:#x}"));
                Err(Errno::ENOTTY)
            }
        }
    };

    fn pipe2(pair: *mut c_int, flags: c_int) -> c_int = SYS_pipe2(pair, flags), |_| {
        let known = libc::O_CLOEXEC | libc::O_NONBLOCK;
        if flags & !known != 0 {
            escape("pipe2", &format!(" with the flags {:#x}", flags & !known));
            return Err(Errno::EINVAL);
        }
        let (read, write) = KERNEL.pipe2(SocketFlags(flags))?;
        *pair = read.0;
        *pair.add(1) = write.0;
        Ok(())
    };
}

/// `UIO_MAXIOV`: a list of more parts is refused by the kernel, and not read.
pub const PARTS_MAX: usize = 1024;

/// The parts of a list; of one that is too long, or of a negative length, as many empty ones as are refused.
pub unsafe fn parts(list: *const iovec, count: usize) -> impl Iterator<Item = iovec> {
    let too_many = count > PARTS_MAX;
    let empty = iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
    (0..count.min(PARTS_MAX + 1)).map(move |at| if too_many { empty } else { *list.add(at) })
}

/// The numbers of the console are nobody else's.
fn duplicate(call: &'static str, fd: c_int, to: c_int) -> Result<Fd> {
    if is_console(fd) || is_console(to) {
        escape(call, " of the console");
        return Err(Errno::EBADF);
    }
    KERNEL.dup3(Fd(fd), Fd(to))
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
    call: c_long,
    [fd, list, count, offset, _, flags]: [c_long; 6],
) -> Option<Result<i64>> {
    let fd = Fd(fd as c_int);
    let offset = u64::try_from(offset).map_err(|_| Errno::EINVAL);
    let is_first = matches!(call, libc::SYS_preadv | libc::SYS_pwritev);
    if !is_first && (flags != 0 || !matches!(call, libc::SYS_preadv2 | libc::SYS_pwritev2)) {
        return None;
    }
    if !(0..=PARTS_MAX as c_long).contains(&count) {
        return Some(Err(Errno::EINVAL));
    }
    let parts = || parts(list as *const iovec, count as usize);
    let length = parts().fold(0usize, |sum, part| sum.saturating_add(part.iov_len)).min(message::AT_ONCE_MAX);
    let moved = match call {
        libc::SYS_preadv | libc::SYS_preadv2 => offset.and_then(|offset| {
            let mut whole = vec![0; length];
            let read = KERNEL.pread(fd, &mut whole, offset)?;
            let mut rest = &whole[..read];
            for part in parts() {
                let (head, tail) = rest.split_at(rest.len().min(part.iov_len));
                buffer(part.iov_base, head.len()).copy_from_slice(head);
                rest = tail;
            }
            Ok(read)
        }),
        _ => offset.and_then(|offset| {
            let mut whole = Vec::with_capacity(length);
            parts().for_each(|part| whole.extend_from_slice(bytes(part.iov_base, part.iov_len)));
            KERNEL.pwrite(fd, &whole, offset)
        }),
    };
    Some(moved.map(|moved| moved as i64))
}
