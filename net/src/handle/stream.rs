//! A connection.

use super::fd::descriptor;
use crate::{
    Domain, Errno, OwnedFd, RecvFlags, Result, SendFlags, ShutdownHow, SocketAddr, SocketFlags, SocketOption,
    SocketOptionName, Sockets,
};
use std::io::{self, IoSlice};
use std::time::Duration;

/// A TCP connection. Methods take `&self`: one thread may read while another writes.
///
/// ```
/// use eagain_net::{Linux, ShutdownHow, TcpListener, TcpStream, any_port};
///
/// # fn main() -> eagain_net::Result<()> {
/// let listener = TcpListener::bind(Linux, any_port())?;
/// let client = TcpStream::connect(Linux, listener.local_addr()?)?;
/// let (server, _) = listener.accept()?;
/// client.write_all(b"hello")?;
/// client.shutdown(ShutdownHow::Write)?;
/// let mut buffer = [0; 5];
/// assert!(server.read_exact(&mut buffer)?);
/// assert_eq!(&buffer, b"hello");
/// assert_eq!(server.read(&mut buffer)?, 0); // the end
/// # Ok(())
/// # }
/// ```
pub struct TcpStream<K: Sockets> {
    fd: OwnedFd<K>,
}

descriptor!(TcpStream, Sockets);

impl<K: Sockets> TcpStream<K> {
    /// Connects, waiting; goes on waiting after a signal.
    pub fn connect(kernel: K, address: SocketAddr) -> Result<TcpStream<K>> {
        let stream = Self::open(kernel, address, SocketFlags::NONE)?;
        loop {
            match kernel.connect(stream.fd(), address) {
                // connect(2): after EINTR the handshake goes on, and calling again waits for it.
                Err(Errno::EINTR) => {}
                Ok(()) | Err(Errno::EISCONN) => return Ok(stream),
                Err(e) => return Err(e),
            }
        }
    }

    /// Begins to connect, non-blocking. `true`: it is connected. `false`: the handshake goes on (`EINPROGRESS`); once the
    /// stream is writable, [`TcpStream::take_error`] says how it went.
    pub fn connect_nonblocking(kernel: K, address: SocketAddr) -> Result<(TcpStream<K>, bool)> {
        let stream = Self::open(kernel, address, SocketFlags::NONBLOCK)?;
        match kernel.connect(stream.fd(), address) {
            Ok(()) => Ok((stream, true)),
            // EINTR cannot come from a call that does not wait, but if it did: the handshake goes on.
            Err(Errno::EINPROGRESS | Errno::EINTR) => Ok((stream, false)),
            Err(e) => Err(e),
        }
    }

    fn open(kernel: K, address: SocketAddr, flags: SocketFlags) -> Result<TcpStream<K>> {
        let fd = kernel.socket(Domain::of(address), flags | SocketFlags::CLOEXEC)?;
        Ok(TcpStream { fd: OwnedFd::from_raw(kernel, fd) })
    }

