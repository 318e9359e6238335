//! The halves of a connection. Both are the stream itself; each has the methods of its direction.

use super::stream::TcpStream;
use bytes::BufMut;
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

/// The half that reads, of [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(pub(super) &'a TcpStream);

/// The half that writes, of [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a>(pub(super) &'a TcpStream);

/// The half that reads, of [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf(pub(super) Arc<TcpStream>);

/// The half that writes, of [`TcpStream::into_split`]. Dropping it shuts the writing side down.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    pub(super) stream: Arc<TcpStream>,
    pub(super) shuts_down: bool,
}

impl ReadHalf<'_> {
    fn stream(&self) -> &TcpStream {
        self.0
    }
}

impl WriteHalf<'_> {
    fn stream(&self) -> &TcpStream {
        self.0
    }

    fn has_shut_down(&self) {}
}

impl OwnedReadHalf {
    fn stream(&self) -> &TcpStream {
        &self.0
    }
}

impl OwnedWriteHalf {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Once is enough.
    fn has_shut_down(&mut self) {
        self.shuts_down = false;
    }
}

/// What both halves of both kinds have.
macro_rules! addresses {
    ($($half:ty),*) => { $(
        impl $half {
            /// As [`TcpStream::local_addr`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.stream().local_addr()
            }

            /// As [`TcpStream::peer_addr`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.stream().peer_addr()
            }

            /// As [`TcpStream::ready`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.stream().ready(interest).await
            }
        }
    )* };
}

addresses!(ReadHalf<'_>, WriteHalf<'_>, OwnedReadHalf, OwnedWriteHalf);

macro_rules! reads {
    ($($half:ty),*) => { $(
        impl $half {
            /// As [`TcpStream::readable`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn readable(&self) -> io::Result<()> {
                self.stream().readable().await
            }

            /// As [`TcpStream::try_read`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream().try_read(buf)
            }

            /// As [`TcpStream::try_read_vectored`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.stream().try_read_vectored(bufs)
            }

            /// As [`TcpStream::try_read_buf`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
                self.stream().try_read_buf(buf)
            }

            /// As [`TcpStream::peek`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream().peek(buf).await
            }

            /// As [`TcpStream::poll_peek`].
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_peek(cx, buf)
            }
        }

        impl AsyncRead for $half {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.stream().reading(cx, |stream, cx| stream.poll_read(cx, buf))
            }
        }
    )* };
}

reads!(ReadHalf<'_>, OwnedReadHalf);

macro_rules! writes {
    ($($half:ty),*) => { $(
        impl $half {
            /// As [`TcpStream::writable`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn writable(&self) -> io::Result<()> {
                self.stream().writable().await
            }

            /// As [`TcpStream::try_write`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.stream().try_write(bytes)
            }

            /// As [`TcpStream::try_write_vectored`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.stream().try_write_vectored(bufs)
            }
        }

        impl AsyncWrite for $half {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.stream().writing(cx, |stream, cx| stream.poll_write(cx, bytes))
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.stream().writing(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
            }

            fn is_write_vectored(&self) -> bool {
                self.stream().is_write_vectored()
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.stream().writing(cx, |stream, cx| stream.poll_flush(cx))
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let polled = self.stream().writing(cx, |stream, cx| stream.poll_shutdown(cx));
                if let Poll::Ready(Ok(())) = &polled {
                    self.get_mut().has_shut_down();
                }
                polled
            }
        }
    )* };
}

writes!(WriteHalf<'_>, OwnedWriteHalf);

impl OwnedReadHalf {
    /// Puts two halves of one stream together.
    ///
    /// # Errors
    ///
    /// Both halves, where they are not of one stream.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !Arc::ptr_eq(&self.0, &other.stream) {
            return Err(ReuniteError(self, other));
        }
        other.forget();
        // There are two handles, and the other has gone.
        Arc::try_unwrap(self.0).map_err(|stream| {
            let write = OwnedWriteHalf { stream: stream.clone(), shuts_down: true };
            ReuniteError(OwnedReadHalf(stream), write)
        })
    }
}

impl OwnedWriteHalf {
    /// Puts two halves of one stream together.
    ///
    /// # Errors
    ///
    /// Both halves, where they are not of one stream.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        other.reunite(self)
    }

    /// Drops this half and leaves the writing side open until the other half is dropped too.
    pub fn forget(mut self) {
        self.shuts_down = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.shuts_down {
            self.stream.shut_down();
        }
    }
}

/// Two halves that are not of one stream.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried to reunite halves that are not from the same socket")
    }
}

impl Error for ReuniteError {}
