//! The driver on real sockets: `tokio::net`, a runtime of one thread, SIGTERM and SIGINT for a graceful stop.

use super::{Connector, Listener, Surroundings};
use crate::cluster::link;
use crate::config::Config;
use crate::io_unit::units::Now;
use crate::server::ServeError;
use crate::storage_unit::Storage;
use eagain_net::{Errno, Kernel};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = TcpListener::accept(self).await?;
        // Replies are small and wanted at once.
        let _ = stream.set_nodelay(true);
        Ok((stream, from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}

/// Ready when the server is to stop.
type Stop = Pin<Box<dyn Future<Output = ()>>>;

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno)
}

/// Connects to servers behind.
struct Outward;

impl Connector for Outward {
    type Stream = TcpStream;

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// Runs a server until it is asked to stop. `kernel` tells the wall clock; `ready` is told where the server listens.
pub fn run<K: Kernel, S: Storage + 'static>(
    kernel: K,
    config: Config,
    seed: u64,
    open: impl FnOnce() -> Result<S, ServeError>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    on_sockets(kernel, config.listen, seed, async |listener, surroundings, at, stop| {
        // Last, because it writes: whatever else is wrong is told before.
        let storage = open()?;
        ready(at);
        super::serve(listener, config, storage, surroundings, stop).await.map_err(ServeError::Storage)
    })
}

/// Runs an access or a logic server.
pub fn pass_on<K: Kernel>(
    kernel: K,
    config: Config,
    seed: u64,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    on_sockets(kernel, config.listen, seed, async |listener, surroundings, at, stop| {
        ready(at);
        super::pass_on(listener, Outward, config, link::plain, surroundings, stop)
            .await
            .map_err(ServeError::Storage)
    })
}

/// A runtime with what a server needs: its listener and where that is, its surroundings, and what tells it to stop.
fn on_sockets<K: Kernel>(
    kernel: K,
    listen: SocketAddr,
    seed: u64,
    serve: impl AsyncFnOnce(TcpListener, Surroundings, SocketAddr, Stop) -> Result<(), ServeError>,
) -> Result<(), ServeError> {
    let broken = |error: io::Error| ServeError::Kernel(errno(&error));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener =
            TcpListener::bind(listen).await.map_err(|error| ServeError::Listen(listen, errno(&error)))?;
        let at = TcpListener::local_addr(&listener).map_err(broken)?;
        let mut term = signal(SignalKind::terminate()).map_err(broken)?;
        let mut int = signal(SignalKind::interrupt()).map_err(broken)?;
        let stop = Box::pin(async move {
            tokio::select! {
                biased;
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        });
        let wall = Box::new(move || Now::of(kernel).wall.unix_us() * 1000);
        serve(listener, Surroundings { seed, wall }, at, stop).await
    })
}
