//! One stream with faults: each call is delayed, shortened or passed on as the choices say, and recorded.
//!
//! | choice | what the program sees | the state behind it |
//! |---|---|---|
//! | `stream.not-ready`, `stream.stall` | `Pending`, and later a wake | nothing has arrived, or nothing fits, until then |
//! | `stream.short-read` | fewer bytes than are there | the rest stays in the stream below |
//! | `stream.short-write` | fewer bytes taken than offered | no more fitted; the next call finds room again |
//! | `stream.reset` | `ECONNRESET` once, then `EPIPE` or the end | the stream below is closed |
//!
//! A reset drops the stream below. So its peer sees an end, perhaps in the middle of a message, as when the program at the other
//! side dies; and a reset where the stream below makes one of bytes that were not read (TCP).

mod readiness;

pub(crate) use readiness::Readiness;

use crate::direction::Direction;
use eagain_sim::choice::Stream;
use eagain_sim::fault::Family;
use eagain_sim::trace::Kind;
use eagain_sim::{Actor, External};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What results that are not ready are written as: Linux's number of `EAGAIN`.
const EAGAIN: i64 = -11;
/// Any other error that carries no number of its own: `EIO`.
const EIO: i64 = -5;

/// A wrapped stream.
pub struct Layered<S> {
    /// `None` once the connection is gone.
    inner: Option<S>,
    world: External,
    actor: Actor,
    read: Direction,
    write: Direction,
    short_read: Stream,
    short_write: Stream,
    reset: Stream,
    /// How much the read under way may give.
    read_most: Option<u64>,
    /// How much the write under way may take, and whether the connection ends with it.
    write_most: Option<Most>,
    /// The reset was reported to the program.
    reset_reported: bool,
    /// A read that waits, to be woken should the connection go.
    reader: Option<Waker>,
}

#[derive(Clone, Copy)]
struct Most {
    /// 0: no bound.
    short: u64,
    /// 0: it goes on; else one more than the bytes that still leave.
    reset: u64,
}

impl<S: fmt::Debug> fmt::Debug for Layered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Layered");
        match &self.inner {
            Some(inner) => debug.field("inner", inner),
            None => debug.field("inner", &"reset"),
        };
        debug.finish_non_exhaustive()
    }
}

impl<S> Layered<S> {
    pub(crate) fn new(world: External, name: &str, inner: S) -> Layered<S> {
        let actor = world.actor(name);
        Layered {
            inner: Some(inner),
            world,
            actor,
            read: Direction::new(format!("{name}/read")),
            write: Direction::new(format!("{name}/write")),
            short_read: Stream::default(),
            short_write: Stream::default(),
            reset: Stream::default(),
            read_most: None,
            write_most: None,
            reset_reported: false,
            reader: None,
        }
    }

    /// The stream below; `None` after a reset.
    pub fn get_ref(&self) -> Option<&S> {
        self.inner.as_ref()
    }

    /// The stream below; `None` after a reset.
    pub fn get_mut(&mut self) -> Option<&mut S> {
        self.inner.as_mut()
    }

    /// Unwraps the stream below; `None` after a reset.
    pub fn into_inner(self) -> Option<S> {
        self.inner
    }

    fn note(&self, kind: Kind, length: usize, result: i64, bytes: &[u8], cause: Option<u64>) {
        self.world.call(self.actor, kind, [length as u64, 0, 0, 0], result, bytes, cause);
    }

    fn note_error(&self, kind: Kind, length: usize, error: &io::Error) {
        let errno = error.raw_os_error().map_or(kind_errno(error.kind()), |errno| -i64::from(errno));
        self.note(kind, length, errno, &[], None);
    }

