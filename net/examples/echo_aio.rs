//! Echo, asynchronous I/O as POSIX has it: an operation is started with its buffer, and a signal reports its end.
//! Sockets stay blocking. Operations on one descriptor run one after the other, so that a server that reads ahead
//! while it writes needs a duplicate; an echo does one after the other anyway. Each pending read holds a thread of the
//! C library, which has 20 unless `aio_init` says otherwise.
//!
//!     cargo run --example echo_aio -- 127.0.0.1:7007

use eagain_net::{
    AioId, Errno, Kernel, Linux, MaskHow, Result, SigEvent, SigSet, Signal, TcpListener, TcpStream, any_port,
    thread,
};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Carries the connection's number.
const DONE: Signal = Signal::SIGRTMIN;
/// Carries the descriptor of a new connection.
const ACCEPTED: Signal = Signal(Signal::SIGRTMIN.0 + 1);

enum Phase {
    Reading,
    /// What was read, and how much of it is written.
    Writing {
        filled: usize,
        written: usize,
    },
}

struct Connection<K: Kernel> {
    stream: TcpStream<K>,
    running: AioId,
    phase: Phase,
}

fn serve<K: Kernel>(kernel: K, address: SocketAddr) -> Result<()> {
    kernel.aio_init(128);
    // Blocked in every thread: set before there is a second one.
    let signals = SigSet::of(&[DONE, ACCEPTED]);
    kernel.sigprocmask(MaskHow::Block, signals)?;
    let listener = TcpListener::bind(kernel, address)?;
    println!("{}", listener.local_addr()?);
    // There is no asynchronous accept in POSIX: a thread does it, and sends a signal too.
    let pid = kernel.getpid();
    thread::spawn(kernel, "accept", move || {
        loop {
            match listener.accept() {
                Ok((stream, _peer)) => {
                    let fd = stream.into_owned_fd().into_raw();
                    if kernel.sigqueue(pid, ACCEPTED, fd.0 as u64).is_err() {
                        let _ = kernel.close(fd);
                    }
                }
                Err(Errno::EINTR | Errno::ECONNABORTED) => {}
                Err(e) => return e,
            }
        }
    })?;
    let mut connections = HashMap::new();
    loop {
        let info = match kernel.sigtimedwait(signals, None) {
            Ok(info) => info,
            Err(Errno::EINTR) => continue,
            Err(e) => return Err(e),
        };
        if info.signal == ACCEPTED {
            let fd = eagain_net::OwnedFd::from_raw(kernel, eagain_net::Fd(info.value as i32));
            let stream = TcpStream::from(fd);
            let event = SigEvent::Signal(DONE, info.value);
            if let Ok(running) = kernel.aio_read(stream.fd(), vec![0; 4096], 0, event) {
                connections.insert(info.value, Connection { stream, running, phase: Phase::Reading });
            }
        } else if let Some(connection) = connections.get_mut(&info.value)
            && !next(kernel, connection, info.value)
        {
            connections.remove(&info.value);
        }
    }
}

/// The running operation is done: starts the one that follows. `false`: this connection is over.
fn next<K: Kernel>(kernel: K, connection: &mut Connection<K>, value: u64) -> bool {
    let Ok((Ok(count), buffer)) = kernel.aio_return(connection.running) else { return false };
    let (filled, written) = match connection.phase {
        Phase::Reading if count == 0 => return false,
        Phase::Reading => (count, 0),
        Phase::Writing { filled, written } => (filled, written + count),
    };
    let (fd, event) = (connection.stream.fd(), SigEvent::Signal(DONE, value));
    let started = if written == filled {
        connection.phase = Phase::Reading;
        let mut buffer = buffer;
        buffer.resize(4096, 0);
        kernel.aio_read(fd, buffer, 0, event)
    } else {
        connection.phase = Phase::Writing { filled, written };
        let mut buffer = buffer;
        buffer.truncate(filled);
        kernel.aio_write(fd, buffer, written, 0, event)
    };
    started.map(|running| connection.running = running).is_ok()
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    serve(Linux, address.unwrap_or_else(any_port))
}
