//! The driver on real sockets: `tokio::net`, a runtime of one thread, SIGTERM and SIGINT for a graceful stop.

use super::{Connector, Listener, Surroundings};
use crate::cluster::link;
use crate::config::Config;
use crate::error::ServeError;
use crate::io_unit::acceptor::{claim_path, keep_alive, prepare};
use crate::io_unit::units::Now;
use crate::storage_unit::Storage;
use eagain_net::{Errno, Fd, File, Kernel, ListenOptions};
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixSocket, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

/// An address, and a path where there is one beside it.
struct Listeners<K: Kernel> {
    kernel: K,
    tcp: TcpListener,
    unix: Option<(UnixListener, String)>,
    /// What connections inherit of `tcp-keepalive`.
    keepalive_s: u32,
    /// Nobody else replaces the socket at the path.
    _claim: Option<File<K>>,
    /// Who was first last time is second now.
    unix_first: Cell<bool>,
}

impl<K: Kernel> Drop for Listeners<K> {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.unix {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl<K: Kernel> Listeners<K> {
    fn poll_tcp(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Either, String)>> {
        self.tcp.poll_accept(cx).map_ok(|(stream, from)| (Either::Tcp(stream), from.to_string()))
    }

    fn poll_unix(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Either, String)>> {
        let Some((listener, path)) = &self.unix else { return Poll::Pending };
        listener.poll_accept(cx).map_ok(|(stream, _)| (Either::Unix(stream), format!("{path}:0")))
    }
}

impl<K: Kernel> Listener for Listeners<K> {
    type Stream = Either;

    async fn accept(&self) -> io::Result<(Either, String)> {
        let unix_first = self.unix_first.replace(!self.unix_first.get());
        poll_fn(|cx| {
            let first = if unix_first { self.poll_unix(cx) } else { self.poll_tcp(cx) };
            match first {
                Poll::Pending if unix_first => self.poll_tcp(cx),
                Poll::Pending => self.poll_unix(cx),
                ready => ready,
            }
        })
        .await
    }

    fn keep_alive(&self, stream: &Either, seconds: u32) {
        if let Either::Tcp(stream) = stream
            && seconds != self.keepalive_s
        {
            keep_alive(self.kernel, Fd(stream.as_raw_fd()), seconds);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A connection of either.
pub enum Either {
    /// From another host, or this one.
    Tcp(TcpStream),
    /// From this host.
    Unix(UnixStream),
}

impl AsyncRead for Either {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Either::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Either::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Either {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Either::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Either::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Either::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Either::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// As [`Acceptor::unix`](crate::io_unit::acceptor::Acceptor::unix).
fn bind_unix<K: Kernel>(kernel: K, config: &Config) -> io::Result<(UnixListener, File<K>)> {
    let path = config.unix_socket.as_str();
    let of_errno = |errno: Errno| io::Error::from_raw_os_error(errno.0);
    let claim = claim_path(kernel, path).map_err(of_errno)?;
    let socket = bind_path(path)?;
    // Before anybody can connect.
    if let Err(errno) = config.set_unix_socket_mode() {
        let _ = std::fs::remove_file(path);
        return Err(of_errno(errno));
    }
    Ok((socket.listen(ListenOptions::default().backlog as u32)?, claim))
}

fn bind_path(path: &str) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    match socket.bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let visited = std::os::unix::net::UnixStream::connect(path).map(drop);
            match visited.map_err(|error| error.kind()) {
                // A file that is no socket refuses too, and is not ours to remove.
                Err(io::ErrorKind::ConnectionRefused) if std::fs::metadata(path)?.file_type().is_socket() => {
                    std::fs::remove_file(path)?;
                    socket.bind(path)?;
                }
                _ => return Err(error),
            }
        }
        other => other?,
    }
    Ok(socket)
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

/// Runs a server until it is asked to stop. `kernel` gives the wall clock; `ready` is called with the address at which the server listens.
pub fn run<K: Kernel, S: Storage + 'static>(
    kernel: K,
    config: Config,
    seed: u64,
    open: impl FnOnce() -> Result<S, ServeError>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    on_sockets(kernel, &config.clone(), seed, async |listener, surroundings, at, stop| {
        // Last, because it writes: whatever else is wrong is reported before.
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
    on_sockets(kernel, &config.clone(), seed, async |listener, surroundings, at, stop| {
        ready(at);
        super::pass_on(listener, Outward, config, link::plain, surroundings, stop)
            .await
            .map_err(ServeError::Storage)
    })
}

/// A runtime with what a server needs: its listener and where that is, its surroundings, and what stops it.
fn on_sockets<K: Kernel>(
    kernel: K,
    config: &Config,
    seed: u64,
    serve: impl AsyncFnOnce(Listeners<K>, Surroundings, SocketAddr, Stop) -> Result<(), ServeError>,
) -> Result<(), ServeError> {
    let broken = |error: io::Error| ServeError::Kernel(errno(&error));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listen = config.listen;
        let tcp =
            TcpListener::bind(listen).await.map_err(|error| ServeError::Listen(listen, errno(&error)))?;
        let at = tcp.local_addr().map_err(broken)?;
        prepare(kernel, Fd(tcp.as_raw_fd()), config.keepalive_s);
        let (mut unix, mut claim) = (None, None);
        if !config.unix_socket.is_empty() {
            let path = &config.unix_socket;
            let (listener, claimed) =
                bind_unix(kernel, config).map_err(|error| ServeError::at_path(path, errno(&error)))?;
            (unix, claim) = (Some((listener, path.clone())), Some(claimed));
        }
        let (keepalive_s, unix_first) = (config.keepalive_s, Cell::new(false));
        let listener = Listeners { kernel, tcp, unix, keepalive_s, _claim: claim, unix_first };
        let mut term = signal(SignalKind::terminate()).map_err(broken)?;
        let mut int = signal(SignalKind::interrupt()).map_err(broken)?;
        let stop = Box::pin(async move {
            tokio::select! {
                biased;
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        });
        let wall = Arc::new(move || Now::of(kernel).wall.unix_us() * 1000);
        serve(listener, Surroundings { seed, wall }, at, stop).await
    })
}
