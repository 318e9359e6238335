//! Sockets, by descriptor: finds the socket, lists the thread where the call waits, and sends the signals. What the call
//! does to the socket is in `crate::network`.

use super::descriptor::{check_flags, wait_for_file};
use crate::network::{Connect, SendProgress};
use crate::object::Object;
use crate::scheduler::Step;
use crate::syscall::{descriptor, family, signal, udp, unix};
use crate::world::World;
use eagain_net::{
    Domain, Errno, Events, Fd, RecvFlags, Result, SendFlags, ShutdownHow, SigCode, SigInfo, Signal,
    SocketAddr, SocketFlags, SocketOption, SocketOptionName,
};

/// The open file and the socket behind a descriptor: `EBADF`, then `ENOTSOCK`.
#[inline]
pub(crate) fn find(w: &World, fd: Fd) -> Result<(u32, u32)> {
    let file = w.file(fd)?;
    match w.files[file].object {
        Object::Socket(sock) => Ok((file, sock)),
        _ => Err(Errno::ENOTSOCK),
    }
}

fn install(w: &mut World, sock: u32, flags: SocketFlags) -> Fd {
    let fd = descriptor::open_file(w, Object::Socket(sock), flags.contains(SocketFlags::NONBLOCK));
    if let Ok(file) = w.file(fd) {
        w.network.set_file(sock, file);
    }
    fd
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
    Ok(install(w, sock, flags))
}

pub(crate) fn bind(w: &mut World, fd: Fd, address: SocketAddr) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return family::bind(w, fd, address) };
    w.on_network(|net| net.bind(sock, address))
}

pub(crate) fn listen(w: &mut World, fd: Fd, backlog: i32) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return family::listen(w, fd, backlog) };
    let process = w.my_process();
    w.on_network(|net| net.listen(process, fd, sock, backlog))
}

pub(crate) fn accept(w: &mut World, fd: Fd, flags: SocketFlags) -> Step<(Fd, SocketAddr)> {
    // The descriptor is reserved before the queue is looked at, so EMFILE leaves the connection where it is.
    let mut attempt = || -> Result<(u32, u32)> {
        w.file(fd)?;
        check_flags(flags)?;
        w.check_fd_free()?;
        find(w, fd).or_else(|errno| family::accept(w, fd, flags).and(Err(errno)))
    };
    let (file, sock) = match attempt() {
        Ok(found) => found,
        Err(errno) => return Step::Done(Err(errno)),
    };
    match w.on_network(|net| net.accept(sock)) {
        Ok((child, peer)) => Step::Done(Ok((install(w, child, flags), peer))),
        Err(Errno::EAGAIN) if !w.files[file].nonblocking() => {
            wait_for_file(w, file, Events::IN, true, None);
            Step::Wait
        }
        Err(errno) => Step::Done(Err(errno)),
    }
}

pub(crate) fn connect(w: &mut World, fd: Fd, address: SocketAddr) -> Step<()> {
    let Ok((file, sock)) = find(w, fd) else { return Step::Done(family::connect(w, fd, address)) };
    let process = w.my_process();
    match w.on_network(|net| net.connect(process, sock, address)) {
        Ok(Connect::Done) => Step::Done(Ok(())),
        Ok(Connect::Pending(_)) if !w.files[file].nonblocking() => {
            wait_for_file(w, file, Events::OUT, false, None);
            Step::Wait
        }
        Ok(Connect::Pending(errno)) | Err(errno) => Step::Done(Err(errno)),
        Ok(Connect::Failed(errno)) => {
            disconnect(w, sock);
            Step::Done(Err(errno))
        }
    }
}

/// `tcp_disconnect`. What it causes in no time has happened before the socket is as good as new.
fn disconnect(w: &mut World, sock: u32) {
    w.on_network(|net| net.disconnect(sock));
    if w.knobs.loopback_latency_ns == 0 {
        w.catch_up_events(w.run.now());
    }
    w.on_network(|net| net.forget_connection(sock));
}

#[inline]
pub(crate) fn recv(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    flags: RecvFlags,
    deadline: &mut Option<u64>,
) -> Step<usize> {
    let Ok((file, sock)) = find(w, fd) else { return family::recv(w, fd, buffer, flags, deadline) };
    let nonblocking = w.files[file].nonblocking() || flags.contains(RecvFlags::DONTWAIT);
    let step = w.on_network(|net| net.recv(sock, buffer, flags, nonblocking, deadline));
    if let Step::Wait = step {
        wait_for_file(w, file, Events::IN, false, *deadline);
    }
    step
}

#[inline]
pub(crate) fn send(
    w: &mut World,
    fd: Fd,
    buffers: &[&[u8]],
    flags: SendFlags,
    progress: &mut SendProgress,
) -> Step<usize> {
    let Ok((file, sock)) = find(w, fd) else { return family::send(w, fd, buffers, flags, progress) };
    let nonblocking = w.files[file].nonblocking() || flags.contains(SendFlags::DONTWAIT);
    let urgent = flags.contains(SendFlags::OOB);
    let step = w.on_network(|net| net.send(sock, buffers, nonblocking, urgent, progress));
    match step {
        Step::Wait => {
            wait_for_file(w, file, Events::OUT, false, progress.deadline);
            w.scheduler.running_mut().no_restart |= progress.sent > 0;
        }
        Step::Done(Err(Errno::EPIPE)) if !flags.contains(SendFlags::NOSIGNAL) => {
            let thread = w.scheduler.current();
            signal::send_to_thread(w, thread, SigInfo::plain(Signal::SIGPIPE, SigCode::User));
        }
        Step::Done(_) => {}
    }
    step
}

/// `inet_shutdown`.
pub(crate) fn shutdown(w: &mut World, fd: Fd, how: ShutdownHow) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return family::shutdown(w, fd, how) };
    let result = w.on_network(|net| net.shutdown(sock, how));
    if result == Ok(true) {
        disconnect(w, sock);
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
    let Ok((_, sock)) = find(w, fd) else { return family::getsockname(w, fd) };
    Ok(w.network.getsockname(sock))
}

pub(crate) fn getpeername(w: &mut World, fd: Fd) -> Result<SocketAddr> {
    let Ok((_, sock)) = find(w, fd) else { return family::getpeername(w, fd) };
    w.network.getpeername(sock)
}

pub(crate) fn setsockopt(w: &mut World, fd: Fd, option: SocketOption) -> Result<()> {
    let Ok((_, sock)) = find(w, fd) else { return family::setsockopt(w, fd, option) };
    w.on_network(|net| net.setsockopt(sock, option))
}

pub(crate) fn getsockopt(w: &mut World, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
    let Ok((_, sock)) = find(w, fd) else { return family::getsockopt(w, fd, option) };
    Ok(w.net().getsockopt(sock, option))
}
