//! close, dup, read, write, status flags: for whatever a descriptor refers to.

use super::device;
use super::epoll;
use super::file;
use super::lock;
use super::pipe;
use super::ring;
use super::signal;
use super::socket;
use super::unix;
use crate::network::{RecvProgress, SendProgress};
use crate::object::{Object, OpenFile, Watcher};
use crate::scheduler::Step;
use crate::scheduler::WaitOn;
use crate::world::{HELD_FD, World};
use eagain_net::{Errno, Events, Fd, RecvFlags, Result, SendFlags, SigInfo, SocketFlags, StatusFlags};
use std::io::IoSlice;

/// A new open file, as a descriptor of the running process.
pub(crate) fn open_file(w: &mut World, object: Object, nonblocking: bool) -> Fd {
    let file = w.files.insert(object, nonblocking);
    w.install_fd(file)
}

pub(crate) fn close(w: &mut World, fd: Fd) -> Result<()> {
    let process = w.my_process();
    let file = w.remove_fd(process, fd)?;
    lock::process_closes(w, process, file);
    release_file(w, file);
    Ok(())
}

/// One reference less; with the last one the object goes, and with it its registrations in epoll sets.
#[inline(always)]
pub(crate) fn release_file(w: &mut World, file: u32) {
    if let Some(open) = w.files.release(file) {
        released(w, file, open);
    }
}

/// Nobody has the file any more.
#[cold]
fn released(w: &mut World, file: u32, open: OpenFile) {
    for &watcher in open.watchers() {
        if let Watcher::Epoll { set, item } = watcher {
            epoll::forget(w, set, item);
        }
    }
    match open.object {
        Object::Socket(sock) => w.on_network(|net| net.close_sock(sock)),
        Object::Udp(sock) => w.on_network(|net| net.udp_close(sock)),
        Object::Pipe { pipe, .. } => pipe::close(w, pipe, file),
        Object::Unix(sock) => unix::close(w, sock),
        Object::Epoll(set) => {
            for (item, entry) in set.items() {
                w.files.unwatch(entry.file, |watcher| watcher.is_item(file, item));
            }
        }
        Object::Ring(ring) => ring::close(w, file, *ring),
        Object::File(open) => w.hosts[open.host].disk.close(&open),
        Object::Event(_) | Object::Timer(_) | Object::Signals(..) | Object::Device(_) | Object::Gone => {}
    }
    lock::closed(w, file);
}

pub(crate) fn dup(w: &mut World, fd: Fd) -> Result<Fd> {
    let file = w.file(fd)?;
    w.check_fd_free()?;
    w.files.hold(file);
    Ok(w.install_fd(file))
}

/// `fcntl(2)`, `F_DUPFD`: a number of at least `least`.
pub(crate) fn dup_from(w: &mut World, fd: Fd, least: i32) -> Result<Fd> {
    let file = w.file(fd)?;
    let limit = w.me().fds.limit();
    let least = usize::try_from(least).ok().filter(|least| *least < limit).ok_or(Errno::EINVAL)?;
    w.check_fd_free()?;
    let to = w.me().fds.free_from(least).ok_or(Errno::EMFILE)?;
    w.files.hold(file);
    w.me().fds.install_at(to, file);
    Ok(to)
}

/// `dup3(2)`: what `to` referred to is closed.
pub(crate) fn dup3(w: &mut World, fd: Fd, to: Fd) -> Result<Fd> {
    if fd == to {
        return Err(Errno::EINVAL);
    }
    let limit = w.me().fds.limit();
    let in_range = usize::try_from(to.0).is_ok_and(|at| at < limit);
    let file = w.file(fd)?;
    if !in_range {
        return Err(Errno::EBADF);
    }
    if w.me().fds.is_reserved(to) {
        return Err(Errno::EBUSY);
    }
    w.files.hold(file);
    let old = w.me().fds.install_at(to, file);
    if let Some(old) = old {
        let process = w.my_process();
        lock::process_closes(w, process, old);
        release_file(w, old);
    }
    Ok(to)
}

pub(crate) fn getfl(w: &mut World, fd: Fd) -> Result<StatusFlags> {
    let file = w.file(fd)?;
    Ok(w.files[file].status())
}

pub(crate) fn setfl(w: &mut World, fd: Fd, flags: StatusFlags) -> Result<()> {
    let file = w.file(fd)?;
    let by = (w.my_process(), w.scheduler.current());
    w.files[file].set_status(flags, by, fd.0);
    Ok(())
}

