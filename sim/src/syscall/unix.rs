//! AF_UNIX (net/unix/af_unix.c): what a path or an abstract name refers to, and the calls that take or give one. What they do
//! to the socket is in `crate::network`.

use super::descriptor::{check_flags, release_file, wait_for_file, waits};
use super::file;
use super::names;
use super::{signal, socket};
use crate::network::{RecvProgress, SendProgress, UnixBinding, UnixConnect};
use crate::object::{Last, Object, Special};
use crate::scheduler::{FOREVER, Step};
use crate::world::{HELD_FD, World};
use eagain_net::{
    Errno, Events, Fd, Received, RecvFlags, Result, SendFlags, SigCode, SigInfo, Signal, SocketFlags,
    UnixAddr,
};

/// The open file and the AF_UNIX socket of a descriptor. `EAFNOSUPPORT`: a socket of another family.
fn find(w: &World, fd: Fd) -> Result<(u32, u32)> {
    let file = w.file(fd)?;
    match w.files[file].object {
        Object::Unix(sock) => Ok((file, sock)),
        ref other if other.is_socket() => Err(Errno::EAFNOSUPPORT),
        _ => Err(Errno::ENOTSOCK),
    }
}

/// A new open file for a socket.
fn open_file(w: &mut World, sock: u32, flags: SocketFlags) -> u32 {
    let file = w.files.insert(Object::Unix(sock), flags.contains(SocketFlags::NONBLOCK));
    w.network.unix_set_file(sock, file);
    file
}

fn install(w: &mut World, sock: u32, flags: SocketFlags) -> Fd {
    let file = open_file(w, sock, flags);
    w.install_fd(file)
}

pub(crate) fn socket(w: &mut World, flags: SocketFlags) -> Result<Fd> {
    w.check_fd_free()?;
    let host = w.my_host();
    let sock = w.net().unix_socket(host, flags.contains(SocketFlags::DGRAM));
    Ok(install(w, sock, flags))
}

pub(crate) fn socketpair(w: &mut World, flags: SocketFlags) -> Result<(Fd, Fd)> {
    check_flags(flags.without(SocketFlags::DGRAM))?;
    w.check_two_fds_free()?;
    let host = w.my_host();
    let datagrams = flags.contains(SocketFlags::DGRAM);
    let (one, other) = (w.net().unix_socket(host, datagrams), w.net().unix_socket(host, datagrams));
    w.net().unix_pair(one, other);
    Ok((install(w, one, flags), install(w, other, flags)))
}

/// `unix_bind`: a path becomes an entry of the host's file system.
pub(crate) fn bind(w: &mut World, fd: Fd, address: &UnixAddr) -> Result<()> {
    let (_, sock) = find(w, fd)?;
    let host = w.my_host();
    let is_bound = w.network.unix_is_bound(sock);
    match address {
        UnixAddr::Unnamed if is_bound => Ok(()),
        UnixAddr::Unnamed => autobind(w, host, sock),
        UnixAddr::Path(path) => bind_path(w, sock, path, is_bound),
        UnixAddr::Abstract(_) if is_bound => Err(Errno::EINVAL),
        UnixAddr::Abstract(name) => {
            let binding = UnixBinding::Name(name.clone());
            if w.network.unix_find(host, w.network.unix_is_datagram(sock), &binding).is_ok() {
                return Err(Errno::EADDRINUSE);
            }
            w.on_network(|net| net.unix_bind(sock, address.clone(), binding));
            Ok(())
        }
    }
}

/// `unix_autobind`: the first name of five hexadecimal digits that is free.
fn autobind(w: &mut World, host: u32, sock: u32) -> Result<()> {
    let datagrams = w.network.unix_is_datagram(sock);
    let name = (0..1 << 20).map(|number| format!("{number:05x}").into_bytes()).find(|name| {
        let binding = UnixBinding::Name(name.clone());
        w.network.unix_find(host, datagrams, &binding).is_err()
    });
    let name = name.ok_or(Errno::ENOSPC)?;
    w.on_network(|net| net.unix_bind(sock, UnixAddr::Abstract(name.clone()), UnixBinding::Name(name)));
    Ok(())
}

