//! A connection as a task: one poll function that asks the state machine what it wants, and the stream for it. There is
//! no future that a `select!` could drop half-way, and the order of asking is fixed.

use super::shared::{Notice, Shared, Wish};
use super::timer::DeadlineTimer;
use super::turn_away;
use crate::io_unit::Window;
use crate::io_unit::awaiting_durability::{self, AwaitingDurability};
use crate::io_unit::connection::{CloseReason, Connection};
use crate::io_unit::units::Now;
use crate::logic_unit::Place;
use crate::storage_unit::Storage;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads of one peer before the others have their turn.
const READS_PER_TURN_MAX: usize = 4;

/// A peer.
pub(super) struct Peer<T, S: Storage> {
    shared: Rc<Shared<S>>,
    stream: T,
    connection: Connection,
    awaiting: AwaitingDurability,
    notice: Rc<Notice>,
    timer: DeadlineTimer,
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static, S: Storage + 'static> Peer<T, S> {
    /// A connection becomes a peer, or gets an error that says why not.
    pub fn admit(shared: &Rc<Shared<S>>, stream: T, from: &str, local: &str) -> Option<Peer<T, S>> {
        let now = shared.now();
        let mut logic = shared.logic.borrow_mut();
        if !logic.admits_client(true) {
            tokio::task::spawn_local(turn_away(stream));
            return None;
        }
        let mut session = logic.connect(from, local, now.wall);
        session.place = Place { at_loop: 0, token: session.id };
        let mut connection = Connection::new(&logic.limits(), now.mono_ns);
        connection.set_trusted(logic.config().password.is_empty());
        if shared.upstream.is_some() {
            connection.limit_under_way(Window::of(logic.config()));
        }
        drop(logic);
        let notice = shared.enter(session);
        let (shared, awaiting) = (shared.clone(), AwaitingDurability::default());
        Some(Peer { shared, stream, connection, awaiting, notice, timer: DeadlineTimer::new() })
    }

    /// Runs until the connection is closed.
    pub async fn run(mut self) {
        poll_fn(|cx| self.turn(cx)).await;
        let Peer { shared, stream, connection, notice, .. } = self;
        drop(stream);
        let client = notice.session.borrow().id;
        shared.leave(client);
        if let Some(Notice { session, .. }) = Rc::into_inner(notice) {
            shared.logic.borrow_mut().disconnect(session.into_inner(), connection.end());
        }
        if let Some(upstream) = &shared.upstream {
            upstream.stir(&shared);
        }
    }