    /// `recv(2)`. 0: the peer has ended.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        self.recv(buffer, RecvFlags::NONE)
    }

    /// `recv(2)` with flags.
    pub fn recv(&self, buffer: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.kernel().recv(self.fd(), buffer, flags)
    }

    /// `recv(2)` with `MSG_PEEK`.
    pub fn peek(&self, buffer: &mut [u8]) -> Result<usize> {
        self.recv(buffer, RecvFlags::PEEK)
    }

    /// `send(2)` without `SIGPIPE`, as in std. May be short where the buffer filled.
    pub fn write(&self, buffer: &[u8]) -> Result<usize> {
        self.send(buffer, SendFlags::NONE)
    }

    /// `send(2)` with these flags and `MSG_NOSIGNAL`.
    pub fn send(&self, buffer: &[u8], flags: SendFlags) -> Result<usize> {
        self.kernel().send(self.fd(), buffer, flags | SendFlags::NOSIGNAL)
    }

    /// Gathers into one send without `SIGPIPE`, which may stop anywhere.
    pub fn writev(&self, buffers: &[IoSlice<'_>]) -> Result<usize> {
        self.kernel().sendmsg(self.fd(), buffers, SendFlags::NOSIGNAL)
    }

    /// Sends all of it over a blocking stream, going on after a short write and after a signal.
    pub fn write_all(&self, mut rest: &[u8]) -> Result<()> {
        while !rest.is_empty() {
            match self.write(rest) {
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Fills `buffer` from a blocking stream, going on after a short read and after a signal. `false`: the peer
    /// ended before it was full.
    pub fn read_exact(&self, buffer: &mut [u8]) -> Result<bool> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest) {
                Ok(0) => return Ok(false),
                Ok(n) => filled += n,
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    /// `shutdown(2)`.
    pub fn shutdown(&self, how: ShutdownHow) -> Result<()> {
        self.kernel().shutdown(self.fd(), how)
    }

    /// `dup(2)`: the same connection by another number. Without `shutdown`, the peer sees an end only when both are closed.
    pub fn try_clone(&self) -> Result<TcpStream<K>> {
        Ok(TcpStream { fd: self.fd.try_clone()? })
    }

    /// `getsockname(2)`.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.kernel().getsockname(self.fd())
    }

    /// `getpeername(2)`.
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        self.kernel().getpeername(self.fd())
    }

    /// The pending error (`SO_ERROR`), cleared by being read.
    pub fn take_error(&self) -> Result<Option<Errno>> {
        match self.kernel().getsockopt(self.fd(), SocketOptionName::Error)? {
            SocketOption::Error(error) => Ok(error),
            _ => Err(Errno::EPROTO),
        }
    }

    /// `TCP_NODELAY`: small pieces go out at once.
    pub fn set_nodelay(&self, on: bool) -> Result<()> {
        self.set(SocketOption::NoDelay(on))
    }

    /// `SO_LINGER`, in seconds. `Some(0)`: close resets the connection.
    pub fn set_linger(&self, seconds: Option<u32>) -> Result<()> {
        self.set(SocketOption::Linger(seconds))
    }

    /// `SO_KEEPALIVE`.
    pub fn set_keepalive(&self, on: bool) -> Result<()> {
        self.set(SocketOption::KeepAlive(on))
    }

    /// `SO_RCVTIMEO`: a blocking read that has waited for so long returns `EAGAIN`. `None`: it waits for ever.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        self.set(SocketOption::RecvTimeout(timeout))
    }

    /// `SO_SNDTIMEO`: a blocking write that has waited for so long returns `EAGAIN`, or a short count. `None`: it waits for ever.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        self.set(SocketOption::SendTimeout(timeout))
    }

    /// `SO_RCVBUF` in bytes: see [`SocketOption::RecvBuffer`] for the range.
    pub fn set_recv_buffer(&self, bytes: u32) -> Result<()> {
        self.set(SocketOption::RecvBuffer(bytes))
    }

    /// `SO_SNDBUF` in bytes: see [`SocketOption::SendBuffer`] for the range.
    pub fn set_send_buffer(&self, bytes: u32) -> Result<()> {
        self.set(SocketOption::SendBuffer(bytes))
    }

    /// `setsockopt(2)` of any option.
    pub fn set(&self, option: SocketOption) -> Result<()> {
        self.kernel().setsockopt(self.fd(), option)
    }

    /// `getsockopt(2)` of any option.
    pub fn get(&self, option: SocketOptionName) -> Result<SocketOption> {
        self.kernel().getsockopt(self.fd(), option)
    }
}

/// For code that is generic over [`io::Read`]; the methods of the same names on the stream itself return [`Errno`]. Nothing
/// is retried.
impl<K: Sockets> io::Read for &TcpStream<K> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(TcpStream::read(self, buffer)?)
    }
}

impl<K: Sockets> io::Read for TcpStream<K> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(TcpStream::read(self, buffer)?)
    }
}

/// As for [`io::Read`]. Nothing is buffered: `flush` has nothing to do.
impl<K: Sockets> io::Write for &TcpStream<K> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(TcpStream::write(self, buffer)?)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.writev(buffers)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<K: Sockets> io::Write for TcpStream<K> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(TcpStream::write(self, buffer)?)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.writev(buffers)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
