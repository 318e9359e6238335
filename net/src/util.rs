//! What programs on the typed handles write again and again: connecting to a server that is not there yet, going on after
//! a signal, reading lines. Each makes the calls that it names and no other, so that a trace shows what happened.
//!
//! ```
//! use eagain_net::util::{LineReader, accept_retry, connect_retry};
//! use eagain_net::{Linux, TcpListener, any_port};
//! use std::time::Duration;
//!
//! # fn main() -> std::io::Result<()> {
//! let listener = TcpListener::bind(Linux, any_port())?;
//! let client = connect_retry(Linux, listener.local_addr()?, 100, Duration::from_millis(10))?;
//! let (server, _) = accept_retry(&listener)?;
//! client.write_all(b"one\ntwo\n")?;
//! drop(client);
//! let mut lines = LineReader::new(server, 1024);
//! assert_eq!(lines.read_line()?, Some(b"one".to_vec()));
//! assert_eq!(lines.read_line()?, Some(b"two".to_vec()));
//! assert_eq!(lines.read_line()?, None);
//! # Ok(())
//! # }
//! ```

use crate::{
    Clock, Epoll, EpollEvent, Errno, Readiness, Result, SocketAddr, Sockets, TcpListener, TcpStream,
};
use crate::{now, sleep};
use std::time::Duration;

/// Connects, waiting; while nobody listens at `address` (`ECONNREFUSED`), tries again after `pause`, at most `attempts`
/// times in all. Any other error, and the last refusal, is returned.
pub fn connect_retry<K: Sockets + Clock>(
    kernel: K,
    address: SocketAddr,
    attempts: u32,
    pause: Duration,
) -> Result<TcpStream<K>> {
    let mut left = attempts;
    loop {
        left = left.saturating_sub(1);
        match TcpStream::connect(kernel, address) {
            Err(Errno::ECONNREFUSED) if left > 0 => sleep(kernel, pause),
            connected => return connected,
        }
    }
}

/// `accept4(2)` on a blocking listener, going on after a signal (`EINTR`) and after a connection that its client has
/// ended meanwhile (`ECONNABORTED`).
pub fn accept_retry<K: Sockets>(listener: &TcpListener<K>) -> Result<(TcpStream<K>, SocketAddr)> {
    loop {
        match listener.accept() {
            Err(Errno::EINTR | Errno::ECONNABORTED) => {}
            accepted => return accepted,
        }
    }
}

/// [`Epoll::wait`], going on after a signal (`EINTR`) for what is left of `timeout`. How many events; 0: the time is over.
pub fn epoll_wait_retry<K: Readiness + Clock>(
    epoll: &Epoll<K>,
    events: &mut [EpollEvent],
    timeout: Option<Duration>,
) -> Result<usize> {
    // The clock is asked only where there is a time to keep.
    let deadline = timeout.map(|timeout| (now(epoll.kernel()), timeout));
    let mut left = timeout;
    loop {
        match epoll.wait(events, left) {
            Err(Errno::EINTR) => {
                left = deadline.map(|(start, timeout)| timeout.saturating_sub(now(epoll.kernel()) - start));
            }
            waited => return waited,
        }
    }
}

/// Reads a blocking stream by lines.
#[derive(Debug)]
pub struct LineReader<K: Sockets> {
    stream: TcpStream<K>,
    /// Received; `..scanned` holds no newline.
    buffer: Vec<u8>,
    scanned: usize,
    line_max: usize,
}

impl<K: Sockets> LineReader<K> {
    /// Takes the stream. A line is at most `line_max` bytes long, without its newline.
    pub fn new(stream: TcpStream<K>, line_max: usize) -> LineReader<K> {
        LineReader { stream, buffer: Vec::new(), scanned: 0, line_max }
    }

    /// The stream, for writing.
    pub fn stream(&self) -> &TcpStream<K> {
        &self.stream
    }

    /// The next line, without its newline; waits for it, and goes on after a signal. `None`: the peer has ended, and
    /// nothing was left. `EPROTO`: it ended within a line. `EMSGSIZE`: the line is too long; the stream is of no further
    /// use.
    pub fn read_line(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let rest = self.buffer.get(self.scanned..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
                let end = self.scanned + at;
                if end > self.line_max {
                    return Err(Errno::EMSGSIZE);
                }
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.truncate(end);
                self.scanned = 0;
                return Ok(Some(line));
            }
            self.scanned = self.buffer.len();
            if self.scanned > self.line_max {
                return Err(Errno::EMSGSIZE);
            }
            let mut part = [0; 4096];
            match self.stream.read(&mut part) {
                Ok(0) if self.buffer.is_empty() => return Ok(None),
                Ok(0) => return Err(Errno::EPROTO),
                Ok(count) => self.buffer.extend_from_slice(part.get(..count).unwrap_or_default()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}
