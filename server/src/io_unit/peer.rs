//! One peer: its socket, the state machine behind it, and its session; and one turn of it, which is the same whichever
//! thread takes it and whatever told that the socket is ready.

use super::connection::{CloseReason, Connection};
use super::units::{Now, Units};
use crate::logic_unit::Session;
use crate::storage_unit::{Commit, Standing, Storage};
use eagain_net::model::{Interest, Outcome};
use eagain_net::{Errno, Kernel, ShutdownHow, TcpStream};
use std::collections::VecDeque;

/// Reads of one peer before the others have their turn.
const READS_PER_TURN_MAX: usize = 4;

/// A peer.
pub struct Peer<K: Kernel> {
    pub(super) stream: TcpStream<K>,
    pub(super) token: u64,
    pub(super) connection: Connection,
    /// With the logic unit while a worker executes requests of this peer.
    pub(super) session: Option<Session>,
    /// What the poller was last asked for.
    pub(super) interest: Interest,
    /// When the earliest entry among the deadlines is; `u64::MAX`: there is none.
    pub(super) timer_ns: u64,
    /// Replies that wait for the storage, oldest first.
    pub(super) held: VecDeque<Held>,
}

/// Replies that must not leave before the storage says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    ticket: u64,
    /// Behind the last of them.
    position: u64,
    requests: usize,
}

/// What takes the place of replies whose requests came to nothing.
const LOST: &str = "MISCONF the disk failed before this was safe: the outcome is unknown";

/// What is ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub readable: bool,
    pub writable: bool,
}

impl<K: Kernel> Peer<K> {
    /// One turn, by the seed's reactor: read what is there, handle the requests, write the replies; with
    /// `Config::write_when_ready` only what a write event allows is written, and the rest waits for one.
    pub(super) fn turn<S: Storage>(
        &mut self,
        units: &Units<K, S>,
        scratch: &mut [u8],
        mut ready: Ready,
        now: Now,
    ) -> Outcome {
        let mut outcome = Outcome::Nothing;
        let mut reads = 0;
        self.settle_held(units);
        loop {
            while self.connection.wants_service() {
                self.serve(units, &[], now);
            }
            if ready.writable || !units.write_when_ready {
                self.flush(now);
                if self.connection.wants_service() {
                    continue;
                }
            }
            self.announce_end(now);
            if !ready.readable || !self.connection.wants_read() || self.connection.is_closed() {
                return outcome;
            }
            if reads == READS_PER_TURN_MAX {
                return Outcome::More;
            }
            reads += 1;
            match self.read(units, scratch, now) {
                Ok(short) => {
                    outcome = Outcome::More;
                    ready.readable = !short || units.reads_until_eagain;
                }
                Err(Errno::EAGAIN) => {
                    ready.readable = false;
                    outcome = Outcome::Drained;
                }
                Err(Errno::EINTR) => {}
                Err(_) => self.connection.close(CloseReason::SocketFailed),
            }
        }
    }

    /// One read, and what it completes. `true`: it was short, so the socket was empty for the moment.
    fn read<S: Storage>(&mut self, units: &Units<K, S>, scratch: &mut [u8], now: Now) -> Result<bool, Errno> {
        if self.connection.prefers_own_space() {
            let space = self.connection.read_space();
            let room = space.len();
            let n = self.stream.read(space)?;
            if n == 0 {
                self.connection.end_of_input(now.mono_ns);
            }
            self.connection.received(n, now.mono_ns);
            return Ok(n < room);
        }
        let n = self.stream.read(scratch)?;
        if n == 0 {
            self.connection.end_of_input(now.mono_ns);
            return Ok(true);
        }
        self.serve(units, &scratch[..n], now);
        Ok(n < scratch.len())
    }

    /// Executes what `fresh` completes, on this thread.
    fn serve<S: Storage>(&mut self, units: &Units<K, S>, fresh: &[u8], now: Now) {
        let Some(session) = &mut self.session else {
            self.connection.receive(fresh, now.mono_ns);
            return;
        };
        let mut logic = units.logic.lock();
        if logic.holds_replies() {
            self.connection.hold_replies();
        }
        let served = self
            .connection
            .serve(fresh, now.mono_ns, |request, out| logic.execute(session, request, now.wall, out));
        logic.finish_turn(session, now.wall);
        let commit = logic.commit();
        let orders = logic.take_orders();
        drop(logic);
        self.hold(commit, served.requests);
        if !orders.is_empty() {
            units.order(orders);
        }
    }

    /// The replies of the turn may leave, or wait.
    fn hold(&mut self, commit: Commit, requests: usize) {
        let position = self.connection.reply_position();
        match commit {
            Commit::Done if self.held.is_empty() => self.connection.release_replies(position),
            // Nothing of this turn waits, but what came before it does: so does this, in its place.
            Commit::Done => {
                if let Some(last) = self.held.back_mut() {
                    (last.position, last.requests) = (position, last.requests + requests);
                }
            }
            Commit::Pending(ticket) => match self.held.back_mut() {
                Some(last) if last.ticket == ticket => {
                    (last.position, last.requests) = (position, last.requests + requests);
                }
                _ => self.held.push_back(Held { ticket, position, requests }),
            },
        }
    }

    /// Whether replies wait for the storage.
    pub(super) fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Asks the storage about replies that wait for it: they leave, become errors, or wait on.
    pub(super) fn settle_held<S: Storage>(&mut self, units: &Units<K, S>) {
        let Some(first) = self.held.front() else { return };
        let mut logic = units.logic.lock();
        let mut standing = logic.standing(first.ticket);
        while let (Some(held), true) = (self.held.front().copied(), standing != Standing::Pending) {
            if standing == Standing::Failed {
                // Whatever waits behind it was executed on what is not there any more.
                let requests = self.held.drain(..).map(|held| held.requests).sum();
                self.connection.fail_replies(requests, LOST);
                return;
            }
            self.connection.release_replies(held.position);
            self.held.pop_front();
            standing = self.held.front().map_or(Standing::Pending, |next| logic.standing(next.ticket));
        }
    }

    /// Writes until all is sent or the socket is full.
    pub(super) fn flush(&mut self, now: Now) {
        while self.connection.wants_write() {
            match self.stream.write(self.connection.output()) {
                Ok(n) => self.connection.sent(n, now.mono_ns),
                Err(Errno::EAGAIN) => return,
                Err(Errno::EINTR) => {}
                Err(_) => self.connection.close(CloseReason::SocketFailed),
            }
        }
    }

    /// All is said: half-close, so that the peer's end can come and no reset destroys our last bytes.
    pub(super) fn announce_end(&mut self, now: Now) {
        if self.connection.wants_shutdown() {
            // ENOTCONN: the peer has reset the connection; the next read says so.
            let _ = self.stream.shutdown(ShutdownHow::Write);
            self.connection.shutdown_done(now.mono_ns);
        }
    }

    /// What is wanted of the socket from now on.
    pub(super) fn wanted(&self) -> Interest {
        Interest { readable: self.connection.wants_read(), writable: self.connection.wants_write() }
    }
}
