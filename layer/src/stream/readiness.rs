//! What `tokio::net::TcpStream` has beside reading and writing: whether a direction is ready, and a look at what has
//! arrived. A direction that the layer finds ready stays so until a call has moved something.

use super::{EAGAIN, Layered};
use eagain_sim::fault::Family;
use eagain_sim::trace::Kind;
use std::io;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// A stream whose readiness can be asked for.
pub(crate) trait Readiness {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_write_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Copies what has arrived, and leaves it there.
    fn poll_peek(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>>;
    /// The real socket, for its options; `None` where there is none.
    fn tokio(&self) -> Option<&tokio::net::TcpStream>;
}

impl<S: Readiness> Readiness for Layered<S> {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.world.failed() {
            return Poll::Pending;
        }
        self.reader = Some(cx.waker().clone());
        if self.inner.is_some() && self.read.poll_ready(&self.world, self.actor, cx).is_pending() {
            return Poll::Pending;
        }
        match &mut self.inner {
            Some(inner) => inner.poll_read_ready(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.world.failed() {
            return Poll::Pending;
        }
        if self.inner.is_some() && self.write.poll_ready(&self.world, self.actor, cx).is_pending() {
            return Poll::Pending;
        }
        match &mut self.inner {
            Some(inner) => inner.poll_write_ready(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_peek(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let room = buf.remaining();
        if self.world.failed() {
            return Poll::Pending;
        }
        self.reader = Some(cx.waker().clone());
        if self.inner.is_some() && self.read.poll_ready(&self.world, self.actor, cx).is_pending() {
            self.note(Kind::PollRead, room, EAGAIN, &[], self.read.cause());
            return Poll::Pending;
        }
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(if self.first_after_reset() {
                Err(io::ErrorKind::ConnectionReset.into())
            } else {
                Ok(0)
            });
        };
        let polled = inner.poll_peek(cx, buf);
        if let Poll::Ready(Ok(count)) = &polled {
            // What has been seen has arrived: the read that takes it is not shorter.
            let object = || self.read.object().to_owned();
            let most = self.read_most.get_or_insert_with(|| {
                self.world.choose_fault(Family::StreamShortRead, &mut self.short_read, object)
            });
            if *most > 0 {
                *most = (*most).max(*count as u64);
            }
        }
        polled
    }

    fn tokio(&self) -> Option<&tokio::net::TcpStream> {
        self.inner.as_ref().and_then(Readiness::tokio)
    }
}
