//! What does not go from request to reply: a request that waits, and what the peer is sent without having asked.

use super::{CloseReason, Connection, Phase};
use crate::limits::OutputLimit;
use crate::request_queue::Wait;

/// Bytes that are received behind a request that waits, so that the peer's end is seen.
const READ_WHILE_WAITING_MAX: usize = 64 * 1024;

/// A request that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    wait: Wait,
    /// `u64::MAX`: for ever.
    until_ns: u64,
    /// [`Connection::wait_from`] has not been called since it began.
    is_new: bool,
}

/// More waits for the peer than may for long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overfull {
    bytes_soft: usize,
    until_ns: u64,
}

impl Connection {
    /// The oldest request without a reply waits.
    #[cold]
    pub(super) fn begin_wait(&mut self, wait: Wait, now_ns: u64) {
        let until_ns = match wait {
            Wait::Reply(0) => u64::MAX,
            Wait::Reply(ms) | Wait::Pause(ms) => now_ns.saturating_add(ms.saturating_mul(1_000_000)),
        };
        self.waiting = Some(Box::new(Waiting { wait, until_ns, is_new: true }));
    }

    /// If a request has just begun to wait for others, it does so from now on: the turn in which it came may have begun long before it.
    #[inline]
    pub fn wait_from(&mut self, clock: impl FnOnce() -> u64) {
        let Some(waiting) = &mut self.waiting else { return };
        if std::mem::take(&mut waiting.is_new)
            && let Wait::Reply(ms @ 1..) = waiting.wait
        {
            waiting.until_ns = clock().saturating_add(ms.saturating_mul(1_000_000));
        }
    }

    /// Whether a request waits.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether a request waits for what others do.
    pub fn waits_for_others(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| matches!(waiting.wait, Wait::Reply(_)))
    }

    /// Whether a request has waited for as long as it may. The logic unit is to be asked then, and [`Connection::resume`] or
    /// [`Connection::deliver`] to be called.
    pub fn has_waited(&self, now_ns: u64) -> bool {
        self.phase == Phase::Open && self.waiting.as_ref().is_some_and(|waiting| waiting.until_ns <= now_ns)
    }

    /// Until when a request waits; `u64::MAX`: for ever, or none does.
    pub(super) fn waits_until(&self) -> u64 {
        match &self.waiting {
            Some(waiting) if self.phase == Phase::Open => waiting.until_ns,
            _ => u64::MAX,
        }
    }

    pub(super) fn has_room_while_waiting(&self) -> bool {
        self.inbox.len() < READ_WHILE_WAITING_MAX
    }

    /// A request that was put off is to be executed again.
    pub fn resume(&mut self) {
        if self.waiting.as_ref().is_some_and(|waiting| matches!(waiting.wait, Wait::Pause(_))) {
            self.waiting = None;
        }
    }

    /// Takes bytes that are no reply to a request that is being executed. `answered`: the reply to the request that waited is
    /// among them. `limit`: on what may wait for such a client.
    pub fn deliver(&mut self, bytes: &[u8], answered: bool, limit: OutputLimit, now_ns: u64) {
        if self.phase != Phase::Open {
            return;
        }
        if self.peer_has_nothing_to_take() {
            self.output_moved_ns = now_ns;
        }
        if answered {
            self.waiting = None;
            self.answered += 1;
            if let Some(window) = &mut self.window {
                window.answered(bytes);
            }
        }
        if self.outbox.len() + bytes.len() > limit.hard {
            // Half a message would be nonsense, and there is no room for a last word.
            self.close(CloseReason::OutputLimit);
            return;
        }
        self.outbox.tail().extend_from_slice(bytes);
        self.look_at_fill(limit, now_ns);
        self.advance_phase(now_ns);
    }

    /// Bytes have come or left: from now on there may be too many for long, or few enough again.
    #[inline]
    pub(super) fn look_at_fill(&mut self, limit: OutputLimit, now_ns: u64) {
        let waiting = self.outbox.len();
        if let Some(overfull) = &self.overfull {
            if waiting <= overfull.bytes_soft {
                self.overfull = None;
            }
        } else if waiting > limit.soft {
            let until_ns = now_ns.saturating_add(limit.soft_ns);
            self.overfull = Some(Box::new(Overfull { bytes_soft: limit.soft, until_ns }));
        }
    }

    /// Until when it has to become less; `u64::MAX`: it need not.
    pub(super) fn overfull_until(&self) -> u64 {
        self.overfull.as_ref().map_or(u64::MAX, |overfull| overfull.until_ns)
    }
}