fn bind_path(w: &mut World, sock: u32, path: &str, is_bound: bool) -> Result<()> {
    let disk = file::my_disk(w);
    let parent = disk.parent(path)?;
    let Last::Name(name) = parent.last else { return Err(Errno::EADDRINUSE) };
    if disk.entry(parent.directory(), name)?.is_some() {
        return Err(Errno::EADDRINUSE);
    }
    if parent.slashes {
        return Err(Errno::ENOENT);
    }
    if is_bound {
        return Err(Errno::EINVAL);
    }
    let inode = names::create_inode(w, path, (parent.directory(), name), false);
    file::my_disk(w).hold_socket(inode);
    w.on_network(|net| net.unix_bind(sock, UnixAddr::Path(path.to_owned()), UnixBinding::Inode(inode)));
    Ok(())
}

/// `unix_find_other`: the socket that an address of this host is of.
fn look_up(w: &mut World, sock: u32, address: &UnixAddr) -> Result<u32> {
    let host = w.my_host();
    let binding = match address {
        UnixAddr::Unnamed => return Err(Errno::EINVAL),
        UnixAddr::Abstract(name) => UnixBinding::Name(name.clone()),
        UnixAddr::Path(path) => {
            let disk = file::my_disk(w);
            let inode = disk.find(path)?;
            if !matches!(disk.inode(inode).special(), Some(Special::Socket)) {
                return Err(Errno::ECONNREFUSED);
            }
            UnixBinding::Inode(inode)
        }
    };
    w.network.unix_find(host, w.network.unix_is_datagram(sock), &binding)
}

pub(crate) fn connect(w: &mut World, fd: Fd, address: &UnixAddr, deadline: &mut Option<u64>) -> Step<()> {
    let found = find(w, fd).and_then(|(file, sock)| Ok((file, sock, look_up(w, sock, address)?)));
    let (file, sock, other) = match found {
        Ok(found) => found,
        Err(errno) => return Step::Done(Err(errno)),
    };
    let connected = w.on_network(|net| net.unix_connect(sock, other));
    release_dropped(w);
    match connected {
        Ok(UnixConnect::Done) => Step::Done(Ok(())),
        Ok(UnixConnect::Full) => {
            if !waits(w, fd, file) || deadline.is_some_and(|at| w.run.now() >= at) {
                return Step::Done(Err(Errno::EAGAIN));
            }
            let after = w.network.unix_timeout(sock, Events::OUT);
            deadline.get_or_insert_with(|| after.map_or(FOREVER, |after| w.run.now().saturating_add(after)));
            w.net().unix_wants_room(sock, other);
            wait_for_file(w, file, Events::OUT, true, *deadline);
            Step::Wait
        }
        Err(errno) => Step::Done(Err(errno)),
    }
}

pub(crate) fn accept(
    w: &mut World,
    fd: Fd,
    flags: SocketFlags,
    deadline: &mut Option<u64>,
) -> Step<(Fd, UnixAddr)> {
    let mut attempt = || -> Result<(u32, u32)> {
        w.file(fd)?;
        check_flags(flags)?;
        if fd != HELD_FD {
            w.check_fd_free()?;
        }
        find(w, fd)
    };
    let (file, sock) = match attempt() {
        Ok(found) => found,
        Err(errno) => return Step::Done(Err(errno)),
    };
    match w.on_network(|net| net.unix_accept(sock)) {
        Ok(child) => {
            let peer = w.network.unix_getpeername(child).unwrap_or_default();
            let file = open_file(w, child, flags);
            let new = if fd == HELD_FD { w.install_reserved_fd(file) } else { w.install_fd(file) };
            Step::Done(Ok((new, peer)))
        }
        Err(Errno::EAGAIN) if waits(w, fd, file) && deadline.is_none_or(|at| w.run.now() < at) => {
            if fd != HELD_FD {
                w.reserve_fd();
                let after = w.network.unix_timeout(sock, Events::IN);
                *deadline = after.map(|after| w.run.now().saturating_add(after));
            }
            wait_for_file(w, file, Events::IN, true, *deadline);
            Step::Wait
        }
        // Who does not wait does not look whether the listener is shut (`__skb_recv_datagram`).
        Err(Errno::EINVAL) if w.network.unix_may_accept(sock).is_ok() && !waits(w, fd, file) => {
            Step::Done(Err(Errno::EAGAIN))
        }
        Err(errno) => Step::Done(Err(errno)),
    }
}

