//! The upstream servers of one with a role that keeps nothing: the proxy that its peers and its links share. A peer queues
//! requests, the task of a link sends them, and a task that has changed something wakes the others that this concerns.

use super::shared::{Arrived, Notice, Shared};
use crate::cluster::feeds::News;
use crate::cluster::proxy::{Proxy, Taken};
use crate::io_unit::connection::Connection;
use crate::io_unit::units::Now;
use crate::limits::OutputLimit;
use crate::logic_unit::Session;
use crate::request_queue::{ReplyBatch, RequestBatch};
use crate::storage_unit::Storage;
use std::cell::{Cell, RefCell};
use std::task::Waker;

/// The proxy, and the links behind it.
pub(super) struct Upstream {
    pub proxy: RefCell<Proxy>,
    links: Vec<Slot>,
    batch: RefCell<RequestBatch>,
}

/// What others know of a link's task.
#[derive(Default)]
struct Slot {
    waker: RefCell<Option<Waker>>,
    /// How many requests the link had when its task last looked. Only that task makes it fewer: more means that there is
    /// something to send, or another deadline.
    seen: Cell<usize>,
}

impl Upstream {
    pub fn new(proxy: Proxy, links: usize) -> Upstream {
        Upstream {
            proxy: RefCell::new(proxy),
            links: (0..links).map(|_| Slot::default()).collect(),
            batch: RefCell::default(),
        }
    }

    /// The task of a link is at its turn.
    pub fn at_turn(&self, server: usize, waker: &Waker) {
        let mut mine = self.links[server].waker.borrow_mut();
        if mine.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            *mine = Some(waker.clone());
        }
    }

    /// It has looked at everything that its link has.
    pub fn looked(&self, server: usize) {
        self.links[server].seen.set(self.proxy.borrow_mut().link(server).load());
    }

    /// Replies and messages go to their peers, and links that have more to do are woken.
    pub fn stir<S: Storage>(&self, shared: &Shared<S>) {
        let mut proxy = self.proxy.borrow_mut();
        let mut logic = shared.logic.borrow_mut();
        for due in proxy.take_due() {
            if let Some(peer) = shared.peer(due.client) {
                peer.arrives(Arrived::Reply(due.into_replies(&mut logic)));
            }
        }
        for news in proxy.feeds().take_news() {
            match news {
                News::Settled(settled) => {
                    let now = shared.now();
                    if let Some(peer) = shared.peer(settled.client) {
                        let bytes = settled.reply(&mut logic, &mut peer.session.borrow_mut(), now.wall);
                        peer.arrives(Arrived::Subscribed(bytes));
                    }
                    proxy.feeds().forget(&settled.topics, logic.channels(), now.mono_ns);
                }
                News::Message(words) => logic.forward(&words),
            }
        }
        let emptied = logic.channels().take_emptied();
        if !emptied.is_empty() {
            proxy.feeds().forget(&emptied, logic.channels(), shared.now().mono_ns);
        }
        let orders = logic.take_orders();
        drop(logic);
        shared.after_execution(orders, None);
        let moved = proxy.take_moved();
        for (number, slot) in self.links.iter().enumerate() {
            if (proxy.link(number).load() > slot.seen.get() || moved == Some(number))
                && let Some(waker) = slot.waker.take()
            {
                waker.wake();
            }
        }
    }

    /// Hands a peer's requests to the proxy, or has them answered here, where they are about the connection or about this
    /// server.
    pub fn serve<S: Storage>(
        &self,
        shared: &Shared<S>,
        connection: &mut Connection,
        session: &RefCell<Session>,
        now: Now,
    ) {
        let mut batch = self.batch.borrow_mut();
        if !connection.take_batch(&mut batch, now.mono_ns) {
            return;
        }
        let (mut session, mut logic) = (session.borrow_mut(), shared.logic.borrow_mut());
        for (number, request) in (batch.first()..).zip(batch.iter()) {
            match self.proxy.borrow_mut().take(session.id, number, &session, request, now.mono_ns) {
                Taken::PassedOn => {}
                Taken::Subscribes => connection.complete(ReplyBatch::waiting(number), now.mono_ns),
                Taken::Not => {
                    let mut bytes = Vec::new();
                    let after = logic.execute(&mut session, request, now.wall, &mut bytes);
                    connection.complete(ReplyBatch::one(number, bytes, after), now.mono_ns);
                }
            }
        }
        logic.finish_turn(&mut session, now.wall);
        drop((session, logic));
        self.stir(shared);
    }

    /// Takes what has come for a peer.
    pub fn take_arrived(&self, notice: &Notice, connection: &mut Connection, now: Now) {
        for arrived in notice.take_arrived() {
            match arrived {
                Arrived::Reply(replies) => connection.complete(replies, now.mono_ns),
                Arrived::Subscribed(bytes) => {
                    connection.deliver(&bytes, true, OutputLimit::NONE, now.mono_ns)
                }
            }
        }
    }
}
