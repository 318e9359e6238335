//! A listening socket.

use super::fd::descriptor;
use crate::{Domain, OwnedFd, Result, SocketAddr, SocketFlags, SocketOption, Sockets, TcpStream};

/// How a listener is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenOptions {
    /// `SO_REUSEADDR`: bind although connections of an earlier listener are in TIME_WAIT. Default: true, as in std.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`: several listeners on one address share its connections. Default: false.
    pub reuse_port: bool,
    /// How many connections wait for `accept`, less one; Linux cuts it at `net.core.somaxconn` (4096). Default: 1024.
    pub backlog: i32,
    /// `SOCK_NONBLOCK`. Default: false.
    pub nonblocking: bool,
    /// `SO_RCVBUF`, inherited by what is accepted. Default: the system's own.
    pub recv_buffer: Option<u32>,
    /// `SO_SNDBUF`, inherited by what is accepted. Default: the system's own.
    pub send_buffer: Option<u32>,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions {
            reuse_addr: true,
            reuse_port: false,
            backlog: 1024,
            nonblocking: false,
            recv_buffer: None,
            send_buffer: None,
        }
    }
}

impl ListenOptions {
    /// The default, non-blocking.
    pub fn nonblocking() -> ListenOptions {
        ListenOptions { nonblocking: true, ..ListenOptions::default() }
    }
}

/// A socket that accepts connections.
pub struct TcpListener<K: Sockets> {
    fd: OwnedFd<K>,
}

descriptor!(TcpListener, Sockets);

impl<K: Sockets> TcpListener<K> {
    /// Socket, bind and listen, with the default options. Port 0: the kernel chooses.
    pub fn bind(kernel: K, address: SocketAddr) -> Result<TcpListener<K>> {
        Self::bind_with(kernel, address, &ListenOptions::default())
    }

    /// As [`TcpListener::bind`], with these options.
    pub fn bind_with(kernel: K, address: SocketAddr, options: &ListenOptions) -> Result<TcpListener<K>> {
        let listener = Self::bind_only(kernel, address, options)?;
        listener.listen(options.backlog)?;
        Ok(listener)
    }

    /// As [`TcpListener::bind_with`], without the last step: it has its address, and nobody is let in before
    /// [`TcpListener::listen`].
    pub fn bind_only(kernel: K, address: SocketAddr, options: &ListenOptions) -> Result<TcpListener<K>> {
        let flags = if options.nonblocking { SocketFlags::NONBLOCK } else { SocketFlags::NONE };
        let fd = kernel.socket(Domain::of(address), flags | SocketFlags::CLOEXEC)?;
        let listener = TcpListener { fd: OwnedFd::from_raw(kernel, fd) };
        // Before bind, which is where SO_REUSEADDR and SO_REUSEPORT are looked at.
        if options.reuse_addr {
            kernel.setsockopt(fd, SocketOption::ReuseAddr(true))?;
        }
        if options.reuse_port {
            kernel.setsockopt(fd, SocketOption::ReusePort(true))?;
        }
        // Before listen: tcp(7), the window scale is fixed when a connection is made.
        if let Some(bytes) = options.recv_buffer {
            kernel.setsockopt(fd, SocketOption::RecvBuffer(bytes))?;
        }
        if let Some(bytes) = options.send_buffer {
            kernel.setsockopt(fd, SocketOption::SendBuffer(bytes))?;
        }
        kernel.bind(fd, address)?;
        Ok(listener)
    }

    /// `listen(2)`: connections are taken into the queue from now on.
    pub fn listen(&self, backlog: i32) -> Result<()> {
        self.kernel().listen(self.fd(), backlog)
    }

    /// `accept4(2)`: a blocking stream, and where it comes from. `EMFILE` leaves the connection in the queue.
    pub fn accept(&self) -> Result<(TcpStream<K>, SocketAddr)> {
        self.accept_with(SocketFlags::NONE)
    }

    /// As [`TcpListener::accept`], non-blocking from the start.
    pub fn accept_nonblocking(&self) -> Result<(TcpStream<K>, SocketAddr)> {
        self.accept_with(SocketFlags::NONBLOCK)
    }

    fn accept_with(&self, flags: SocketFlags) -> Result<(TcpStream<K>, SocketAddr)> {
        let (fd, peer) = self.kernel().accept4(self.fd(), flags | SocketFlags::CLOEXEC)?;
        Ok((TcpStream::from(OwnedFd::from_raw(self.kernel(), fd)), peer))
    }

    /// `getsockname(2)`: where it listens.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.kernel().getsockname(self.fd())
    }
}

impl Domain {
    /// The domain of an address.
    pub fn of(address: SocketAddr) -> Domain {
        if address.is_ipv4() { Domain::Inet } else { Domain::Inet6 }
    }
}
