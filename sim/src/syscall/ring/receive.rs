//! Receiving by a ring: into a buffer of its own, until it is full where that is asked, or into those of a group, again and
//! again.

use super::attempt;
use super::attempt::{Attempt, done, moved_or};
use super::finish;
use crate::network::RecvProgress;
use crate::object::Object;
use crate::scheduler::Step;
use crate::syscall::ring;
use crate::syscall::signal;
use crate::syscall::socket;
use crate::world::World;
use eagain_net::{Errno, Events, Fd, RecvFlags, Result, SigSet};

pub(crate) fn recv(w: &mut World, ring: u32, op: u32, buffer: &mut [u8], flags: RecvFlags) -> Attempt {
    let all = flags.contains(RecvFlags::WAITALL) && !flags.contains(RecvFlags::PEEK);
    let mut now = flags.without(RecvFlags::WAITALL) | RecvFlags::DONTWAIT;
    if all && is_unix(w, ring, op) {
        // It asks for all itself, and takes an error that comes behind the bytes.
        now |= RecvFlags::WAITALL;
    }
    let streams = streams(w, ring, op);
    if all && !streams {
        now |= RecvFlags::TRUNC;
    }
    let most = if all { buffer.len() } else { attempt::shorten(w, ring, op, buffer.len(), Events::IN) };
    let moved = attempt::moved_so_far(w, ring, op);
    let dont_wait = flags.contains(RecvFlags::DONTWAIT);
    let rest = &mut buffer[moved..most];
    let receive = |w: &mut World, fd| socket::recv(w, fd, rest, now, &mut RecvProgress::default());
    let received = match flags.contains(RecvFlags::OOB) {
        true => attempt::on_ring_file(w, ring, op, receive),
        false => take(w, ring, op, receive),
    };
    match received {
        // A datagram is all that comes, and is a failure unless it has just that length (`MSG_TRUNC` of what was received).
        Ok(n) if all && !streams => {
            let said = if flags.contains(RecvFlags::TRUNC) { n } else { n.min(most) };
            Attempt::Done(said as i32, n != most)
        }
        Ok(0) if all => Attempt::Done(moved as i32, moved < most),
        Ok(n) => {
            let moved = moved + n;
            attempt::set_moved(w, ring, op, moved);
            // What more there is, is received with the deferred work (`io_net_retry`), which who does not wait has not.
            match all && moved < most && !dont_wait {
                true => Attempt::Pend(Events::IN),
                false => Attempt::Done(moved as i32, all && moved != most),
            }
        }
        Err(Errno::EAGAIN) => attempt::pend(w, ring, op, moved, dont_wait, Events::IN),
        Err(errno) => moved_or(errno, moved),
    }
}

/// A receive at the urgent mark does not go past it while a signal waits to be handled (`tcp_recvmsg_locked`),
/// which it does until `enter` is back.
pub(crate) fn take(
    w: &mut World,
    ring: u32,
    op: u32,
    act: impl FnOnce(&mut World, Fd) -> Step<usize>,
) -> Result<usize> {
    attempt::on_ring_file(w, ring, op, |w, fd| {
        let blocked = w.scheduler.get(w.scheduler.current()).map_or(SigSet::EMPTY, |t| t.signals.mask());
        match socket::is_at_mark(w, fd) && signal::is_pending(w, SigSet(!blocked.0)) {
            true => Step::Done(Err(Errno::EAGAIN)),
            false => act(w, fd),
        }
    })
}

pub(crate) fn recv_group(w: &mut World, ring: u32, op: u32, group: u16, multishot: bool) -> Attempt {
    if !ring::open_of(w, ring, op).is_some_and(|open| open.object.is_socket()) {
        return done(Err(Errno::ENOTSOCK));
    }
    loop {
        let taken = ring::get(w, ring).and_then(|r| r.take_buffer(group));
        let Some((id, mut buffer)) = taken else { return Attempt::Done(-Errno::ENOBUFS.0, true) };
        let most = attempt::shorten(w, ring, op, buffer.len(), Events::IN);
        let into = &mut buffer[..most];
        let received = take(w, ring, op, |w, fd| {
            socket::recv(w, fd, into, RecvFlags::DONTWAIT, &mut RecvProgress::default())
        });
        let n = match received {
            Ok(n) if n > 0 => n,
            other => {
                // Nothing came: the buffer goes back to where it was taken from.
                if let Some(ring) = ring::get(w, ring) {
                    ring.put_back(group, (id, buffer));
                }
                return match other {
                    Err(Errno::EAGAIN) => attempt::pend(w, ring, op, 0, false, Events::IN),
                    other => done(other),
                };
            }
        };
        buffer.truncate(n);
        if !multishot || !finish::has_room(w, ring) {
            if let Some(op) = ring::get_op(w, ring, op) {
                op.fill((id, buffer));
            }
            return Attempt::Done(n as i32, false);
        }
        finish::post_more(w, ring, op, n as i32, Some((id, buffer)));
        // The end counts as something to receive, a reset does not (`tcp_inq_hint`).
        if !has_data(w, ring, op) && !has_ended(w, ring, op) {
            return Attempt::Pend(Events::IN);
        }
    }
}

/// Whether what an operation is about has more to come.
fn streams(w: &mut World, ring: u32, op: u32) -> bool {
    match ring::open_of(w, ring, op).map(|open| &open.object) {
        Some(&Object::Unix(sock)) => !w.network.unix_is_datagram(sock),
        Some(Object::Udp(_)) => false,
        _ => true,
    }
}

fn is_unix(w: &mut World, ring: u32, op: u32) -> bool {
    ring::open_of(w, ring, op).is_some_and(|open| matches!(open.object, Object::Unix(_)))
}

/// The socket that an operation is about.
pub(crate) fn socket_of(w: &mut World, ring: u32, op: u32) -> Option<u32> {
    match ring::open_of(w, ring, op)?.object {
        Object::Socket(sock) => Some(sock),
        _ => None,
    }
}

/// Whether there is anything to receive. Looks only: polling a socket would change what it reports later.
pub(crate) fn has_data(w: &mut World, ring: u32, op: u32) -> bool {
    match ring::open_of(w, ring, op).map(|open| &open.object) {
        Some(&Object::Socket(sock)) => w.network.has_data(sock),
        // `unix_stream_read_generic` with `msg_get_inq`; datagrams do not say how much there is.
        Some(&Object::Unix(sock)) => w.network.unix_is_datagram(sock) || w.network.unix_buffered(sock) > 0,
        _ => true,
    }
}

/// Whether the peer's end is what there is to receive.
fn has_ended(w: &mut World, ring: u32, op: u32) -> bool {
    socket_of(w, ring, op).is_some_and(|sock| w.network.has_ended(sock))
}
