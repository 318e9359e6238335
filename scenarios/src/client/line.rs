//! A connection that is used call by call, on the simulated kernel: for what is no request with its reply.

use super::{Context, OnKernel};
use crate::resp::{Decoder, Frame, encode};
use eagain_net::{
    Domain, Errno, OwnedFd, ShutdownHow, SocketFlags, SocketOption, Sockets, TcpStream, UnixAddr,
    UnixSockets, now, sleep,
};
use eagain_sim::{SimKernel, fail};
use std::time::Duration;

/// The first pause of a client that nobody listens to yet, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// A connection.
pub struct Line {
    /// Its socket.
    pub stream: TcpStream<SimKernel>,
    decoder: Decoder,
    number: u64,
}

impl Line {
    /// That of client `number`, which is connected.
    pub fn over(stream: TcpStream<SimKernel>, number: u64) -> Line {
        Line { stream, decoder: Decoder::default(), number }
    }

    /// Connects, again after a while where nobody listens yet. `receive_buffer`: 0 for the usual one.
    pub fn open(context: &Context<OnKernel>, receive_buffer: u32) -> Line {
        let OnKernel { k, server } = context.runtime;
        let line = Line::connect(k, context.number, || TcpStream::connect(k, server));
        let stream = &line.stream;
        if receive_buffer > 0
            && let Err(errno) = stream.set_recv_buffer(receive_buffer)
        {
            fail("O1", "connection lost", format!("client {}: {errno}", context.number));
        }
        line
    }

    /// As [`Line::open`], to the Unix socket at this path of the same host.
    pub fn local(context: &Context<OnKernel>, path: &str) -> Line {
        let (k, address) = (context.runtime.k, UnixAddr::Path(path.to_owned()));
        Line::connect(k, context.number, || {
            let fd = OwnedFd::from_raw(k, k.socket(Domain::Unix, SocketFlags::NONE)?);
            k.unix_connect(fd.fd(), &address)?;
            Ok(TcpStream::from(fd))
        })
    }

    /// That of client `number`, by whatever connects it; again after a while where nobody listens yet.
    pub fn connect(
        k: SimKernel,
        number: u64,
        connect: impl Fn() -> Result<TcpStream<SimKernel>, Errno>,
    ) -> Line {
        let (mut pause, longest) = RETRY;
        loop {
            match connect() {
                Ok(stream) => return Line::over(stream, number),
                Err(_) => sleep(k, pause),
            }
            pause = (pause * 2).min(longest);
        }
    }

    /// Says something. `false`: the connection is gone.
    pub fn send(&self, words: &[&[u8]]) -> bool {
        self.stream.write_all(&encode(words)).is_ok()
    }

    /// The next reply or message. `None`: the connection has ended.
    pub fn hear(&mut self) -> Option<Frame> {
        let mut buffer = [0; 4096];
        loop {
            match self.decoder.next_reply() {
                Ok(Some(frame)) => return Some(frame),
                Ok(None) => {}
                Err(error) => {
                    fail("O2", "malformed reply", format!("client {}: {error}", self.number));
                    return None;
                }
            }
            match self.stream.read(&mut buffer) {
                Err(Errno::EINTR) => {}
                Ok(0) | Err(_) => return None,
                Ok(n) => self.decoder.feed(&buffer[..n]),
            }
        }
    }

    /// Says something, and hears the reply.
    pub fn ask(&mut self, words: &[&[u8]]) -> Option<Frame> {
        if self.send(words) { self.hear() } else { None }
    }

    /// As [`Line::ask`]. `false`: the reply is another one, which is a failure.
    pub fn expect(&mut self, words: &[&[u8]], expected: &Frame) -> bool {
        let asked = now(self.stream.kernel());
        let got = self.ask(words);
        self.compare(words, got, expected, asked)
    }

    /// As [`Line::hear`]. `false`: something else came, which is a failure.
    pub fn expect_next(&mut self, what: &[&[u8]], expected: &Frame) -> bool {
        let asked = now(self.stream.kernel());
        let got = self.hear();
        self.compare(what, got, expected, asked)
    }

    fn compare(
        &self,
        words: &[&[u8]],
        got: Option<Frame>,
        expected: &Frame,
        asked: eagain_net::Instant,
    ) -> bool {
        if got.as_ref() == Some(expected) {
            return true;
        }
        let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let message =
            format!("client {}: {words:?} of {asked:?} came to {got:?}, not to {expected:?}", self.number);
        fail("O2", "other reply", message);
        false
    }

    /// Goes, in one of three ways.
    pub fn leave(self, how: u64) {
        // What fails here fails because it is gone.
        match how {
            0 => drop(self),
            1 => {
                let _ = self.stream.set(SocketOption::Linger(Some(0)));
                drop(self);
            }
            _ => {
                let _ = self.stream.shutdown(ShutdownHow::Write);
                // It has no reply to get any more.
                let mut rest = [0; 64];
                while self.stream.read(&mut rest).is_ok_and(|n| n > 0) {}
            }
        }
    }
}

/// Bytes.
pub fn bulk(bytes: &[u8]) -> Frame {
    Frame::Bulk(bytes.to_vec())
}