    /// The connection is gone: the stream below is closed, and whoever waits learns of it.
    fn tear_down(&mut self) {
        self.inner = None;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn decide_write(&mut self) -> Most {
        if let Some(most) = self.write_most {
            return most;
        }
        let object = || self.write.object().to_owned();
        let most = Most {
            short: self.world.choose_fault(Family::StreamShortWrite, &mut self.short_write, object),
            reset: self.world.choose_fault(Family::StreamReset, &mut self.reset, object),
        };
        *self.write_most.insert(most)
    }

    /// After a reset: the first call says so, later ones find the end.
    fn first_after_reset(&mut self) -> bool {
        !std::mem::replace(&mut self.reset_reported, true)
    }
}

/// The errno that Linux would have returned.
fn kind_errno(kind: io::ErrorKind) -> i64 {
    match kind {
        io::ErrorKind::BrokenPipe => -32,
        io::ErrorKind::ConnectionReset => -104,
        io::ErrorKind::NotConnected => -107,
        io::ErrorKind::ConnectionRefused => -111,
        _ => EIO,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Layered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        let room = buf.remaining();
        if room == 0 {
            return Poll::Ready(Ok(()));
        }
        if me.world.failed() {
            // The run is over; nobody is to do anything any more.
            return Poll::Pending;
        }
        me.reader = Some(cx.waker().clone());
        if me.inner.is_some() && me.read.poll_ready(&me.world, me.actor, cx).is_pending() {
            me.note(Kind::PollRead, room, EAGAIN, &[], me.read.cause());
            return Poll::Pending;
        }
        let Some(inner) = &mut me.inner else {
            if me.first_after_reset() {
                let error = io::Error::from(io::ErrorKind::ConnectionReset);
                me.note_error(Kind::PollRead, room, &error);
                return Poll::Ready(Err(error));
            }
            me.note(Kind::PollRead, room, 0, &[], None);
            return Poll::Ready(Ok(()));
        };
        let object = || me.read.object().to_owned();
        let most = *me.read_most.get_or_insert_with(|| {
            me.world.choose_fault(Family::StreamShortRead, &mut me.short_read, object)
        });
        let allowed = if most == 0 { room } else { room.min(usize::try_from(most).unwrap_or(usize::MAX)) };
        let before = buf.filled().len();
        let polled = if allowed < room {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(allowed));
            let polled = Pin::new(inner).poll_read(cx, &mut part);
            let count = part.filled().len();
            buf.advance(count);
            polled
        } else {
            Pin::new(inner).poll_read(cx, buf)
        };
        match polled {
            Poll::Pending => {
                me.note(Kind::PollRead, room, EAGAIN, &[], None);
                return Poll::Pending;
            }
            Poll::Ready(Err(error)) => {
                me.note_error(Kind::PollRead, room, &error);
                me.read.done();
                me.read_most = None;
                return Poll::Ready(Err(error));
            }
            Poll::Ready(Ok(())) => {}
        }
        me.read.done();
        me.read_most = None;
        let bytes = &buf.filled()[before..];
        let cut = allowed < room && bytes.len() == allowed;
        let cause = cut.then(|| {
            let args = [allowed as u64, 0, 0, 0];
            me.world.fault(Family::StreamShortRead, me.actor, args)
        });
        me.note(Kind::PollRead, room, bytes.len() as i64, bytes, cause);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Layered<S> {
    /// A write of `bytes`, all of which `write` passes on where nothing shortens it.
    fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let length = bytes.len();
        if self.world.failed() {
            return Poll::Pending;
        }
        if self.inner.is_some() && self.write.poll_ready(&self.world, self.actor, cx).is_pending() {
            self.note(Kind::PollWrite, length, EAGAIN, &[], self.write.cause());
            return Poll::Pending;
        }
        let most = self.decide_write();
        if most.reset == 1 && self.inner.is_some() {
            self.world.fault(Family::StreamReset, self.actor, [0; 4]);
            self.tear_down();
        }
        let first = self.inner.is_none() && self.first_after_reset();
        let Some(inner) = &mut self.inner else {
            let kind = if first { io::ErrorKind::ConnectionReset } else { io::ErrorKind::BrokenPipe };
            let error = io::Error::from(kind);
            self.note_error(Kind::PollWrite, length, &error);
            return Poll::Ready(Err(error));
        };
        let bound = |most: u64| if most == 0 { length } else { usize::try_from(most).unwrap_or(usize::MAX) };
        let allowed = length.min(bound(most.short)).min(bound(most.reset.saturating_sub(1)));
        let polled = if allowed < length {
            Pin::new(inner).poll_write(cx, &bytes[..allowed])
        } else {
            write(Pin::new(inner), cx)
        };
        match &polled {
            Poll::Pending => {
                self.note(Kind::PollWrite, length, EAGAIN, &[], None);
                return Poll::Pending;
            }
            Poll::Ready(Err(error)) => self.note_error(Kind::PollWrite, length, error),
            Poll::Ready(Ok(count)) => {
                let (family, args) = (Family::StreamShortWrite, [allowed as u64, 0, 0, 0]);
                let cut = most.reset == 0 && *count == allowed && allowed < length;
                let cause = cut.then(|| self.world.fault(family, self.actor, args));
                self.note(Kind::PollWrite, length, *count as i64, &bytes[..*count], cause);
                if most.reset > 0 {
                    self.world.fault(Family::StreamReset, self.actor, [*count as u64, 0, 0, 0]);
                    self.tear_down();
                }
            }
        }
        self.write.done();
        self.write_most = None;
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Layered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_write_with(cx, bytes, |inner, cx| inner.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        if all.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_write_with(cx, &all, |inner, cx| inner.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_flush(cx),
            // As on a socket, which has nothing to flush.
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_shutdown(cx),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        match &polled {
            Poll::Pending => self.note(Kind::PollShutdown, 0, EAGAIN, &[], None),
            Poll::Ready(Ok(())) => self.note(Kind::PollShutdown, 0, 0, &[], None),
            Poll::Ready(Err(error)) => self.note_error(Kind::PollShutdown, 0, error),
        }
        polled
    }
}
