//! Until when a connection may wait, and how it ends.

use super::{CloseReason, Connection, Phase};
use crate::observe::Level;

/// A time that does not come.
const NEVER: u64 = u64::MAX;
/// Buffers that an idle connection keeps.
const IDLE_BYTES_MAX: usize = 256;
/// A connection that has had nothing to do for so long is idle.
const IDLE_NS: u64 = 2_000_000_000;

/// 0 stands for no timeout.
fn after(from: u64, timeout: u64) -> u64 {
    if timeout > 0 { from.saturating_add(timeout) } else { NEVER }
}

impl Connection {
    /// When [`Connection::deadline_passed`] wants to be called at the latest. It may move later at any time; a timer
    /// that fires too early is simply set again.
    pub fn deadline(&self) -> Option<u64> {
        // Nearly always: nothing is under way.
        let is_idle = self.phase == Phase::Open && self.outbox.is_empty() && self.in_flight() == 0;
        let at = if is_idle && self.overfull.is_none() && self.waiting.is_none() {
            after(self.active_ns, self.limits().idle_timeout_ns).min(self.releases_at())
        } else {
            self.ends_at().min(self.waits_until()).min(self.releases_at())
        };
        (at != NEVER).then_some(at)
    }

    /// When it is to be closed.
    fn ends_at(&self) -> u64 {
        self.phase_end().min(self.overfull_until())
    }

    /// When buffers that are larger than those of a small request are given back: nobody knows whether they are ever needed again.
    #[inline]
    fn releases_at(&self) -> u64 {
        // First the test that hardly any connection passes.
        let is_due = self.memory() > IDLE_BYTES_MAX
            && self.phase == Phase::Open
            && self.in_flight() == 0
            && self.inbox.is_empty()
            && self.outbox.is_empty();
        if is_due { self.active_ns.saturating_add(IDLE_NS) } else { NEVER }
    }

    fn phase_end(&self) -> u64 {
        match self.phase {
            Phase::Closed => NEVER,
            Phase::Lingering => self.linger_until_ns,
            _ if !self.peer_has_nothing_to_take() => {
                after(self.output_moved_ns, self.limits().write_stall_timeout_ns)
            }
            // Replies that wait for the disk are in the outbox: whoever waits for them is not idle.
            Phase::Open if self.in_flight() == 0 && self.outbox.is_empty() => {
                after(self.active_ns, self.limits().idle_timeout_ns)
            }
            _ => NEVER,
        }
    }

    /// Whatever is in the outbox, if anything, waits for the disk.
    pub(super) fn peer_has_nothing_to_take(&self) -> bool {
        self.outbox.taken() == 0 && self.outbox.sendable().is_empty()
    }

    /// Closes the connection if its deadline has passed; whether it did. Gives buffers back that have not been needed for a while.
    pub fn deadline_passed(&mut self, now_ns: u64) -> bool {
        if self.releases_at() <= now_ns {
            self.release_idle_memory();
        }
        if now_ns < self.ends_at() {
            return false;
        }
        let is_overfull = self.overfull_until() <= now_ns;
        let reason = if is_overfull {
            CloseReason::OutputLimit
        } else if !self.outbox.is_empty() {
            CloseReason::WriteStalled
        } else {
            CloseReason::Idle
        };
        self.close(reason);
        true
    }

    /// Whether our end has to be announced to the peer (`shutdown(SHUT_WR)`), once, with
    /// [`Connection::shutdown_done`] after it.
    pub fn wants_shutdown(&self) -> bool {
        self.phase == Phase::Lingering && !self.shutdown_announced
    }

    /// Our end was announced.
    pub fn shutdown_done(&mut self, now_ns: u64) {
        self.shutdown_announced = true;
        self.linger_until_ns = now_ns.saturating_add(self.limits().linger_timeout_ns);
    }

    /// Ends the connection at once; nothing that waits is sent.
    pub fn close(&mut self, reason: CloseReason) {
        self.close_reason.get_or_insert(reason);
        self.phase = Phase::Closed;
        self.forget_input();
        self.outbox.clear();
    }

    /// Whether the socket can be closed.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Where the connection is in its life.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why it ends or ended.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close_reason
    }

    /// The end in words, and how grave it is.
    pub fn end(&self) -> (Level, &'static str) {
        match self.close_reason {
            None | Some(CloseReason::PeerEnded) => (Level::Verbose, "it has gone"),
            Some(CloseReason::CommandAsked) => (Level::Verbose, "closed, as it has asked"),
            Some(CloseReason::ProtocolError(_)) => (Level::Verbose, "closed, for its bytes were no requests"),
            Some(CloseReason::OutputLimit) => {
                (Level::Warning, "closed, for more waits for it than client-output-buffer-limit allows")
            }
            Some(CloseReason::Idle) => (Level::Verbose, "closed, for it was silent for longer than timeout"),
            Some(CloseReason::WriteStalled) => {
                (Level::Warning, "closed, for it has taken none of its replies for as long as that may be")
            }
            Some(CloseReason::Killed) => (Level::Notice, "closed, as another client or a limit has asked"),
            Some(CloseReason::ServerStopping) => (Level::Verbose, "closed, for the server stops"),
            Some(CloseReason::SocketFailed) => (Level::Verbose, "its connection has failed"),
        }
    }

    /// When a byte was last received or sent.
    pub fn active_ns(&self) -> u64 {
        self.active_ns
    }

    /// Bytes held for this connection, used or not.
    #[inline]
    pub fn memory(&self) -> usize {
        self.inbox.memory() + self.outbox.memory() + self.decoder.memory() + self.parked_bytes()
    }

    /// Gives back buffers that are empty.
    fn release_idle_memory(&mut self) {
        self.inbox.release_idle_memory();
        self.outbox.release_idle_memory();
        self.decoder.release_idle_memory();
    }

    pub(super) fn start_draining(&mut self, reason: CloseReason, now_ns: u64) {
        self.close_reason.get_or_insert(reason);
        self.phase = Phase::Draining;
        self.output_moved_ns = now_ns;
        self.forget_input();
    }

    fn forget_input(&mut self) {
        self.inbox.clear();
        self.parked = None;
        self.starved = true;
        self.waiting = None;
        self.overfull = None;
    }

    /// Moves on to the next phase when this one has nothing left to do.
    #[inline]
    pub(super) fn advance_phase(&mut self, now_ns: u64) {
        if self.phase != Phase::Open || self.input_ended.is_some() {
            self.end_phase(now_ns);
        }
    }

    fn end_phase(&mut self, now_ns: u64) {
        if self.phase == Phase::Open
            && self.starved
            && self.in_flight() == 0
            && let Some(reason) = self.input_ended
        {
            self.start_draining(reason, now_ns);
        }
        if self.phase == Phase::Draining && self.outbox.is_empty() {
            // A peer that has been silent for as long has its last bytes, and one that was sent none has none to lose: a stop
            // does not wait for idle clients.
            let is_silent = now_ns.saturating_sub(self.active_ns) >= self.limits().linger_timeout_ns;
            if self.peer_ended || is_silent || self.outbox.sent_total() == 0 {
                self.phase = Phase::Closed;
            } else {
                self.phase = Phase::Lingering;
                self.linger_until_ns = now_ns.saturating_add(self.limits().linger_timeout_ns);
            }
            self.outbox.release_idle_memory();
        }
        if self.phase == Phase::Lingering && self.peer_ended {
            self.phase = Phase::Closed;
        }
    }
}
