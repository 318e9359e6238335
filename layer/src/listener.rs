//! Listeners: a trait that tokio's and turmoil's have in common, and the layer over it.

use crate::direction::Direction;
use crate::layer::Layer;
use crate::stream::Layered;
use eagain_sim::Actor;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use tokio::sync::Mutex;

/// Takes connections in.
pub trait Accept {
    /// What a connection is.
    type Stream;

    /// The next connection, and where it comes from. Dropping the future must not lose one.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;

    /// Where it listens.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

impl Accept for tokio::net::TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)> {
        tokio::net::TcpListener::accept(self).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        tokio::net::TcpListener::local_addr(self)
    }
}

#[cfg(feature = "turmoil")]
impl Accept for turmoil::net::TcpListener {
    type Stream = turmoil::net::TcpStream;

    async fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)> {
        turmoil::net::TcpListener::accept(self).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        turmoil::net::TcpListener::local_addr(self)
    }
}

/// A wrapped listener: accepting may have to wait, and each accepted stream is wrapped.
pub struct LayeredListener<L> {
    inner: L,
    layer: Layer,
    name: String,
    actor: Actor,
    /// Held by the one that accepts; the others wait for it, first come, first served. So none misses its wake.
    direction: Mutex<Direction>,
}

impl<L: fmt::Debug> fmt::Debug for LayeredListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("LayeredListener");
        debug.field("name", &self.name).field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<L> LayeredListener<L> {
    pub(crate) fn new(layer: Layer, name: &str, inner: L) -> LayeredListener<L> {
        let name = name.replace(' ', "-");
        let actor = layer.world().actor(&format!("{name}/listener"));
        let direction = Mutex::new(Direction::new(layer.numbered(&format!("{name}/accept"))));
        LayeredListener { inner, layer, name, actor, direction }
    }
}

impl<L> LayeredListener<L> {
    pub(crate) fn get_ref(&self) -> &L {
        &self.inner
    }
}

impl<L: Accept> LayeredListener<L> {
    /// The next connection, as the listener below gives it.
    pub(crate) async fn accept_plain(&self) -> io::Result<(L::Stream, SocketAddr)> {
        let mut direction = self.direction.lock().await;
        poll_fn(|cx| direction.poll_ready(self.layer.world(), self.actor, cx)).await;
        let accepted = self.inner.accept().await;
        direction.done();
        accepted
    }
}

impl<L: Accept> Accept for LayeredListener<L> {
    type Stream = Layered<L::Stream>;

    async fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, from) = self.accept_plain().await?;
        // By address and ordinal from there: ports are handed out by the system.
        let name = format!("{}<{}", self.name, from.ip());
        Ok((self.layer.stream(&name, stream), from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}
