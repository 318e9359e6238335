//! Sockets, by descriptor: finds the socket, lists the thread where the call waits, and sends the signals. What the call
//! does to the socket is in `crate::network`.

use super::descriptor::{PARTS_MAX, check_flags, wait_for_file, waits};
use crate::network::{Connect, RecvProgress, SendProgress};
use crate::object::Object;
use crate::scheduler::Step;
use crate::syscall::{address_family, signal, udp, unix};
use crate::world::{HELD_FD, World};
use eagain_net::{
    Domain, Errno, Events, Fd, RecvFlags, Result, SendFlags, ShutdownHow, SigCode, SigInfo, Signal,
    SocketAddr, SocketFlags, SocketOption, SocketOptionName,
};

/// The open file and the socket behind a descriptor: `EBADF`, then `ENOTSOCK`.
#[inline(always)]
pub(crate) fn find(w: &World, fd: Fd) -> Result<(u32, u32)> {
    let file = w.file(fd)?;
    match w.files[file].object {
        Object::Socket(sock) => Ok((file, sock)),
        _ => Err(Errno::ENOTSOCK),
    }
}

/// A new open file for a socket.
fn open_file(w: &mut World, sock: u32, flags: SocketFlags) -> u32 {
    let file = w.files.insert(Object::Socket(sock), flags.contains(SocketFlags::NONBLOCK));
    w.network.set_file(sock, file);
    file
}

pub(crate) fn socket(w: &mut World, domain: Domain, flags: SocketFlags) -> Result<Fd> {
    check_flags(flags.without(SocketFlags::DGRAM))?;
    if domain == Domain::Unix {
        return unix::socket(w, flags);
    }
    if flags.contains(SocketFlags::DGRAM) {
        return udp::socket(w, domain, flags);
    }
    w.check_fd_free()?;
    let host = w.my_host();
    let sock = w.net().socket(host, domain);
    let file = open_file(w, sock, flags);
    Ok(w.install_fd(file))
}

pub(crate) fn bind(w: &mut World, fd: Fd, address: SocketAddr) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return address_family::bind(w, fd, address) };
    w.on_network(|net| net.bind(sock, address))
}

pub(crate) fn listen(w: &mut World, fd: Fd, backlog: i32) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return address_family::listen(w, fd, backlog) };
    let process = w.my_process();
    w.on_network(|net| net.listen(process, fd, sock, backlog))
}

pub(crate) fn accept(
    w: &mut World,
    fd: Fd,
    flags: SocketFlags,
    deadline: &mut Option<u64>,
) -> Step<(Fd, SocketAddr)> {
    // The descriptor is reserved before the queue is looked at, so EMFILE leaves the connection where it is.
    let mut attempt = || -> Result<(u32, u32)> {
        w.file(fd)?;
        check_flags(flags)?;
        if fd != HELD_FD {
            w.check_fd_free()?;
        }
        find(w, fd).or_else(|errno| address_family::accept(w, fd, flags).and(Err(errno)))
    };
    let (file, sock) = match attempt() {
        Ok(found) => found,
        Err(Errno::EAFNOSUPPORT) => return accept_without_address(w, fd, flags, deadline),
        Err(errno) => return Step::Done(Err(errno)),
    };
    match w.on_network(|net| net.accept(sock)) {
        Ok((child, peer)) => {
            let file = open_file(w, child, flags);
            let new = if fd == HELD_FD { w.install_reserved_fd(file) } else { w.install_fd(file) };
            Step::Done(Ok((new, peer)))
        }
        Err(Errno::EAGAIN) if waits(w, fd, file) && deadline.is_none_or(|at| w.run.now() < at) => {
            if fd != HELD_FD {
                w.reserve_fd();
                *deadline =
                    w.network.timeout(sock, Events::IN).map(|after| w.run.now().saturating_add(after));
            }
            wait_for_file(w, file, Events::IN, true, *deadline);
            Step::Wait
        }
        Err(errno) => Step::Done(Err(errno)),
    }
}