pub(crate) fn sendto(
    w: &mut World,
    fd: Fd,
    bytes: &[u8],
    flags: SendFlags,
    to: &UnixAddr,
    progress: &mut SendProgress,
) -> Step<usize> {
    let attempt = |w: &mut World| {
        let (file, sock) = find(w, fd)?;
        if !w.network.unix_is_datagram(sock) {
            return Err(no_address(w, sock, bytes, flags));
        }
        if *to != UnixAddr::Unnamed {
            // It has room before it looks for the receiver (`sock_alloc_send_pskb`).
            w.net().unix_refusal(sock, bytes.len())?;
        }
        let other = look_up(w, sock, to);
        if other.is_err() && *to != UnixAddr::Unnamed {
            w.on_network(|net| net.unix_unsent(sock));
        }
        Ok((file, sock, other?))
    };
    match attempt(w) {
        Ok((file, sock, other)) => {
            let waits = waits(w, fd, file);
            send(w, file, sock, waits, Some(other), &[bytes], flags, progress)
        }
        Err(errno) => Step::Done(Err(errno)),
    }
}

/// What comes of an address that cannot be sent to: any, of a stream (`unix_stream_sendmsg`); one that is of another family.
pub(super) fn no_address(w: &World, sock: u32, bytes: &[u8], flags: SendFlags) -> Errno {
    let datagrams = w.network.unix_is_datagram(sock);
    match flags.contains(SendFlags::OOB) {
        true if datagrams || bytes.is_empty() => Errno::EOPNOTSUPP,
        _ if datagrams => Errno::EINVAL,
        _ if w.network.unix_getpeername(sock).is_ok() => Errno::EISCONN,
        _ => Errno::EOPNOTSUPP,
    }
}

/// To whom it is connected, or to `other`.
#[expect(clippy::too_many_arguments)] // what the call was given, and what was found
pub(super) fn send(
    w: &mut World,
    file: u32,
    sock: u32,
    waits: bool,
    other: Option<u32>,
    buffers: &[&[u8]],
    flags: SendFlags,
    progress: &mut SendProgress,
) -> Step<usize> {
    if flags.contains(SendFlags::OOB) {
        return Step::Done(Err(Errno::EOPNOTSUPP));
    }
    let nonblocking = !waits || flags.contains(SendFlags::DONTWAIT);
    let step = w.on_network(|net| net.unix_send(sock, other, buffers, nonblocking, progress));
    release_dropped(w);
    match step {
        Step::Wait => wait_for_file(w, file, Events::OUT, false, progress.deadline),
        Step::Done(Err(Errno::EPIPE))
            if !flags.contains(SendFlags::NOSIGNAL) && !w.network.unix_is_datagram(sock) =>
        {
            let thread = w.scheduler.current();
            let _ = signal::send_to_thread(w, thread, SigInfo::plain(Signal::SIGPIPE, SigCode::User));
        }
        Step::Done(_) => {}
    }
    step
}

