//! Echo, the blocking model: a thread for each connection, and calls that wait. The simplest of all, until there are
//! more connections than one wants threads.
//!
//!     cargo run --example echo_blocking -- 127.0.0.1:7007

use eagain_net::{Errno, Kernel, Linux, Result, TcpListener, TcpStream, any_port, thread};
use std::net::SocketAddr;

fn serve<K: Kernel>(kernel: K, address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(kernel, address)?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(Errno::EINTR | Errno::ECONNABORTED) => continue,
            Err(e) => return Err(e),
        };
        // The thread closes the connection when it is done with it, or at once where there is no thread left.
        let _ = thread::spawn(kernel, "echo", move || echo(&stream));
    }
}

/// Until the peer ends, or something breaks.
fn echo<K: Kernel>(stream: &TcpStream<K>) -> Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => stream.write_all(&buffer[..n])?,
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    serve(Linux, address.unwrap_or_else(any_port))
}
