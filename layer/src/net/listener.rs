//! Listening. A stream that is accepted under a layer is wrapped by it.

use super::address::ToSocketAddrs;
use super::any::{AnyListener, host};
use super::stream::TcpStream;
use crate::Layer;
use crate::listener::{Accept, LayeredListener};
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// As `tokio::net::TcpListener`: see the [module](super).
pub struct TcpListener(Inner);

enum Inner {
    Plain(AnyListener),
    Layered(Box<LayeredListener<AnyListener>>, Layer),
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layered = matches!(self.0, Inner::Layered(..));
        f.debug_struct("TcpListener").field("addr", &self.local_addr()).field("layered", &layered).finish()
    }
}

impl TcpListener {
    /// Listens at an address.
    ///
    /// # Errors
    ///
    /// Those of bind(2) and listen(2); turmoil knows unspecified and loopback addresses only (`AddrNotAvailable`).
    pub async fn bind<A: ToSocketAddrs>(address: A) -> io::Result<TcpListener> {
        Ok(TcpListener::of(AnyListener::bind(address).await?))
    }

    fn of(listener: AnyListener) -> TcpListener {
        TcpListener(match Layer::current() {
            Some(layer) => Inner::Layered(Box::new(layer.listener("tcp", listener)), layer),
            None => Inner::Plain(listener),
        })
    }

    /// The next connection, and where it comes from. Dropping the future loses none.
    ///
    /// # Errors
    ///
    /// Those of accept(2).
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.0 {
            Inner::Plain(listener) => {
                let (stream, from) = listener.accept().await?;
                Ok((TcpStream::of(stream, None, ""), from))
            }
            Inner::Layered(listener, layer) => {
                let (stream, from) = listener.accept_plain().await?;
                let name = format!("{}<{}", host(stream.local_addr()), host(Ok(from)));
                Ok((TcpStream::of(stream, Some(layer), &name), from))
            }
        }
    }

    fn inner(&self) -> &AnyListener {
        match &self.0 {
            Inner::Plain(listener) => listener,
            Inner::Layered(listener, _) => listener.get_ref(),
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().local_addr()
    }

    /// A listener of the standard library, which has to be nonblocking.
    ///
    /// # Errors
    ///
    /// Those of `tokio::net::TcpListener::from_std`.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        Ok(TcpListener::of(AnyListener::Tokio(tokio::net::TcpListener::from_std(listener)?)))
    }

    /// The `IP_TTL` of what it accepts; 64 where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner().tokio().map_or(Ok(64), tokio::net::TcpListener::ttl)
    }

    /// Sets `IP_TTL`; no effect where there is no real socket.
    ///
    /// # Errors
    ///
    /// Those of setsockopt(2).
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner().tokio().map_or(Ok(()), |listener| listener.set_ttl(ttl))
    }
}
