//! What each operation does when it is issued, and again each time it is woken. An attempt never waits: what cannot be
//! done pends, and is woken by the file that it waits for.

use super::cancel;
use super::finish;
use super::pool;
use super::receive;
use super::work;
use crate::fault::Family;
use crate::network::{RecvProgress, SendProgress};
use crate::object::{Object, UNMASK};
use crate::scheduler::Step;
use crate::syscall::address_family;
use crate::syscall::descriptor;
use crate::syscall::epoll;
use crate::syscall::file;
use crate::syscall::ring;
use crate::syscall::socket;
use crate::syscall::socket::Connecting;
use crate::world::World;
use eagain_net::{
    Errno, Events, Fd, Operation, Result, SendFlags, SocketFlags, SocketOption, SocketOptionName,
};
use std::net::SocketAddr;

/// What an attempt comes to.
pub(crate) enum Attempt {
    /// It is over: the result, and whether it breaks a chain of links.
    Done(i32, bool),
    /// It is over with this result, reported with the deferred work.
    Deferred(i32),
    /// It waits until something of these may be so.
    Pend(Events),
    /// It waits for the first, and the second are there already: it is attempted again with the deferred work.
    Ready(Events, Events),
    /// It is for the worker pool.
    Pool,
    /// The owner does it again so many nanoseconds later.
    Later(u64),
}

pub(super) fn done(result: Result<usize>) -> Attempt {
    match result {
        Ok(n) => Attempt::Done(i32::try_from(n).unwrap_or(i32::MAX), false),
        Err(errno) => Attempt::Done(-errno.0, true),
    }
}

/// A transfer that waits for all: what was moved counts for more than the error that ended it.
pub(super) fn moved_or(errno: Errno, moved: usize) -> Attempt {
    match moved {
        0 => Attempt::Done(-errno.0, true),
        n => Attempt::Done(n as i32, true),
    }
}

/// The same for an operation of a ring.
pub(crate) fn on_ring_file<T>(
    w: &mut World,
    ring: u32,
    op: u32,
    act: impl FnOnce(&mut World, Fd) -> Step<T>,
) -> Result<T> {
    let Some((owner, file)) = ring::get(w, ring).and_then(|r| Some((r.owner(), r.op(op)?.file()))) else {
        return Err(Errno::EBADF);
    };
    w.by_borrowed_fd(owner, file, act)
}

/// Attempts an operation, which the caller has taken out of its slot.
pub(crate) fn attempt(w: &mut World, ring: u32, op: u32, operation: &mut Operation, first: bool) -> Attempt {
    match operation {
        Operation::Nop => Attempt::Done(0, false),
        &mut Operation::Accept { flags, multishot, .. } => accept(w, ring, op, flags, multishot),
        &mut Operation::Connect { address, .. } => connect(w, ring, op, address),
        Operation::Recv { buffer, flags, .. } => receive::recv(w, ring, op, buffer, *flags),
        &mut Operation::RecvGroup { group, multishot, .. } => {
            receive::recv_group(w, ring, op, group, multishot)
        }
        Operation::Send { buffer, from, flags, .. } => {
            let part = buffer.get(*from..).unwrap_or_default();
            send(w, ring, op, part, *flags)
        }
        Operation::Read { .. } if is_on_set(w, ring, op) => {
            // A set cannot say that it would wait, so it is asked before (`io_file_supports_nowait`).
            let ready =
                on_ring_file(w, ring, op, |w, _| Step::Done(Ok(epoll::poll_file(w, w.borrowed_file()))));
            match ready.is_ok_and(|mask| mask.contains(Events::IN)) {
                true => done(Err(Errno::EINVAL)),
                false => Attempt::Pend(Events::IN),
            }
        }
        Operation::Read { buffer, offset, .. } => {
            let late = if first { pool::misses(w, ring, op, buffer.len(), *offset) } else { None };
            late.map_or_else(|| read(w, ring, op, buffer, *offset), Attempt::Later)
        }
        Operation::Write { .. } if is_on_set(w, ring, op) => Attempt::Pend(Events::OUT),
        Operation::Write { .. } if first && pool::writes_file(w, ring, op) => Attempt::Pool,
        Operation::Write { buffer, offset, .. } => write(w, ring, op, buffer, *offset),
        Operation::Fsync { .. } | Operation::Shutdown { .. } if first => Attempt::Pool,
        &mut Operation::Fsync { data_only, .. } => {
            done(on_ring_file(w, ring, op, |w, fd| Step::Done(file::fsync(w, fd, data_only))).map(|()| 0))
        }
        &mut Operation::Shutdown { how, .. } => {
            done(on_ring_file(w, ring, op, |w, fd| Step::Done(socket::shutdown(w, fd, how))).map(|()| 0))
        }
        &mut Operation::Close { fd } => done(close_fd(w, ring, fd).map(|()| 0)),
        &mut Operation::PollAdd { events, multishot, .. } => {
            let asked = events | UNMASK;
            // One wake-up carries its bits; after several, the file is asked.
            let woken = ring::get_op(w, ring, op).map_or(Events::NONE, |op| op.woken_for());
            let mask = match woken.is_empty() {
                true => on_ring_file(w, ring, op, |w, _| {
                    Step::Done(Ok(epoll::poll_file(w, w.borrowed_file()) & asked))
                }),
                false => Ok(woken),
            };
            let mask = mask.unwrap_or(Events::NONE);
            if mask.is_empty() && !may_wait(w, ring, op) {
                // Nothing would ever wake it (`io_poll_add`).
                done(Err(Errno::EINVAL))
            } else if mask.is_empty() {
                Attempt::Pend(asked)
            } else if multishot && first {
                Attempt::Ready(asked, mask)
            } else if multishot && finish::has_room(w, ring) {
                finish::post_more(w, ring, op, mask.0 as i32, None);
                Attempt::Pend(asked)
            } else {
                Attempt::Done(mask.0 as i32, false)
            }
        }
        &mut Operation::Timeout { after, count } => cancel::arm_timeout(w, ring, op, after, count, first),
        // These never get here: linked, they belong to another; provided buffers need no ring; a cancel is
        // settled with what it cancels.
        Operation::LinkTimeout { .. } | Operation::ProvideBuffers { .. } | Operation::Cancel { .. } => {
            Attempt::Done(-Errno::EINVAL.0, true)
        }
    }
}

