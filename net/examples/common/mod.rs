//! What the echo programs on readiness share: a connection that reads and writes until a call would block. Which event
//! made it do so is the business of each program.

use eagain_net::{Errno, Kernel, TcpStream};

/// A non-blocking connection, and what it owes its peer.
pub struct Connection<K: Kernel> {
    pub stream: TcpStream<K>,
    unsent: Vec<u8>,
    /// The peer has sent all that it will.
    ended: bool,
}

impl<K: Kernel> Connection<K> {
    pub fn new(stream: TcpStream<K>) -> Connection<K> {
        Connection { stream, unsent: Vec::new(), ended: false }
    }

    /// Writes what is owed, reads more, and so on, until a call would block. `false`: this connection is over.
    pub fn go_on(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            while !self.unsent.is_empty() {
                match self.stream.write(&self.unsent) {
                    Ok(n) => drop(self.unsent.drain(..n)),
                    Err(Errno::EAGAIN) => return true,
                    Err(Errno::EINTR) => {}
                    Err(_) => return false,
                }
            }
            if self.ended {
                return false;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(n) => self.unsent.extend_from_slice(&buffer[..n]),
                Err(Errno::EAGAIN) => return true,
                Err(Errno::EINTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// Whether it waits for room to write; else it waits for bytes to read.
    #[allow(dead_code)] // not every program has to know
    pub fn wants_room(&self) -> bool {
        !self.unsent.is_empty()
    }
}
