//! UDP sockets by descriptor. What the calls do to the socket is in `crate::network`; those without an address come through
//! `super::family`.

use super::descriptor::waits;
use super::descriptor::{self, wait_for_file};
use super::socket;
use super::unix;
use crate::network::{RecvProgress, SendProgress};
use crate::object::Object;
use crate::scheduler::Step;
use crate::world::World;
use eagain_net::{
    ClockId, Control, Domain, Events, Fd, Message, RecvFlags, Result, SendFlags, SocketAddr, SocketFlags,
};

pub(super) fn socket(w: &mut World, domain: Domain, flags: SocketFlags) -> Result<Fd> {
    w.check_fd_free()?;
    let (host, process) = (w.my_host(), w.my_process());
    let sock = w.net().udp_socket(host, process, domain);
    let fd = descriptor::open_file(w, Object::Udp(sock), flags.contains(SocketFlags::NONBLOCK));
    if let Ok(file) = w.file(fd) {
        w.network.udp_set_file(sock, file);
    }
    Ok(fd)
}

/// `sendto(2)`. A stream that is connected sends to its peer, whatever the address says.
pub(crate) fn sendto(
    w: &mut World,
    fd: Fd,
    bytes: &[u8],
    flags: SendFlags,
    to: SocketAddr,
    progress: &mut SendProgress,
) -> Step<usize> {
    let file = match w.file(fd) {
        Ok(file) => file,
        Err(errno) => return Step::Done(Err(errno)),
    };
    match w.files[file].object {
        Object::Udp(sock) => Step::Done(send(w, sock, Some(to), &[bytes], flags)),
        Object::Unix(sock) => Step::Done(Err(unix::no_address(w, sock, bytes, flags))),
        _ => socket::send(w, fd, &[bytes], flags, progress),
    }
}

/// `sendmsg(2)` with control data; other sockets do not look at it.
pub(crate) fn sendmsg(
    w: &mut World,
    fd: Fd,
    bytes: &[u8],
    flags: SendFlags,
    (to, control): (Option<SocketAddr>, &[Control]),
    progress: &mut SendProgress,
) -> Step<usize> {
    match (w.file(fd).map(|file| &w.files[file].object), to) {
        (Ok(&Object::Udp(sock)), _) => {
            Step::Done(w.on_network(|net| net.udp_send(sock, to, &[bytes], flags, control)))
        }
        (_, Some(to)) => sendto(w, fd, bytes, flags, to, progress),
        (_, None) => socket::send(w, fd, &[bytes], flags, progress),
    }
}

/// `recvmsg(2)` with room for control data.
pub(crate) fn recvmsg(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<Message> {
    let mut control = Vec::new();
    if let Ok(&Object::Udp(sock)) = w.file(fd).map(|file| &w.files[file].object) {
        let (host, now) = (w.my_host(), w.run.now());
        let wall = w.hosts[host].clock(ClockId::Realtime, now).0;
        control = w.network.udp_control(sock, now, wall);
    }
    recvfrom(w, fd, buffer, flags, progress).map(|(len, from)| {
        let control = if from.is_some() { control } else { Vec::new() };
        Message { len, from, control }
    })
}

/// To `to`, or to whom it is connected.
pub(super) fn send(
    w: &mut World,
    sock: u32,
    to: Option<SocketAddr>,
    buffers: &[&[u8]],
    flags: SendFlags,
) -> Result<usize> {
    w.on_network(|net| net.udp_send(sock, to, buffers, flags, &[]))
}

/// `recvfrom(2)`. A stream does not say again who its peer is (`tcp(7)`).
pub(crate) fn recvfrom(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<(usize, Option<SocketAddr>)> {
    let file = match w.file(fd) {
        Ok(file) => file,
        Err(errno) => return Step::Done(Err(errno)),
    };
    match w.files[file].object {
        Object::Udp(sock) => {
            let waits = waits(w, fd, file);
            recv(w, file, sock, waits, buffer, flags, &mut progress.deadline)
        }
        _ => socket::recv(w, fd, buffer, flags, progress).map(|n| (n, None)),
    }
}

pub(super) fn recv(
    w: &mut World,
    file: u32,
    sock: u32,
    waits: bool,
    buffer: &mut [u8],
    flags: RecvFlags,
    deadline: &mut Option<u64>,
) -> Step<(usize, Option<SocketAddr>)> {
    let nonblocking = !waits || flags.contains(RecvFlags::DONTWAIT);
    let step = w.on_network(|net| net.udp_recv(sock, buffer, flags, nonblocking, deadline));
    if let Step::Wait = step {
        // An error ends the wait too (`receiver_wake_function`).
        wait_for_file(w, file, Events::IN | Events::ERR, true, *deadline);
    }
    step
}