/// `io_accept`.
fn accept(w: &mut World, ring: u32, op: u32, flags: SocketFlags, multishot: bool) -> Attempt {
    let files = ring::get_op(w, ring, op).map_or(0, |op| op.files());
    let mut accepted = false;
    loop {
        // The last one left the queue of TCP empty: no descriptor is asked for (`arg.is_empty`, since Linux 6.10).
        if accepted && is_drained(w, ring, op) {
            return Attempt::Pend(Events::IN);
        }
        let accept =
            |w: &mut World, fd| w.with_files_limit(files, |w| address_family::accept_unnamed(w, fd, flags));
        match on_ring_file(w, ring, op, accept) {
            Ok(fd) if multishot && finish::has_room(w, ring) => {
                finish::post_more(w, ring, op, fd.0, None);
                accepted = true;
            }
            Ok(fd) => return Attempt::Done(fd.0, false),
            Err(Errno::EAGAIN) => return Attempt::Pend(Events::IN),
            Err(errno) => return done(Err(errno)),
        }
    }
}

/// Whether it is about a listener of TCP that has no connection.
fn is_drained(w: &mut World, ring: u32, op: u32) -> bool {
    let file = ring::file_of_op(w, ring, op);
    let is_tcp = w.files.get(file).is_some_and(|open| matches!(open.object, Object::Socket(_)));
    is_tcp && !epoll::poll_file(w, file).contains(Events::IN)
}

/// `io_connect`: an error of the attempt is taken from the socket; one that says that there was one before does not
/// end the operation the first time.
fn connect(w: &mut World, ring: u32, op: u32, address: SocketAddr) -> Attempt {
    let (under_way, aborted) = ring::get_op(w, ring, op).map_or((false, false), |op| op.connecting());
    let mask = on_ring_file(w, ring, op, |w, _| Step::Done(Ok(epoll::poll_file(w, w.borrowed_file()))));
    if under_way && mask.is_ok_and(|mask| mask.contains(Events::ERR)) {
        return connect_error(w, ring, op);
    }
    let result =
        on_ring_file(w, ring, op, |w, fd| socket::connect(w, fd, address, &mut Connecting::default()));
    let Some(entry) = ring::get_op(w, ring, op) else { return done(Ok(0)) };
    match result {
        Ok(()) => done(Ok(0)),
        Err(Errno::EINPROGRESS) => {
            entry.connect_begun();
            Attempt::Pend(Events::OUT)
        }
        Err(Errno::ECONNABORTED) if !aborted => {
            entry.connect_aborted();
            Attempt::Pend(Events::OUT)
        }
        Err(Errno::EISCONN) if under_way => connect_error(w, ring, op),
        Err(errno) => done(Err(errno)),
    }
}