pub(crate) fn recvfrom(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<(usize, UnixAddr)> {
    match find(w, fd) {
        Ok((file, sock)) => recv(w, file, sock, waits(w, fd, file), buffer, flags, progress),
        Err(errno) => Step::Done(Err(errno)),
    }
}

pub(super) fn recv(
    w: &mut World,
    file: u32,
    sock: u32,
    waits: bool,
    buffer: &mut [u8],
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<(usize, UnixAddr)> {
    let nonblocking = !(waits || progress.goes_on) || flags.contains(RecvFlags::DONTWAIT);
    let step = attempt_recv(w, file, sock, nonblocking, buffer, flags, progress);
    // Without room for descriptors they are closed (`scm_destroy`).
    let files = std::mem::take(&mut w.network.passed.received);
    for file in files.into_iter().filter(|_| !flags.contains(RecvFlags::PEEK)) {
        w.let_go_later(file);
    }
    step
}

fn attempt_recv(
    w: &mut World,
    file: u32,
    sock: u32,
    nonblocking: bool,
    buffer: &mut [u8],
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<(usize, UnixAddr)> {
    let step = w.on_network(|net| net.unix_recv(sock, buffer, flags, nonblocking, progress));
    if matches!(step, Step::Wait) && !progress.goes_on {
        // An error ends the wait too (`receiver_wake_function`).
        let events = Events::IN | Events::ERR;
        wait_for_file(w, file, events, w.network.unix_is_datagram(sock), progress.deadline);
    }
    step
}

/// How far a send with descriptors has got, and the open files: those that they were when the call was made.
#[derive(Default)]
pub(crate) struct Sending {
    pub progress: SendProgress,
    files: Option<Vec<u32>>,
}

/// `SCM_MAX_FD`: so many descriptors go with a message at most.
const FDS_MAX: usize = 253;

/// `scm_fp_copy`: what the descriptors refer to. Rings are refused.
fn files_of(w: &World, fds: &[Fd]) -> Result<Vec<u32>> {
    if fds.len() > FDS_MAX {
        return Err(Errno::EINVAL);
    }
    let passable = |&fd: &Fd| match w.file(fd)? {
        file if matches!(w.files[file].object, Object::Ring(_)) => Err(Errno::EINVAL),
        file => Ok(file),
    };
    fds.iter().map(passable).collect()
}

pub(crate) fn send_fds(
    w: &mut World,
    fd: Fd,
    bytes: &[u8],
    fds: &[Fd],
    flags: SendFlags,
    sending: &mut Sending,
) -> Step<usize> {
    let (file, sock) = match find(w, fd) {
        Ok(found) => found,
        // Other families look at no descriptors.
        Err(Errno::EAFNOSUPPORT) => return socket::send(w, fd, &[bytes], flags, &mut sending.progress),
        Err(errno) => return Step::Done(Err(errno)),
    };
    let files = match sending.files.take().map_or_else(|| files_of(w, fds), Ok) {
        Ok(files) => files,
        Err(errno) => return Step::Done(Err(errno)),
    };
    if sending.progress.sent == 0 {
        files.iter().for_each(|&file| w.files.hold(file));
        w.network.passed.sent.clone_from(&files);
    }
    let waits = waits(w, fd, file);
    let step = send(w, file, sock, waits, None, &[bytes], flags, &mut sending.progress);
    // What did not leave is held by the call alone.
    for file in std::mem::take(&mut w.network.passed.sent) {
        release_file(w, file);
    }
    if matches!(step, Step::Wait) {
        if fd != HELD_FD {
            files.iter().for_each(|&file| w.hold_file(file));
        }
        sending.files = Some(files);
    }
    step
}

pub(crate) fn recv_fds(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    most: usize,
    flags: RecvFlags,
    progress: &mut RecvProgress,
) -> Step<Received> {
    let (file, sock) = match find(w, fd) {
        Ok(found) => found,
        Err(Errno::EAFNOSUPPORT) => {
            let received = |len| Received { len, ..Received::default() };
            return socket::recv(w, fd, buffer, flags, progress).map(received);
        }
        Err(errno) => return Step::Done(Err(errno)),
    };
    let nonblocking = !waits(w, fd, file) || flags.contains(RecvFlags::DONTWAIT);
    let step = attempt_recv(w, file, sock, nonblocking, buffer, flags, progress);
    let files = std::mem::take(&mut w.network.passed.received);
    let Step::Done(Ok((len, from))) = step else { return step.map(|_| Received::default()) };
    let is_kept = flags.contains(RecvFlags::PEEK);
    // `scm_detach_fds`: as many as there is room for.
    let (mut fds, count) = (Vec::new(), files.len());
    for file in files {
        if fds.len() < most && w.check_fd_free().is_ok() {
            if is_kept {
                w.files.hold(file);
            }
            fds.push(w.install_fd(file));
        } else if !is_kept {
            w.let_go_later(file);
        }
    }
    let truncated = fds.len() < count;
    Step::Done(Ok(Received { len, from, fds, truncated }))
}

/// Files that will not be received. Closing one may drop others, which the outermost call releases: chains may be long.
pub(super) fn release_dropped(w: &mut World) {
    if std::mem::replace(&mut w.network.passed.is_releasing, true) {
        return;
    }
    while let Some(file) = w.network.passed.dropped.pop() {
        release_file(w, file);
    }
    w.network.passed.is_releasing = false;
}

pub(crate) fn getsockname(w: &mut World, fd: Fd) -> Result<UnixAddr> {
    let (_, sock) = find(w, fd)?;
    Ok(w.network.unix_getsockname(sock))
}

pub(crate) fn getpeername(w: &mut World, fd: Fd) -> Result<UnixAddr> {
    let (_, sock) = find(w, fd)?;
    w.network.unix_getpeername(sock)
}

/// The last descriptor of a socket is gone. Its path stays, and refuses from now on.
pub(super) fn close(w: &mut World, sock: u32) {
    let host = w.network.unix_host(sock);
    let inode = w.on_network(|net| net.unix_close(sock));
    if let Some(inode) = inode {
        w.hosts[host].disk.release_socket(inode);
    }
    release_dropped(w);
}