    /// One turn: what is asked of the peer, then read what is there, handle the requests, write the replies. `Ready`: the connection is
    /// over.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.shared.now();
        let wish = self.notice.take(cx.waker());
        match wish {
            Wish::None | Wish::News => {}
            Wish::Limits => self.connection.set_limits(&self.shared.logic.borrow().limits()),
            // What has come is still received, as much as a turn does, whatever waits to be answered or sent before it.
            Wish::Drain => {
                if self.exchange(cx, now).is_ready() {
                    return Poll::Ready(());
                }
                if self.connection.wants_last_read() {
                    let _ = self.read(cx, now);
                }
                self.connection.drain(now.mono_ns);
            }
            Wish::Close => self.connection.close(CloseReason::ServerStopping),
            Wish::Kill => self.connection.close(CloseReason::Killed),
        }
        self.awaiting.ask(&mut self.connection, &mut self.shared.logic.borrow_mut(), now.mono_ns);
        self.take_arrived(now);
        if self.connection.is_waiting() || self.notice.session.borrow().subscriptions.is_some() {
            self.deliver(matches!(wish, Wish::News | Wish::Limits), now);
        }
        self.exchange(cx, now)
    }

    /// Reads, handles and writes until the stream has nothing more or it is the turn of others. `Ready`: the connection is over.
    fn exchange(&mut self, cx: &mut Context<'_>, now: Now) -> Poll<()> {
        let mut reads = 0;
        loop {
            self.take_arrived(now);
            while self.connection.wants_service() {
                self.serve(0, now);
            }
            self.flush(cx, now);
            if self.connection.wants_service() {
                continue;
            }
            if self.connection.wants_shutdown() && Pin::new(&mut self.stream).poll_shutdown(cx).is_ready() {
                // An error: the peer has reset the connection; the next read says so.
                self.connection.shutdown_done(now.mono_ns);
            }
            self.watch_deadline(cx, now);
            if self.connection.is_closed() {
                return Poll::Ready(());
            }
            if !self.connection.wants_read() {
                return Poll::Pending;
            }
            if reads == READS_PER_TURN_MAX {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            reads += 1;
            if self.read(cx, now).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Takes what has come from servers behind.
    fn take_arrived(&mut self, now: Now) {
        if let Some(upstream) = &self.shared.upstream {
            upstream.take_arrived(&self.notice, &mut self.connection, now);
        }
    }

    /// One read, and what it completes.
    fn read(&mut self, cx: &mut Context<'_>, now: Now) -> Poll<()> {
        let own = self.connection.prefers_own_space();
        let shared = self.shared.clone();
        let mut scratch = shared.scratch.borrow_mut();
        let space = if own { self.connection.read_space() } else { &mut scratch[..] };
        let mut buf = ReadBuf::new(space);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut buf);
        let count = buf.filled().len();
        match polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => self.connection.close(CloseReason::SocketFailed),
            Poll::Ready(Ok(())) if count == 0 => self.connection.end_of_input(now.mono_ns),
            Poll::Ready(Ok(())) if own => self.connection.received(count, now.mono_ns),
            Poll::Ready(Ok(())) => {
                drop(scratch);
                self.serve(count, now);
            }
        }
        Poll::Ready(())
    }

    /// Executes what the first `fresh` bytes of the scratch space complete.
    fn serve(&mut self, fresh: usize, now: Now) {
        let Peer { shared, connection, notice, awaiting, .. } = self;
        let scratch = shared.scratch.borrow();
        if let Some(upstream) = &shared.upstream {
            connection.receive(&scratch[..fresh], now.mono_ns);
            return upstream.serve(shared, connection, &notice.session, now);
        }
        let (session, mut logic) = (&mut *notice.session.borrow_mut(), shared.logic.borrow_mut());
        if logic.begin_turn() {
            connection.hold_replies();
        }
        let served = connection.serve(&scratch[..fresh], now.mono_ns, |request, out| {
            logic.execute(session, request, now.wall, out)
        });
        logic.finish_turn(session, now.wall);
        let commit = logic.commit();
        let orders = logic.take_orders();
        let next_expiry = logic.next_expiry_ms();
        drop(logic);
        awaiting.hold(connection, commit, served.requests, now.mono_ns);
        connection.wait_from(|| shared.now().mono_ns);
        shared.after_execution(orders, next_expiry);
    }

    /// Takes what was put aside for the client, and goes on where it has waited long enough.
    fn deliver(&mut self, is_notified: bool, now: Now) {
        let Peer { shared, connection, notice, awaiting, .. } = self;
        let session = &mut notice.session.borrow_mut();
        awaiting_durability::deliver(
            connection,
            awaiting,
            session,
            &mut shared.logic.borrow_mut(),
            is_notified,
            now,
        );
    }

    /// Writes until all is sent or the stream is full.
    fn flush(&mut self, cx: &mut Context<'_>, now: Now) {
        while self.connection.wants_write() {
            match Pin::new(&mut self.stream).poll_write(cx, self.connection.output()) {
                Poll::Pending => return,
                Poll::Ready(Ok(count)) if count > 0 => self.connection.sent(count, now.mono_ns),
                // It takes nothing: it never will.
                Poll::Ready(Ok(_) | Err(_)) => self.connection.close(CloseReason::SocketFailed),
            }
        }
    }

    /// Sees to it that the task is woken for the connection's deadline, and ends the connection when that has passed.
    fn watch_deadline(&mut self, cx: &mut Context<'_>, now: Now) {
        while let Some(deadline) = self.connection.deadline() {
            let expired = self.timer.expired(cx, deadline, |at| self.shared.instant(at));
            if !expired || self.connection.deadline_passed(now.mono_ns) {
                return;
            }
            if self.connection.has_waited(now.mono_ns) {
                // The next turn goes on with it.
                cx.waker().wake_by_ref();
                return;
            }
        }
    }
}
