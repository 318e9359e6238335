//! A connection. All methods take `&self`, as tokio's do: the stream is behind a lock, which is held while a call is polled
//! and never while it waits.

use super::address::ToSocketAddrs;
use super::any::{AnyStream, host};
use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::wakers::Wakers;
use crate::Layer;
use crate::stream::Readiness;
use bytes::BufMut;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

/// A stream with or without a layer.
pub(super) trait Connection: AsyncRead + AsyncWrite + Readiness + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Readiness + Unpin + Send> Connection for S {}

/// As `tokio::net::TcpStream`: see the [module](super).
pub struct TcpStream {
    stream: Mutex<Box<dyn Connection>>,
    readers: Arc<Wakers>,
    writers: Arc<Wakers>,
    local: SocketAddr,
    peer: SocketAddr,
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("addr", &self.local)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// The result of a call that does not wait.
fn now<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl TcpStream {
    /// Connects to the first address that takes it.
    ///
    /// # Errors
    ///
    /// Those of connect(2) for the last address; `NotFound` or `InvalidInput` where there is none.
    pub async fn connect<A: ToSocketAddrs>(address: A) -> io::Result<TcpStream> {
        let stream = AnyStream::connect(address).await?;
        let name = format!("{}>{}", host(stream.local_addr()), host(stream.peer_addr()));
        Ok(TcpStream::of(stream, Layer::current().as_ref(), &name))
    }

    /// A connection of the standard library, which has to be nonblocking.
    ///
    /// # Errors
    ///
    /// Those of `tokio::net::TcpStream::from_std`.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        let stream = AnyStream::Tokio(tokio::net::TcpStream::from_std(stream)?);
        let name = format!("{}-{}", host(stream.local_addr()), host(stream.peer_addr()));
        Ok(TcpStream::of(stream, Layer::current().as_ref(), &name))
    }

    pub(super) fn of(stream: AnyStream, layer: Option<&Layer>, name: &str) -> TcpStream {
        // Kept, since they can be asked for after a reset too.
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        let local = stream.local_addr().unwrap_or(unspecified);
        let peer = stream.peer_addr().unwrap_or(unspecified);
        let stream: Box<dyn Connection> = match layer {
            Some(layer) => Box::new(layer.stream(name, stream)),
            None => Box::new(stream),
        };
        TcpStream {
            stream: Mutex::new(stream),
            readers: Arc::default(),
            writers: Arc::default(),
            local,
            peer,
        }
    }

