//! What each operation does when it is issued, and again each time it is woken. An attempt never waits: what cannot be
//! done pends, and is woken by the file that it waits for.

use super::work::UNMASK;
use crate::fault::Family;
use crate::network::SendProgress;
use crate::object::Object;
use crate::scheduler::Step;
use crate::syscall::socket;
use crate::world::{LENT, NONE, World};
use eagain_net::{
    Errno, Events, Fd, Operation, Result, SendFlags, SocketOption, SocketOptionName, StatusFlags,
};
use std::net::SocketAddr;

/// What an attempt comes to.
pub(super) enum Attempt {
    /// It is over: the result, and whether it breaks a chain of links.
    Done(i32, bool),
    /// It is over with this error, and told so with the deferred work.
    Told(i32),
    /// It waits until something of these may be so.
    Pend(Events),
    /// It waits for the first, and the second is so already: it is attempted again with the deferred work.
    Ready(Events, Events),
    /// It runs elsewhere for so many nanoseconds.
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

impl World {
    /// Makes a call on behalf of `thread` on an open file that it holds, as if by a descriptor, without waiting.
    pub fn on_file<T>(
        &mut self,
        thread: u32,
        file: u32,
        act: impl FnOnce(&mut World, Fd) -> Step<T>,
    ) -> Result<T> {
        let before = (self.scheduler.act_as(thread), std::mem::replace(&mut self.lent, file));
        let status = self.files[file as usize].status;
        self.files[file as usize].status = status | StatusFlags::NONBLOCK;
        let step = act(self, LENT);
        self.files[file as usize].status = status;
        self.scheduler.act_as(before.0);
        self.lent = before.1;
        match step {
            Step::Done(result) => result,
            Step::Wait => Err(Errno::EAGAIN),
        }
    }

    /// The same for an operation of a ring.
    pub(super) fn on_ring_file<T>(
        &mut self,
        ring: u32,
        op: u32,
        act: impl FnOnce(&mut World, Fd) -> Step<T>,
    ) -> Result<T> {
        let Some((owner, file)) = self.ring(ring).and_then(|r| Some((r.owner, r.ops.get(op as usize)?.file)))
        else {
            return Err(Errno::EBADF);
        };
        self.on_file(owner, file, act)
    }

    /// Attempts an operation, which the caller has taken out of its slot.
    pub(super) fn ring_attempt(
        &mut self,
        ring: u32,
        op: u32,
        operation: &mut Operation,
        first: bool,
    ) -> Attempt {
        match operation {
            Operation::Nop => Attempt::Done(0, false),
            &mut Operation::Accept { flags, multishot, .. } => loop {
                match self.on_ring_file(ring, op, |w, fd| socket::accept(w, fd, flags)) {
                    Ok((fd, _)) if multishot => {
                        self.ring_post_more(ring, op, fd.0, None);
                    }
                    Ok((fd, _)) => return Attempt::Done(fd.0, false),
                    Err(Errno::EAGAIN) => return Attempt::Pend(Events::IN),
                    Err(errno) => return done(Err(errno)),
                }
            },
            &mut Operation::Connect { address, .. } => self.ring_connect(ring, op, address),
            Operation::Recv { buffer, flags, .. } => self.ring_recv(ring, op, buffer, *flags),
            &mut Operation::RecvGroup { group, multishot, .. } => {
                self.ring_recv_group(ring, op, group, multishot)
            }
            Operation::Send { buffer, from, flags, .. } => {
                let part = buffer.get(*from..).unwrap_or_default();
                self.ring_send(ring, op, part, *flags)
            }
            Operation::Read { .. } if self.ring_has_set(ring, op) => {
                // A set cannot say that it would wait, so it is asked before (`io_file_supports_nowait`).
                let ready = self.on_ring_file(ring, op, |w, _| Step::Done(Ok(w.poll_file(w.lent))));
                match ready.is_ok_and(|mask| mask.contains(Events::IN)) {
                    true => done(Err(Errno::EINVAL)),
                    false => Attempt::Pend(Events::IN),
                }
            }
            Operation::Read { buffer, offset, .. } => self.ring_read(ring, op, buffer, *offset),
            Operation::Write { .. } if self.ring_has_set(ring, op) => Attempt::Pend(Events::OUT),
            Operation::Write { buffer, offset, .. } => self.ring_write(ring, op, buffer, *offset),
            Operation::Fsync { .. } if first => {
                let process = self.ring(ring).map_or(0, |r| r.process);
                let host = self.processes[process as usize].host;
                Attempt::Later(self.sync_time(host))
            }
            &mut Operation::Fsync { data_only, .. } => {
                done(self.on_ring_file(ring, op, |w, fd| Step::Done(w.sys_fsync(fd, data_only))).map(|()| 0))
            }
            &mut Operation::Shutdown { how, .. } => done(
                self.on_ring_file(ring, op, |w, fd| Step::Done(socket::shutdown(w, fd, how))).map(|()| 0),
            ),
            &mut Operation::Close { fd } => done(self.ring_close(ring, fd).map(|()| 0)),
            &mut Operation::PollAdd { events, multishot, .. } => {
                let asked = events | UNMASK;
                // One wake-up tells what it was about; after several, the file is asked.
                let told = self.ring_op(ring, op).map_or(Events::NONE, |op| match op.wakes {
                    1 => op.woken,
                    _ => Events::NONE,
                });
                let mask = match told.is_empty() {
                    true => self.on_ring_file(ring, op, |w, _| Step::Done(Ok(w.poll_file(w.lent) & asked))),
                    false => Ok(told),
                };
                let mask = mask.unwrap_or(Events::NONE);
                if mask.is_empty() {
                    Attempt::Pend(asked)
                } else if multishot && first {
                    Attempt::Ready(asked, mask)
                } else if multishot {
                    self.ring_post_more(ring, op, mask.0 as i32, None);
                    Attempt::Pend(asked)
                } else {
                    Attempt::Done(mask.0 as i32, false)
                }
            }
            &mut Operation::Timeout { after, count } => self.ring_timeout(ring, op, after, count, first),
            // These never get here: linked, they belong to another; provided buffers need no ring; a cancel is
            // settled with what it cancels.
            Operation::LinkTimeout { .. } | Operation::ProvideBuffers { .. } | Operation::Cancel { .. } => {
                Attempt::Done(-Errno::EINVAL.0, true)
            }
        }
    }