/// Whether a call on `fd` waits: as it was when the call was made.
#[inline(always)]
pub(super) fn waits(w: &World, fd: Fd, file: u32) -> bool {
    fd == HELD_FD || !w.files[file].nonblocking()
}

pub(crate) fn read(w: &mut World, fd: Fd, buffer: &mut [u8], progress: &mut RecvProgress) -> Step<usize> {
    let file = match w.file(fd) {
        Ok(file) => file,
        Err(errno) => return Step::Done(Err(errno)),
    };
    match w.files[file].object {
        // `recv` of nothing may still say EAGAIN; `read` of nothing asks nobody (`sock_read_iter`).
        Object::Socket(_) | Object::Udp(_) | Object::Unix(_) if buffer.is_empty() => {
            return Step::Done(Ok(0));
        }
        Object::Socket(_) | Object::Udp(_) | Object::Unix(_) => {
            return socket::recv(w, fd, buffer, RecvFlags::NONE, progress);
        }
        Object::File(_) => return Step::Done(file::read(w, file, buffer)),
        Object::Device(open) => return Step::Done(device::read(w, open, buffer)),
        Object::Pipe { pipe, end, .. } if end.reads() => {
            return pipe::read(w, fd, file, pipe, buffer);
        }
        Object::Pipe { .. } => return Step::Done(Err(Errno::EBADF)),
        Object::Event(_) => {}
        Object::Timer(_) => {}
        Object::Signals(..) => {}
        _ => return Step::Done(Err(Errno::EINVAL)),
    }
    let result = read_record(w, file, buffer);
    match result {
        Err(Errno::EAGAIN) if waits(w, fd, file) => {
            wait_for_file(w, file, Events::IN, false, None);
            Step::Wait
        }
        result => Step::Done(result),
    }
}

/// Reads what an eventfd, a timerfd or a signalfd gives; `EAGAIN` where there is nothing.
fn read_record(w: &mut World, file: u32, buffer: &mut [u8]) -> Result<usize> {
    let (me, now) = (w.scheduler.current(), w.run.now());
    let open = &mut w.files[file];
    match &mut open.object {
        Object::Event(counter) => {
            if buffer.len() < 8 {
                return Err(Errno::EINVAL);
            }
            let (taken, writer) = counter.read(me).ok_or(Errno::EAGAIN)?;
            w.scheduler.exchanged(&w.run, writer);
            buffer[..8].copy_from_slice(&taken.to_ne_bytes());
            w.notify(file, Events::OUT, None);
            Ok(8)
        }
        Object::Timer(timer) => {
            if buffer.len() < 8 {
                return Err(Errno::EINVAL);
            }
            let (ticks, ahead) = (timer.read(), timer.setting().ahead);
            if ticks == 0 {
                return Err(Errno::EAGAIN);
            }
            buffer[..8].copy_from_slice(&ticks.to_ne_bytes());
            w.scheduler.running_mut().effort.slept(now, ahead);
            Ok(8)
        }
        Object::Signals(set, _) => {
            if buffer.len() < SigInfo::RECORD_LEN {
                return Err(Errno::EINVAL);
            }
            let set = *set;
            let mut n = 0;
            while buffer.len() - n >= SigInfo::RECORD_LEN
                && let Some(info) = signal::take_pending(w, set)
            {
                buffer[n..n + SigInfo::RECORD_LEN].copy_from_slice(&info.to_record());
                n += SigInfo::RECORD_LEN;
            }
            if n == 0 {
                return Err(Errno::EAGAIN);
            }
            w.scheduler.handed_over();
            Ok(n)
        }
        _ => Err(Errno::EINVAL),
    }
}

pub(crate) fn write(w: &mut World, fd: Fd, bytes: &[u8], progress: &mut SendProgress) -> Step<usize> {
    write_with(w, fd, bytes, SendFlags::NONE, progress)
}

