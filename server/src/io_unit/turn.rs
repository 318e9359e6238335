//! One turn of a peer, which is the same whichever thread takes it and however readiness was reported.

use super::connection::CloseReason;
use super::loop_context::LoopContext;
use super::peer::Peer;
use super::scratch::Scratch;
use super::service::Service;
use super::units::Now;
use crate::storage_unit::Storage;
use eagain_net::model::{Event, Outcome};
use eagain_net::{Errno, Kernel};

/// Reads of one peer before the others have their turn.
const READS_PER_TURN_MAX: usize = 4;

/// What is ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    readable: bool,
    writable: bool,
    /// A short read is not the last one.
    until_eagain: bool,
}

impl Ready {
    /// As the I/O model reports it.
    pub fn of(event: Event) -> Ready {
        Ready { readable: event.readable, writable: event.writable, until_eagain: event.until_eagain }
    }

    /// Nothing is known of the socket; `writable`: writing may be tried.
    pub fn to_go_on(writable: bool) -> Ready {
        Ready { readable: false, writable, until_eagain: false }
    }

    /// Reading may be tried too.
    pub fn with_input(self) -> Ready {
        Ready { readable: true, ..self }
    }
}

impl<K: Kernel> Peer<K> {
    /// One turn on a non-blocking socket: read what is there, have the requests handled, write the replies; with
    /// `Config::write_when_ready` only what a write event allows is written, and the rest waits for one.
    pub(super) fn turn<S: Storage>(
        &mut self,
        context: &LoopContext<K, S>,
        service: &mut Service<K>,
        scratch: &mut Scratch,
        ready: Ready,
        now: Now,
    ) -> Outcome {
        self.connection.borrow_buffers(&mut scratch.buffers);
        let outcome = self.read_serve_write(context, service, &mut scratch.bytes, ready, now);
        self.connection.return_buffers(&mut scratch.buffers);
        outcome
    }

    fn read_serve_write<S: Storage>(
        &mut self,
        context: &LoopContext<K, S>,
        service: &mut Service<K>,
        scratch: &mut [u8],
        mut ready: Ready,
        now: Now,
    ) -> Outcome {
        let mut outcome = Outcome::Nothing;
        let mut reads = 0;
        context.ask_storage(self, now);
        loop {
            while service.takes(self) {
                service.serve(&context.units, self, &[], now);
            }
            if ready.writable || !context.units.config.write_when_ready {
                // Until all is sent or the socket is full, and room is then reported by itself.
                if self.flush(|| now) {
                    if outcome == Outcome::Nothing {
                        outcome = Outcome::Drained;
                    }
                    if service.takes(self) {
                        continue;
                    }
                }
            }
            if context.ask_storage(self, now) {
                continue;
            }
            self.announce_end(now);
            if !ready.readable || !self.connection.wants_read() || self.connection.is_closed() {
                return outcome;
            }
            if reads == READS_PER_TURN_MAX {
                return Outcome::More;
            }
            reads += 1;
            match self.read(context, service, scratch, now) {
                Ok(true) if !ready.until_eagain => {
                    outcome = Outcome::Drained;
                    ready.readable = false;
                }
                Ok(_) => outcome = Outcome::More,
                Err(Errno::EAGAIN) => {
                    ready.readable = false;
                    if outcome == Outcome::More {
                        outcome = Outcome::Drained;
                    }
                }
                Err(Errno::EINTR) => {}
                Err(_) => self.connection.close(CloseReason::SocketFailed),
            }
        }
    }

    /// One read, and what it completes. `true`: it was short, so the socket was empty for the moment.
    fn read<S: Storage>(
        &mut self,
        context: &LoopContext<K, S>,
        service: &mut Service<K>,
        scratch: &mut [u8],
        now: Now,
    ) -> Result<bool, Errno> {
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
        service.serve(&context.units, self, &scratch[..n], now);
        Ok(n < scratch.len())
    }
}