    /// `io_connect`: an error of the attempt is taken from the socket; one that says that there was one before is not
    /// believed the first time.
    fn ring_connect(&mut self, ring: u32, op: u32, address: SocketAddr) -> Attempt {
        let (under_way, aborted) =
            self.ring_op(ring, op).map_or((false, false), |op| (op.under_way, op.aborted));
        let mask = self.on_ring_file(ring, op, |w, _| Step::Done(Ok(w.poll_file(w.lent))));
        if under_way && mask.is_ok_and(|mask| mask.contains(Events::ERR)) {
            return self.ring_connect_error(ring, op);
        }
        let result = self.on_ring_file(ring, op, |w, fd| socket::connect(w, fd, address));
        let Some(entry) = self.ring_op(ring, op) else { return done(Ok(0)) };
        match result {
            Ok(()) => done(Ok(0)),
            Err(Errno::EINPROGRESS) => {
                entry.under_way = true;
                Attempt::Pend(Events::OUT)
            }
            Err(Errno::ECONNABORTED) if !aborted => {
                entry.aborted = true;
                Attempt::Pend(Events::OUT)
            }
            Err(Errno::EISCONN) if under_way => self.ring_connect_error(ring, op),
            Err(errno) => done(Err(errno)),
        }
    }

    fn ring_connect_error(&mut self, ring: u32, op: u32) -> Attempt {
        let error = self
            .on_ring_file(ring, op, |w, fd| Step::Done(socket::getsockopt(w, fd, SocketOptionName::Error)));
        match error {
            Ok(SocketOption::Error(Some(errno))) => done(Err(errno)),
            _ => done(Ok(0)),
        }
    }

    pub(super) fn moved(&mut self, ring: u32, op: u32) -> usize {
        self.ring_op(ring, op).map_or(0, |op| op.moved)
    }

    pub(super) fn set_moved(&mut self, ring: u32, op: u32, moved: usize) {
        if let Some(op) = self.ring_op(ring, op) {
            op.moved = moved;
        }
    }

    /// It would wait. Who asked not to is told so; else it pends, even where the file is non-blocking, which older
    /// kernels, and new ones under load, do not always do when they receive.
    pub(super) fn ring_pend(
        &mut self,
        ring: u32,
        op: u32,
        moved: usize,
        dont_wait: bool,
        events: Events,
    ) -> Attempt {
        if dont_wait || moved == 0 && events == Events::IN && self.ring_gives_up(ring, op) {
            return moved_or(Errno::EAGAIN, moved);
        }
        Attempt::Pend(events)
    }

    fn ring_send(&mut self, ring: u32, op: u32, bytes: &[u8], flags: SendFlags) -> Attempt {
        let all = flags.contains(SendFlags::WAITALL);
        // A ring never sends SIGPIPE.
        let now = flags.without(SendFlags::WAITALL) | SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let most = if all { bytes.len() } else { self.ring_short(ring, op, bytes.len(), Events::OUT) };
        let mut moved = self.moved(ring, op);
        loop {
            let rest = &bytes[moved..most];
            let sent = self.on_ring_file(ring, op, |w, fd| {
                socket::send(w, fd, &[rest], now, &mut SendProgress::default())
            });
            match sent {
                Ok(n) => {
                    moved += n;
                    self.set_moved(ring, op, moved);
                    if !all || moved == most {
                        return Attempt::Done(moved as i32, false);
                    }
                }
                Err(Errno::EAGAIN) => {
                    return self.ring_pend(ring, op, moved, flags.contains(SendFlags::DONTWAIT), Events::OUT);
                }
                Err(errno) => return moved_or(errno, moved),
            }
        }
    }