/// The address of what a Unix socket accepts is none of IP: the connection is closed again, as the trait does it over Linux.
#[cold]
fn accept_without_address(
    w: &mut World,
    fd: Fd,
    flags: SocketFlags,
    deadline: &mut Option<u64>,
) -> Step<(Fd, SocketAddr)> {
    match unix::accept(w, fd, flags, deadline) {
        Step::Done(Ok((new, _))) => {
            Step::Done(super::descriptor::close(w, new).and(Err(Errno::EAFNOSUPPORT)))
        }
        Step::Done(Err(errno)) => Step::Done(Err(errno)),
        Step::Wait => Step::Wait,
    }
}

/// A connect that waits: what it returns when its time is over, and when that is.
#[derive(Default)]
pub(crate) struct Connecting {
    pending: Option<Errno>,
    deadline: Option<u64>,
}

pub(crate) fn connect(w: &mut World, fd: Fd, address: SocketAddr, begun: &mut Connecting) -> Step<()> {
    let Ok((file, sock)) = find(w, fd) else { return Step::Done(address_family::connect(w, fd, address)) };
    let process = w.my_process();
    let result = match begun.pending {
        None => w.on_network(|net| net.connect(process, sock, address)),
        Some(pending) => Ok(w.on_network(|net| net.connect_stands(sock, pending))),
    };
    match result {
        Ok(Connect::Done) => Step::Done(Ok(())),
        Ok(Connect::Pending(errno))
            if waits(w, fd, file) && begun.deadline.is_none_or(|at| w.run.now() < at) =>
        {
            if begun.pending.is_none() {
                begun.pending = Some(errno);
                let after = w.network.timeout(sock, Events::OUT);
                begun.deadline = after.map(|after| w.run.now().saturating_add(after));
            }
            wait_for_file(w, file, Events::OUT, false, begun.deadline);
            Step::Wait
        }
        Ok(Connect::Pending(errno)) | Err(errno) => Step::Done(Err(errno)),
        Ok(Connect::Failed(errno)) => {
            end_connection(w, sock);
            Step::Done(Err(errno))
        }
    }
}

/// `connect(2)` with `AF_UNSPEC`.
pub(crate) fn disconnect(w: &mut World, fd: Fd) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return address_family::disconnect(w, fd) };
    end_connection(w, sock);
    Ok(())
}

/// `tcp_disconnect`. What it causes in no time has happened before the socket is as good as new.
fn end_connection(w: &mut World, sock: u32) {
    w.on_network(|net| net.disconnect(sock));
    if w.knobs.loopback_latency_ns == 0 {
        w.catch_up_events(w.run.now());
    }
    w.on_network(|net| net.forget_connection(sock));
}

