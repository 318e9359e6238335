//! A connection and a listener of tokio or of turmoil: which of them, is decided by where the program runs.

#[cfg(feature = "turmoil")]
use super::address::Target;
use super::address::ToSocketAddrs;
use crate::listener::Accept;
use crate::stream::Readiness;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection.
#[derive(Debug)]
pub(super) enum AnyStream {
    Tokio(tokio::net::TcpStream),
    #[cfg(feature = "turmoil")]
    Turmoil(turmoil::net::TcpStream),
}

/// A listener.
pub(super) enum AnyListener {
    Tokio(tokio::net::TcpListener),
    #[cfg(feature = "turmoil")]
    Turmoil(turmoil::net::TcpListener),
}

/// The same call on whichever it is.
macro_rules! either {
    ($any:expr, $stream:ident => $call:expr) => {
        match $any {
            Self::Tokio($stream) => $call,
            #[cfg(feature = "turmoil")]
            Self::Turmoil($stream) => $call,
        }
    };
}

/// Makes a connection or a listener of `$target`, by `$make` of tokio's or turmoil's type: addresses are tried in their order, and
/// the error is that of the last. turmoil resolves a name itself, without inventing a host for one that it does not have.
macro_rules! make {
    ($type:ident::$make:ident, $target:expr) => {{
        let target = $target;
        #[cfg(feature = "turmoil")]
        if turmoil::in_simulation() {
            let made = match target {
                Target::Name(name, port) => {
                    let made = turmoil::net::$type::$make((name.clone(), port)).await;
                    made.map_err(|error| refused(error, &name, port))
                }
                Target::Addresses(addresses) => {
                    first_of(addresses, async |address: SocketAddr| {
                        let made = turmoil::net::$type::$make(address).await;
                        made.map_err(|error| refused(error, &host(Ok(address)), address.port()))
                    })
                    .await
                }
            };
            return made.map(Self::Turmoil);
        }
        let addresses = target.resolve().await?;
        first_of(addresses, |address| tokio::net::$type::$make(address)).await.map(Self::Tokio)
    }};
}

/// turmoil says no more than that a connection was refused: the error says why, and so does a line of the report.
#[cfg(feature = "turmoil")]
fn refused(error: io::Error, host: &str, port: u16) -> io::Error {
    if error.kind() != io::ErrorKind::ConnectionRefused {
        return error;
    }
    let text = format!("connection to {host}:{port} refused: {}", crate::turmoil::why_refused(host));
    if let Some(layer) = crate::Layer::current() {
        layer.print("net", &text);
    }
    io::Error::new(io::ErrorKind::ConnectionRefused, text)
}

async fn first_of<T, F: Future<Output = io::Result<T>>>(
    addresses: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any address");
    for address in addresses {
        match attempt(address).await {
            Ok(made) => return Ok(made),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl AnyStream {
    pub async fn connect(to: impl ToSocketAddrs) -> io::Result<AnyStream> {
        make!(TcpStream::connect, to.target()?)
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        either!(self, stream => stream.local_addr())
    }

    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        either!(self, stream => stream.peer_addr())
    }
}

impl AnyListener {
    pub async fn bind(at: impl ToSocketAddrs) -> io::Result<AnyListener> {
        make!(TcpListener::bind, at.target()?)
    }

    pub fn tokio(&self) -> Option<&tokio::net::TcpListener> {
        match self {
            AnyListener::Tokio(listener) => Some(listener),
            #[cfg(feature = "turmoil")]
            AnyListener::Turmoil(_) => None,
        }
    }
}

impl Accept for AnyListener {
    type Stream = AnyStream;

    async fn accept(&self) -> io::Result<(AnyStream, SocketAddr)> {
        match self {
            AnyListener::Tokio(listener) => {
                listener.accept().await.map(|(stream, from)| (AnyStream::Tokio(stream), from))
            }
            #[cfg(feature = "turmoil")]
            AnyListener::Turmoil(listener) => {
                listener.accept().await.map(|(stream, from)| (AnyStream::Turmoil(stream), from))
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        either!(self, listener => listener.local_addr())
    }
}

/// The name of a host: turmoil's, or its IP address.
pub(super) fn host(of: io::Result<SocketAddr>) -> String {
    let name = |address: IpAddr| {
        #[cfg(feature = "turmoil")]
        if turmoil::in_simulation() {
            return turmoil::reverse_lookup(address);
        }
        let _ = address;
        None::<String>
    };
    match of.map(|address| address.ip()) {
        Ok(address) => name(address).unwrap_or_else(|| address.to_string()),
        Err(_) => "gone".to_owned(),
    }
}

impl AsyncRead for AnyStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for AnyStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        either!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            AnyStream::Tokio(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(feature = "turmoil")]
            // A host that crashes drops its streams outside of any host; turmoil ends them itself.
            AnyStream::Turmoil(_) if turmoil::sim_elapsed().is_none() => Poll::Ready(Ok(())),
            #[cfg(feature = "turmoil")]
            AnyStream::Turmoil(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl Readiness for AnyStream {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            AnyStream::Tokio(stream) => stream.poll_read_ready(cx),
            #[cfg(feature = "turmoil")]
            // Readable is what a byte, an end or an error can be seen of.
            AnyStream::Turmoil(stream) => stream.poll_peek(cx, &mut ReadBuf::new(&mut [0])).map(|_| Ok(())),
        }
    }

    fn poll_write_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            AnyStream::Tokio(stream) => stream.poll_write_ready(cx),
            #[cfg(feature = "turmoil")]
            AnyStream::Turmoil(stream) => {
                // Its state is in the stream: a future that is dropped and made anew goes on.
                let writable = stream.writable();
                std::pin::pin!(writable).poll(cx)
            }
        }
    }

    fn poll_peek(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_peek(cx, buf))
    }

    fn tokio(&self) -> Option<&tokio::net::TcpStream> {
        match self {
            AnyStream::Tokio(stream) => Some(stream),
            #[cfg(feature = "turmoil")]
            AnyStream::Turmoil(_) => None,
        }
    }
}
