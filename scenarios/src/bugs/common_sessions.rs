//! A server with a thread for each connection, and messages that say how long they are.

use super::common::{anywhere, read_more};
use eagain_net::*;

/// Takes connections in on `port`, each into a thread of its own.
pub fn each_in_a_thread<K: Kernel>(
    k: K,
    port: u16,
    body: impl Fn(TcpStream<K>) + Clone + Send + 'static,
) -> Result<()> {
    let listener = TcpListener::bind(k, anywhere(port))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        let body = body.clone();
        thread::spawn(k, "session", move || body(stream))?;
    }
}

/// The same where a session may end with an error: that ends it, and it alone, since its client has gone.
pub fn sessions<K: Kernel>(
    k: K,
    port: u16,
    session: impl Fn(K, &TcpStream<K>) -> Result<()> + Clone + Send + 'static,
) -> Result<()> {
    each_in_a_thread(k, port, move |stream| {
        let _ = session(k, &stream);
    })
}

/// A message on the wire: its length in two bytes, then itself.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u16).to_be_bytes()[..], payload].concat()
}

/// Bytes on their way to being messages.
#[derive(Clone, Default)]
pub struct Frames {
    buffer: Vec<u8>,
}

impl Frames {
    /// Takes what was read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where the next message ends, if it is whole.
    fn end(&self) -> Option<usize> {
        let end = 2 + usize::from(u16::from_be_bytes(*self.buffer.first_chunk()?));
        (self.buffer.len() >= end).then_some(end)
    }

    /// Whether a whole message is there.
    pub fn is_whole(&self) -> bool {
        self.end().is_some()
    }

    /// The next whole message.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.end()?;
        Some(self.buffer.drain(..end).skip(2).collect())
    }

    /// Whether a message has begun and is not whole.
    pub fn is_inside(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next whole message of a blocking stream. `None`: the stream ended before.
    pub fn read<K: Kernel>(&mut self, stream: &TcpStream<K>) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(message) = self.next() {
                return Ok(Some(message));
            }
            if !read_more(stream, &mut self.buffer)? {
                return Ok(None);
            }
        }
    }
}