#[inline(always)]
pub(crate) fn recv(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<usize> {
    if flags.without(RecvFlags::DONTWAIT) == RecvFlags::NONE
        && let Ok((_, sock)) = find(w, fd)
    {
        // Without a closure, which is inlined in one of its places and not in the other.
        let received = w.net().recv_at_once(sock, buffer, progress);
        w.deliver_notices();
        if let Some(n) = received {
            return Step::Done(Ok(n));
        }
    }
    recv_or_wait(w, fd, buffer, flags, progress)
}

#[inline(never)]
fn recv_or_wait(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<usize> {
    let Ok((file, sock)) = find(w, fd) else { return address_family::recv(w, fd, buffer, flags, progress) };
    let waits = waits(w, fd, file) || progress.goes_on;
    let nonblocking = !waits || flags.contains(RecvFlags::DONTWAIT);
    let step = w.on_network(|net| net.recv(sock, buffer, flags, nonblocking, progress));
    if matches!(step, Step::Wait) && !progress.goes_on {
        wait_for_file(w, file, progress.wakes(), false, progress.deadline);
    }
    step
}

#[inline(always)]
pub(crate) fn send(
    w: &mut World,
    fd: Fd,
    buffers: &[&[u8]],
    flags: SendFlags,
    progress: &mut SendProgress,
) -> Step<usize> {
    if let ([bytes], 0, false) = (buffers, progress.sent, flags.contains(SendFlags::OOB))
        && let Ok((_, sock)) = find(w, fd)
    {
        let sent = w.net().send_at_once(sock, bytes);
        w.deliver_notices();
        if sent {
            return Step::Done(Ok(bytes.len()));
        }
    }
    send_or_wait(w, fd, buffers, flags, progress)
}

#[inline(never)]
fn send_or_wait(
    w: &mut World,
    fd: Fd,
    buffers: &[&[u8]],
    flags: SendFlags,
    progress: &mut SendProgress,
) -> Step<usize> {
    let Ok((file, sock)) = find(w, fd) else { return address_family::send(w, fd, buffers, flags, progress) };
    let nonblocking = !waits(w, fd, file) || flags.contains(SendFlags::DONTWAIT);
    let urgent = flags.contains(SendFlags::OOB);
    let step = w.on_network(|net| net.send(sock, buffers, nonblocking, urgent, progress));
    match step {
        Step::Wait => wait_for_file(w, file, Events::OUT, false, progress.deadline),
        Step::Done(Err(Errno::EPIPE)) if !flags.contains(SendFlags::NOSIGNAL) => {
            let thread = w.scheduler.current();
            let _ = signal::send_to_thread(w, thread, SigInfo::plain(Signal::SIGPIPE, SigCode::User));
        }
        Step::Done(_) => {}
    }
    step
}

/// Whether the urgent byte is the next of the stream.
pub(crate) fn is_at_mark(w: &World, fd: Fd) -> bool {
    find(w, fd).ok().and_then(|(_, sock)| w.network.readable(sock)).is_some_and(|(_, at_mark)| at_mark)
}

/// `sendmsg(2)`; the number of parts is looked at after the descriptor.
pub(crate) fn sendmsg(
    w: &mut World,
    fd: Fd,
    parts: &[&[u8]],
    flags: SendFlags,
    progress: &mut SendProgress,
) -> Step<usize> {
    if parts.len() > PARTS_MAX {
        return Step::Done(getsockopt(w, fd, SocketOptionName::ReuseAddr).and(Err(Errno::EMSGSIZE)));
    }
    send(w, fd, parts, flags, progress)
}

/// `inet_shutdown`.
pub(crate) fn shutdown(w: &mut World, fd: Fd, how: ShutdownHow) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return address_family::shutdown(w, fd, how) };
    let result = w.on_network(|net| net.shutdown(sock, how));
    if result == Ok(true) {
        end_connection(w, sock);
        w.on_network(|net| net.set_unconnected(sock));
    }
    // On loopback the peer has it before the caller's own sleepers are notified.
    if w.on_network(|net| net.shutdown_reaches_peer(sock, how)) {
        w.catch_up_events(w.run.now());
    }
    w.on_network(|net| net.shutdown_done(sock));
    result.map(|_| ())
}

pub(crate) fn getsockname(w: &mut World, fd: Fd) -> Result<SocketAddr> {
    let Ok((_, sock)) = find(w, fd) else { return address_family::getsockname(w, fd) };
    Ok(w.network.getsockname(sock))
}

pub(crate) fn getpeername(w: &mut World, fd: Fd) -> Result<SocketAddr> {
    let Ok((_, sock)) = find(w, fd) else { return address_family::getpeername(w, fd) };
    w.network.getpeername(sock)
}

pub(crate) fn setsockopt(w: &mut World, fd: Fd, option: SocketOption) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return address_family::setsockopt(w, fd, option) };
    w.on_network(|net| net.setsockopt(sock, option))
}

pub(crate) fn getsockopt(w: &mut World, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
    let Ok((_, sock)) = find(w, fd) else { return address_family::getsockopt(w, fd, option) };
    w.net().getsockopt(sock, option)
}