    fn is_regular(&mut self, ring: u32, op: u32) -> bool {
        let file = self.ring_op(ring, op).map_or(NONE, |op| op.file);
        self.files.get(file as usize).is_some_and(|open| matches!(open.object, Object::File(_)))
    }

    fn ring_has_set(&mut self, ring: u32, op: u32) -> bool {
        let file = self.ring_op(ring, op).map_or(NONE, |op| op.file);
        let Some(open) = self.files.get(file as usize) else { return false };
        matches!(open.object, Object::Epoll(_)) && !open.nonblocking()
    }

    fn ring_read(&mut self, ring: u32, op: u32, buffer: &mut [u8], offset: u64) -> Attempt {
        if self.is_regular(ring, op) {
            let most = self.ring_short(ring, op, buffer.len(), Events::IN);
            let into = &mut buffer[..most];
            let result = self.on_ring_file(ring, op, |w, fd| {
                if offset == u64::MAX {
                    w.sys_read(fd, into, &mut None)
                } else {
                    Step::Done(w.sys_pread(fd, into, offset))
                }
            });
            return whole(result, buffer.len());
        }
        let most = self.ring_short(ring, op, buffer.len(), Events::IN);
        let into = &mut buffer[..most];
        match self.ring_take(ring, op, |w, fd| w.sys_read(fd, into, &mut None)) {
            Err(Errno::EAGAIN) => self.ring_pend(ring, op, 0, false, Events::IN),
            result => whole(result, buffer.len()),
        }
    }

    fn ring_write(&mut self, ring: u32, op: u32, bytes: &[u8], offset: u64) -> Attempt {
        let file = self.ring_op(ring, op).map_or(NONE, |op| op.file);
        let counter =
            self.files.get(file as usize).is_some_and(|open| matches!(open.object, Object::Event(_)));
        if counter && bytes.is_empty() {
            // `loop_rw_iter`: nothing is asked of it.
            return Attempt::Done(0, false);
        }
        let regular = self.is_regular(ring, op);
        let result = self.on_ring_file(ring, op, |w, fd| {
            if regular && offset != u64::MAX {
                Step::Done(w.sys_pwrite(fd, bytes, offset))
            } else {
                w.sys_write(fd, bytes, &mut SendProgress::default())
            }
        });
        match result {
            Err(Errno::EAGAIN) => self.ring_pend(ring, op, 0, false, Events::OUT),
            // `kiocb_done`: an error of a write is told as if it came later.
            Err(errno) => Attempt::Told(-errno.0),
            result => whole(result, bytes.len()),
        }
    }

    fn ring_close(&mut self, ring: u32, fd: Fd) -> Result<()> {
        let (process, own) = self.ring(ring).map_or((0, -1), |r| (r.process, r.fd));
        if fd.0 == own {
            return Err(Errno::EBADF);
        }
        let file = self.remove_fd(process, fd)?;
        self.release_file(file);
        Ok(())
    }

    /// How much this transfer moves at most: less than was asked where the family chooses so. What it leaves came, or
    /// came free, a moment later.
    pub(super) fn ring_short(&mut self, ring: u32, op: u32, len: usize, ready: Events) -> usize {
        if len < 2 || !self.run.may(Family::RingShort) {
            if let Some(ring) = self.ring(ring) {
                ring.shorts.skip();
            }
            return len;
        }
        if ready == Events::IN && !self.ring_has_data(ring, op) {
            return len;
        }
        match self.ring_choose(ring, Family::RingShort, |r| &mut r.shorts) as usize {
            most if most > 0 && most < len => {
                self.ring_fault(ring, op, Family::RingShort, most as u64);
                most
            }
            _ => len,
        }
    }

    /// Whether an operation on a non-blocking file gives up instead of pending.
    fn ring_gives_up(&mut self, ring: u32, op: u32) -> bool {
        let file = self.ring_op(ring, op).map_or(NONE, |op| op.file);
        if !self.files.get(file as usize).is_some_and(|open| open.nonblocking())
            || self.ring_choose(ring, Family::RingAgain, |r| &mut r.agains) == 0
        {
            return false;
        }
        self.ring_fault(ring, op, Family::RingAgain, 0);
        true
    }
}

/// Reads and writes that are short break a chain of links; short receives do not.
fn whole(result: Result<usize>, len: usize) -> Attempt {
    match result {
        Ok(n) => Attempt::Done(n as i32, n < len),
        Err(errno) => Attempt::Done(-errno.0, true),
    }
}