fn connect_error(w: &mut World, ring: u32, op: u32) -> Attempt {
    let error =
        on_ring_file(w, ring, op, |w, fd| Step::Done(socket::getsockopt(w, fd, SocketOptionName::Error)));
    match error {
        Ok(SocketOption::Error(Some(errno))) => done(Err(errno)),
        _ => done(Ok(0)),
    }
}

pub(crate) fn moved_so_far(w: &mut World, ring: u32, op: u32) -> usize {
    ring::get_op(w, ring, op).map_or(0, |op| op.moved())
}

pub(crate) fn set_moved(w: &mut World, ring: u32, op: u32, moved: usize) {
    if let Some(op) = ring::get_op(w, ring, op) {
        op.set_moved(moved);
    }
}

/// It would wait. Who asked not to gets EAGAIN; else it pends, even where the file is non-blocking, which older
/// kernels, and new ones under load, do not always do when they receive.
pub(crate) fn pend(
    w: &mut World,
    ring: u32,
    op: u32,
    moved: usize,
    dont_wait: bool,
    events: Events,
) -> Attempt {
    if !dont_wait && events == Events::IN && is_shut_datagram(w, ring, op) {
        return Attempt::Deferred(0);
    }
    if dont_wait || moved == 0 && events == Events::IN && gives_up(w, ring, op) {
        return moved_or(Errno::EAGAIN, moved);
    }
    Attempt::Pend(events)
}

/// Whether it is about a socket of datagrams that is shut for receiving: that is always ready, and has nothing for who does not
/// wait. After as many attempts as the kernel makes (`APOLL_MAX_RETRY`) a worker waits for it, and learns that it is shut.
fn is_shut_datagram(w: &mut World, ring: u32, op: u32) -> bool {
    match ring::open_of(w, ring, op).map(|open| &open.object) {
        Some(&Object::Udp(sock)) => w.network.udp_is_shut(sock),
        Some(&Object::Unix(sock)) => w.network.unix_is_datagram(sock) && w.network.unix_is_shut(sock),
        _ => false,
    }
}

fn send(w: &mut World, ring: u32, op: u32, bytes: &[u8], flags: SendFlags) -> Attempt {
    let all = flags.contains(SendFlags::WAITALL);
    // A ring never sends SIGPIPE.
    let now = flags.without(SendFlags::WAITALL) | SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let most = if all { bytes.len() } else { shorten(w, ring, op, bytes.len(), Events::OUT) };
    let mut moved = moved_so_far(w, ring, op);
    loop {
        let rest = &bytes[moved..most];
        let sent = on_ring_file(w, ring, op, |w, fd| {
            socket::send(w, fd, &[rest], now, &mut SendProgress::default())
        });
        match sent {
            Ok(n) => {
                moved += n;
                set_moved(w, ring, op, moved);
                if !all || moved == most {
                    return Attempt::Done(moved as i32, false);
                }
            }
            Err(Errno::EAGAIN) => {
                return pend(w, ring, op, moved, flags.contains(SendFlags::DONTWAIT), Events::OUT);
            }
            Err(errno) => return moved_or(errno, moved),
        }
    }
}

fn is_regular(w: &mut World, ring: u32, op: u32) -> bool {
    ring::open_of(w, ring, op).is_some_and(|open| matches!(open.object, Object::File(_)))
}

/// Whether the file of an operation can have anybody wait for it (`file_can_poll`).
fn may_wait(w: &mut World, ring: u32, op: u32) -> bool {
    ring::open_of(w, ring, op).is_some_and(|open| open.object.can_poll())
}

fn is_on_set(w: &mut World, ring: u32, op: u32) -> bool {
    let Some(open) = ring::open_of(w, ring, op) else { return false };
    matches!(open.object, Object::Epoll(_)) && !open.nonblocking()
}

/// A socket is read and written where it is (`sock_read_iter`, `sock_write_iter`).
fn has_position(w: &mut World, ring: u32, op: u32, offset: u64) -> bool {
    let socket = ring::open_of(w, ring, op).is_some_and(|open| open.object.is_socket());
    !socket || offset == 0 || offset == u64::MAX
}

