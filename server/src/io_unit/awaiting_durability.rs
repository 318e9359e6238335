//! Replies that must not leave before the storage says so. They are in the connection's outbox behind its gate; here is
//! which ticket opens it how far, and, of a loop, which peers there is to be looked at when the storage has news.

use super::connection::Connection;
use super::units::Now;
use crate::logic_unit::{LogicUnit, Session};
use crate::storage_unit::{Commit, Standing, Storage};
use std::collections::VecDeque;

/// What takes the place of replies whose requests came to nothing.
const LOST: &str = "MISCONF the disk failed before this was safe: the outcome is unknown";

/// Replies of one connection that wait for the storage, oldest first.
#[derive(Debug, Default)]
pub(crate) struct AwaitingDurability {
    /// There from when anything first waits.
    #[expect(clippy::box_collection, reason = "most connections have none: 24 bytes less for each")]
    waiting: Option<Box<VecDeque<Waiting>>>,
}

/// Replies that wait for the same ticket.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    ticket: u64,
    /// Behind the last of them.
    position: u64,
    requests: usize,
}

impl AwaitingDurability {
    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.front().is_none()
    }

    #[inline]
    fn front(&self) -> Option<Waiting> {
        self.waiting.as_ref()?.front().copied()
    }

    /// The ticket that is to be waited for.
    pub(crate) fn ticket(&self) -> Option<u64> {
        self.front().map(|first| first.ticket)
    }

    /// The replies to `requests`, last in the outbox, may leave, or wait.
    #[inline]
    pub(crate) fn hold(&mut self, connection: &mut Connection, commit: Commit, requests: usize, now_ns: u64) {
        if commit == Commit::Done && self.is_empty() && !connection.holds_replies() {
            return;
        }
        let position = connection.reply_position();
        let waiting = self.waiting.get_or_insert_default();
        match (commit, waiting.back_mut()) {
            (Commit::Done, None) => connection.release_replies(position, now_ns),
            // Nothing of this turn waits, but what came before it does: so does this, in its place.
            (Commit::Done, Some(last)) => {
                (last.position, last.requests) = (position, last.requests + requests);
            }
            (Commit::Pending(ticket), Some(last)) if last.ticket == ticket => {
                (last.position, last.requests) = (position, last.requests + requests);
            }
            (Commit::Pending(ticket), _) => {
                waiting.push_back(Waiting { ticket, position, requests });
            }
        }
    }

    /// Asks the storage: replies leave, become errors, or wait on. `true`: there was news.
    pub(crate) fn ask<S: Storage>(
        &mut self,
        connection: &mut Connection,
        logic: &mut LogicUnit<S>,
        now_ns: u64,
    ) -> bool {
        let Some(first) = self.ticket() else { return false };
        let mut standing = logic.standing(first);
        let has_news = standing != Standing::Pending;
        while let (Some(reply), true) = (self.front(), standing != Standing::Pending) {
            if standing == Standing::Failed {
                // Whatever waits behind it was executed on what is not there any more.
                let all = self.waiting.take().into_iter().flat_map(|waiting| *waiting);
                let requests = all.map(|reply| reply.requests).sum();
                connection.fail_replies(requests, LOST, now_ns);
                break;
            }
            connection.release_replies(reply.position, now_ns);
            if let Some(waiting) = &mut self.waiting {
                waiting.pop_front();
            }
            standing = self.ticket().map_or(Standing::Pending, |next| logic.standing(next));
        }
        has_news
    }
}

/// A connection takes what was put aside for its client, and goes on with a request that has waited long enough. `is_notified`: there
/// was a [`Look`](crate::logic_unit::Order::Look), which also ends a pause.
pub(crate) fn deliver<S: Storage>(
    connection: &mut Connection,
    awaiting: &mut AwaitingDurability,
    session: &mut Session,
    logic: &mut LogicUnit<S>,
    is_notified: bool,
    now: Now,
) {
    let is_late = connection.has_waited(now.mono_ns);
    if is_notified || is_late {
        connection.resume();
    }
    let Some(delivery) = logic.take_delivery(session, is_late) else { return };
    if delivery.commit != Commit::Done {
        connection.hold_replies();
    }
    let limits = &logic.config().limits;
    let limit = if session.subscriptions.is_some() { limits.channel_output } else { limits.output };
    connection.deliver(&delivery.bytes, delivery.answered, limit, now.mono_ns);
    awaiting.hold(connection, delivery.commit, usize::from(delivery.answered), now.mono_ns);
}