    fn stream(&self) -> MutexGuard<'_, Box<dyn Connection>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A poll of the reading side by a task that waits.
    pub(super) fn reading<T>(
        &self,
        cx: &Context<'_>,
        poll: impl FnOnce(Pin<&mut dyn Connection>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let mut stream = self.stream();
        let waker = self.readers.register(cx);
        poll(Pin::new(&mut **stream), &mut Context::from_waker(&waker))
    }

    /// The same of the writing side.
    pub(super) fn writing<T>(
        &self,
        cx: &Context<'_>,
        poll: impl FnOnce(Pin<&mut dyn Connection>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let mut stream = self.stream();
        let waker = self.writers.register(cx);
        poll(Pin::new(&mut **stream), &mut Context::from_waker(&waker))
    }

    /// Ends the writing side, where nobody is there to wait for it.
    pub(super) fn shut_down(&self) {
        let waker = self.writers.waker();
        let _ = Pin::new(&mut **self.stream()).poll_shutdown(&mut Context::from_waker(&waker));
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// None; the signature is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// None; the signature is tokio's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }

    /// Waits until a read may give something. It may be wrong: then `try_read` says `WouldBlock`.
    ///
    /// # Errors
    ///
    /// Those of `tokio::net::TcpStream::readable`.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_read_ready(cx)).await
    }

    /// Waits until a write may take something. It may be wrong: then `try_write` says `WouldBlock`.
    ///
    /// # Errors
    ///
    /// Those of `tokio::net::TcpStream::writable`.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_ready(cx)).await
    }

    /// Waits for one of the directions that `interest` names, and says which are ready.
    ///
    /// # Errors
    ///
    /// Those of `tokio::net::TcpStream::ready`.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        poll_fn(|cx| {
            let mut ready = Ready::EMPTY;
            if interest.is_readable() && self.poll_read_ready(cx)?.is_ready() {
                ready |= Ready::READABLE;
            }
            if interest.is_writable() && self.poll_write_ready(cx)?.is_ready() {
                ready |= Ready::WRITABLE;
            }
            if ready.is_empty() { Poll::Pending } else { Poll::Ready(Ok(ready)) }
        })
        .await
    }

    /// As [`TcpStream::readable`], to be polled.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reading(cx, |stream, cx| stream.get_mut().poll_read_ready(cx))
    }

    /// As [`TcpStream::writable`], to be polled.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing(cx, |stream, cx| stream.get_mut().poll_write_ready(cx))
    }

    /// Reads what is there, without waiting; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where nothing is there, and those of recv(2).
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let waker = self.readers.waker();
        let mut buf = ReadBuf::new(buf);
        now(Pin::new(&mut **self.stream()).poll_read(&mut Context::from_waker(&waker), &mut buf))?;
        Ok(buf.filled().len())
    }

    /// As [`TcpStream::try_read`], into the first buffer that has room.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::try_read`].
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match bufs.iter_mut().find(|buf| !buf.is_empty()) {
            Some(buf) => self.try_read(buf),
            None => Ok(0),
        }
    }

    /// As [`TcpStream::try_read`], behind what the buffer holds.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::try_read`].
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let mut room = vec![0; buf.chunk_mut().len()];
        let count = self.try_read(&mut room)?;
        buf.put_slice(&room[..count]);
        Ok(count)
    }

    /// Writes what fits, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where nothing fits, and those of send(2).
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let waker = self.writers.waker();
        now(Pin::new(&mut **self.stream()).poll_write(&mut Context::from_waker(&waker), bytes))
    }

    /// As [`TcpStream::try_write`], of several buffers.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::try_write`].
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let waker = self.writers.waker();
        now(Pin::new(&mut **self.stream()).poll_write_vectored(&mut Context::from_waker(&waker), bufs))
    }

    /// Waits for data and copies it, without taking it. turmoil shows what one write sent, never two together.
    ///
    /// # Errors
    ///
    /// Those of recv(2).
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        poll_fn(|cx| self.poll_peek(cx, &mut buf)).await
    }

    /// As [`TcpStream::peek`], to be polled.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        self.reading(cx, |stream, cx| stream.get_mut().poll_peek(cx, buf))
    }

    /// A call on the real socket; `without` where there is none.
    fn option<T>(
        &self,
        without: T,
        call: impl FnOnce(&tokio::net::TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        self.stream().tokio().map_or(Ok(without), call)
    }

    /// `TCP_NODELAY`; `false` where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.option(false, tokio::net::TcpStream::nodelay)
    }

    /// Sets `TCP_NODELAY`; no effect where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of setsockopt(2).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.option((), |stream| stream.set_nodelay(nodelay))
    }

    /// `SO_LINGER`; `None` where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.option(None, tokio::net::TcpStream::linger)
    }

    /// Sets `SO_LINGER` to zero, so that close(2) resets; no effect where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of setsockopt(2).
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.option((), tokio::net::TcpStream::set_zero_linger)
    }

    /// `IP_TTL`; 64 where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn ttl(&self) -> io::Result<u32> {
        self.option(64, tokio::net::TcpStream::ttl)
    }

    /// Sets `IP_TTL`; no effect where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of setsockopt(2).
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.option((), |stream| stream.set_ttl(ttl))
    }

    /// Takes `SO_ERROR`; `None` where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.option(None, tokio::net::TcpStream::take_error)
    }

    /// Two halves that borrow the stream.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf(self), WriteHalf(self))
    }

    /// Two halves for two tasks. Dropping the one that writes shuts the writing side down.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let stream = Arc::new(self);
        (OwnedReadHalf(stream.clone()), OwnedWriteHalf { stream, shuts_down: true })
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.reading(cx, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writing(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writing(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}
