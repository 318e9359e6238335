//! Echo, asynchronous I/O by a ring: operations go in with their buffers, completions come out with them, many of each
//! with one call.
//!
//!     cargo run --example echo_io_uring -- 127.0.0.1:7007

use eagain_net::{
    Advice, Completed, CompletedFlags, Errno, Fd, Kernel, Linux, OwnedFd, Result, Ring, RingParams,
    SocketFlags, TcpListener, TcpStream, any_port,
};
use std::collections::HashMap;
use std::net::SocketAddr;

/// The `user_data` of the listener; a connection's is its descriptor, and the bit says what it waits for.
const LISTENER: u64 = u64::MAX;
const WRITING: u64 = 1 << 32;

struct Server<K: Kernel> {
    kernel: K,
    listener: TcpListener<K>,
    ring: Ring<K>,
    connections: HashMap<u64, Connection<K>>,
}

struct Connection<K: Kernel> {
    stream: TcpStream<K>,
    /// Of the buffer that is being written.
    written: usize,
}

impl<K: Kernel> Server<K> {
    fn run(&mut self) -> Result<()> {
        self.accept()?;
        let mut done = Vec::new();
        loop {
            match self.ring.enter(1, None) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
            self.ring.reap(&mut done);
            for completed in done.drain(..) {
                self.handle(completed)?;
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        let fd = self.listener.fd();
        self.retry(|ring| {
            ring.accept_multishot(LISTENER, fd, SocketFlags::CLOEXEC).map_err(|(errno, _)| errno)
        })
    }

    /// Once more after an enter, where the submission queue was full.
    fn retry(&mut self, mut push: impl FnMut(&mut Ring<K>) -> Result<()>) -> Result<()> {
        match push(&mut self.ring) {
            Err(Errno::EBUSY) => {
                self.ring.enter(0, None)?;
                push(&mut self.ring)
            }
            other => other,
        }
    }

    fn read(&mut self, id: u64, mut buffer: Vec<u8>) -> Result<()> {
        buffer.resize(4096, 0);
        let mut buffer = Some(buffer);
        self.retry(|ring| {
            let taken = buffer.take().unwrap_or_default();
            ring.recv(id, Fd(id as i32), taken).map_err(|(errno, back)| {
                buffer = buffer_of(back);
                errno
            })
        })
    }

    fn write(&mut self, id: u64, buffer: Vec<u8>, from: usize) -> Result<()> {
        let mut buffer = Some(buffer);
        self.retry(|ring| {
            let taken = buffer.take().unwrap_or_default();
            ring.send(id | WRITING, Fd(id as i32), taken, from).map_err(|(errno, back)| {
                buffer = buffer_of(back);
                errno
            })
        })
    }

    fn handle(&mut self, completed: Completed) -> Result<()> {
        if completed.user_data == LISTENER {
            if let Ok(fd) = completed.value() {
                let stream = TcpStream::from(OwnedFd::from_raw(self.kernel, Fd(fd as i32)));
                self.connections.insert(fd as u64, Connection { stream, written: 0 });
                self.read(fd as u64, Vec::new())?;
            }
            // Without it, the multishot is over.
            return if completed.flags.contains(CompletedFlags::MORE) { Ok(()) } else { self.accept() };
        }
        let id = completed.user_data & !WRITING;
        let count = completed.value();
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        let (Ok(count @ 1..), Some(mut buffer)) = (count, completed.buffer) else {
            // The end, or an error: close.
            debug_assert_eq!(connection.stream.fd().0 as u64, id);
            self.connections.remove(&id);
            return Ok(());
        };
        if completed.user_data & WRITING == 0 {
            connection.written = 0;
            buffer.truncate(count);
        } else {
            connection.written += count;
        }
        let written = connection.written;
        if written < buffer.len() { self.write(id, buffer, written) } else { self.read(id, buffer) }
    }
}

fn buffer_of(submission: eagain_net::Submission) -> Option<Vec<u8>> {
    match submission.operation {
        eagain_net::Operation::Recv { buffer, .. } | eagain_net::Operation::Send { buffer, .. } => {
            Some(buffer)
        }
        _ => None,
    }
}

fn serve<K: Kernel>(kernel: K, address: SocketAddr) -> Result<()> {
    if let Advice::Unavailable(reason) = kernel.io_uring_probe() {
        println!("no rings: {reason}");
        return Err(Errno::ENOSYS);
    }
    let listener = TcpListener::bind(kernel, address)?;
    println!("{}", listener.local_addr()?);
    let ring = Ring::new(kernel, RingParams { entries: 256, cq_entries: 0, defer_taskrun: true })?;
    Server { kernel, listener, ring, connections: HashMap::new() }.run()
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    serve(Linux, address.unwrap_or_else(any_port))
}