fn read(w: &mut World, ring: u32, op: u32, buffer: &mut [u8], offset: u64) -> Attempt {
    if is_regular(w, ring, op) {
        let most = shorten(w, ring, op, buffer.len(), Events::IN);
        let into = &mut buffer[..most];
        let result = on_ring_file(w, ring, op, |w, fd| {
            if offset == u64::MAX {
                descriptor::read(w, fd, into, &mut RecvProgress::default())
            } else {
                Step::Done(file::pread(w, fd, into, offset))
            }
        });
        return whole(result, buffer.len());
    }
    if !has_position(w, ring, op, offset) {
        return done(Err(Errno::ESPIPE));
    }
    let most = shorten(w, ring, op, buffer.len(), Events::IN);
    let into = &mut buffer[..most];
    match receive::take(w, ring, op, |w, fd| descriptor::read(w, fd, into, &mut RecvProgress::default())) {
        // The worker does not wait for a file that is non-blocking, as it does when it receives.
        Err(Errno::EAGAIN) if is_shut_datagram(w, ring, op) && is_nonblocking(w, ring, op) => {
            Attempt::Deferred(-Errno::EAGAIN.0)
        }
        Err(Errno::EAGAIN) => pend(w, ring, op, 0, false, Events::IN),
        result => whole(result, buffer.len()),
    }
}

fn write(w: &mut World, ring: u32, op: u32, bytes: &[u8], offset: u64) -> Attempt {
    let counter = ring::open_of(w, ring, op).is_some_and(|open| matches!(open.object, Object::Event(_)));
    if counter && bytes.is_empty() {
        // `loop_rw_iter`: nothing is asked of it.
        return Attempt::Done(0, false);
    }
    if !has_position(w, ring, op, offset) {
        return Attempt::Deferred(-Errno::ESPIPE.0);
    }
    let regular = is_regular(w, ring, op);
    let result = on_ring_file(w, ring, op, |w, fd| {
        if regular && offset != u64::MAX {
            Step::Done(file::pwrite(w, fd, bytes, offset))
        } else {
            descriptor::write(w, fd, bytes, &mut SendProgress::default())
        }
    });
    match result {
        Err(Errno::EAGAIN) => pend(w, ring, op, 0, false, Events::OUT),
        // Whether it is open for writing is asked before (`io_rw_init_file`).
        Err(Errno::EBADF) => done(Err(Errno::EBADF)),
        // `kiocb_done`: an error of a write is reported as if it came later.
        Err(errno) => Attempt::Deferred(-errno.0),
        result => whole(result, bytes.len()),
    }
}

fn close_fd(w: &mut World, ring: u32, fd: Fd) -> Result<()> {
    let (process, own) = ring::get(w, ring).map_or((0, Fd(-1)), |r| (r.process(), r.fd()));
    if fd == own {
        return Err(Errno::EBADF);
    }
    let file = w.remove_fd(process, fd)?;
    descriptor::release_file(w, file);
    Ok(())
}

/// How much this transfer moves at most: less than was asked where the family chooses so. What it leaves came, or
/// came free, a moment later.
pub(crate) fn shorten(w: &mut World, ring: u32, op: u32, len: usize, ready: Events) -> usize {
    if len < 2 || !w.run.may(Family::RingShort) {
        if let Some(ring) = ring::get(w, ring) {
            ring.stream(Family::RingShort).1.skip();
        }
        return len;
    }
    if ready == Events::IN && !receive::has_data(w, ring, op) {
        return len;
    }
    match work::choose(w, ring, Family::RingShort) as usize {
        most if most > 0 && most < len => {
            work::record_fault(w, ring, op, Family::RingShort, most as u64);
            most
        }
        _ => len,
    }
}

fn is_nonblocking(w: &mut World, ring: u32, op: u32) -> bool {
    ring::open_of(w, ring, op).is_some_and(|open| open.nonblocking())
}

/// Whether an operation on a non-blocking file gives up instead of pending.
fn gives_up(w: &mut World, ring: u32, op: u32) -> bool {
    if !is_nonblocking(w, ring, op) || work::choose(w, ring, Family::RingAgain) == 0 {
        return false;
    }
    work::record_fault(w, ring, op, Family::RingAgain, 0);
    true
}

/// Reads and writes that are short break a chain of links; short receives do not.
fn whole(result: Result<usize>, len: usize) -> Attempt {
    match result {
        Ok(n) => Attempt::Done(n as i32, n < len),
        Err(errno) => Attempt::Done(-errno.0, true),
    }
}