/// The same; `flags`: how a socket is to send, and whether a broken pipe is signalled.
pub(super) fn write_with(
    w: &mut World,
    fd: Fd,
    bytes: &[u8],
    flags: SendFlags,
    progress: &mut SendProgress,
) -> Step<usize> {
    let file = match w.file(fd) {
        Ok(file) => file,
        Err(errno) => return Step::Done(Err(errno)),
    };
    let me = w.scheduler.current();
    match &mut w.files[file].object {
        Object::Socket(_) | Object::Udp(_) | Object::Unix(_) => {
            socket::send(w, fd, &[bytes], flags, progress)
        }
        Object::File(_) => Step::Done(file::write(w, file, bytes)),
        &mut Object::Device(open) => Step::Done(device::write(w, open, bytes)),
        &mut Object::Pipe { pipe, end, .. } if end.writes() => {
            pipe::write(w, fd, file, pipe, bytes, flags, progress)
        }
        Object::Pipe { .. } => Step::Done(Err(Errno::EBADF)),
        Object::Event(counter) => {
            let Ok(word) = bytes.try_into() else { return Step::Done(Err(Errno::EINVAL)) };
            let add = u64::from_ne_bytes(word);
            if add == u64::MAX {
                return Step::Done(Err(Errno::EINVAL));
            }
            if !counter.has_room(add) {
                if !waits(w, fd, file) {
                    return Step::Done(Err(Errno::EAGAIN));
                }
                wait_for_file(w, file, Events::OUT, false, None);
                return Step::Wait;
            }
            // What nobody has read yet wakes nobody.
            if let Some(reader) = counter.write(add, me) {
                w.scheduler.exchanged(&w.run, reader);
            }
            w.notify(file, Events::IN, None);
            Step::Done(Ok(8))
        }
        _ => Step::Done(Err(Errno::EINVAL)),
    }
}

/// `UIO_MAXIOV`.
pub(crate) const PARTS_MAX: usize = 1024;

/// `import_iovec`; that the file may be read, or written, is asked before.
fn check_parts(w: &mut World, file: u32, parts: usize, writes: bool) -> Result<()> {
    if parts <= PARTS_MAX {
        return Ok(());
    }
    match &w.files[file].object {
        Object::File(open) if !(if writes { open.access.writable } else { open.access.readable }) => {
            Err(Errno::EBADF)
        }
        _ => Err(Errno::EINVAL),
    }
}

/// `readv(2)`: nothing is asked of what can be read where there is no room.
pub(crate) fn read_parts(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    parts: usize,
    progress: &mut RecvProgress,
) -> Step<usize> {
    let file = match w.file(fd).and_then(|file| check_parts(w, file, parts, false).map(|()| file)) {
        Ok(file) => file,
        Err(errno) => return Step::Done(Err(errno)),
    };
    match w.files[file].object {
        Object::Event(_) | Object::Timer(_) | Object::Signals(..) if buffer.is_empty() => Step::Done(Ok(0)),
        Object::File(ref open) if buffer.is_empty() && open.access.readable => Step::Done(Ok(0)),
        _ => read(w, fd, buffer, progress),
    }
}

/// `writev(2)`: nothing is asked of what can be written where there is nothing to write. A counter has no call for
/// parts, and is written one after the other (`do_loop_readv_writev`).
pub(crate) fn write_parts(
    w: &mut World,
    fd: Fd,
    whole: &[u8],
    parts: &[IoSlice<'_>],
    progress: &mut SendProgress,
) -> Step<usize> {
    let file = match w.file(fd).and_then(|file| check_parts(w, file, parts.len(), true).map(|()| file)) {
        Ok(file) => file,
        Err(errno) => return Step::Done(Err(errno)),
    };
    match w.files[file].object {
        Object::Event(_) | Object::Socket(_) | Object::Udp(_) | Object::Unix(_) if whole.is_empty() => {
            Step::Done(Ok(0))
        }
        Object::Event(_) => {
            let mut written = 0;
            for part in parts {
                match write(w, fd, part, progress) {
                    Step::Done(Ok(n)) => written += n,
                    _ if written > 0 => break,
                    other => return other,
                }
            }
            Step::Done(Ok(written))
        }
        _ => write(w, fd, whole, progress),
    }
}

/// The running thread waits until `events` may be so of `file`.
#[inline(always)]
pub(crate) fn wait_for_file(
    w: &mut World,
    file: u32,
    events: Events,
    exclusive: bool,
    deadline: Option<u64>,
) {
    let thread = w.scheduler.current();
    w.files[file].watch(Watcher::Thread { thread, events, exclusive }, exclusive);
    w.wait(WaitOn::File(file), deadline);
}

/// What makes a descriptor takes these flags, and an eventfd one more.
pub(crate) fn check_flags(flags: SocketFlags) -> Result<()> {
    let known = SocketFlags::NONBLOCK.with(SocketFlags::CLOEXEC);
    if known.contains(flags) { Ok(()) } else { Err(Errno::EINVAL) }
}

/// The wait under way has found a descriptor ready, for a kept trace to show; `data` is that of its entry in an epoll set.
pub(crate) fn note_found(w: &mut World, fd: i32, events: u32, data: u64) {
    let me = w.scheduler.current();
    for bytes in [&data.to_le_bytes()[..], &events.to_le_bytes(), &fd.to_le_bytes()] {
        w.run.payload(me, bytes, false);
    }
}
