//! Echo, multiplexing with `select(2)`: the sets are built for every call, and end at descriptor 1023.
//!
//!     cargo run --example echo_select -- 127.0.0.1:7007

mod common;

use common::Connection;
use eagain_net::{Errno, FdSet, Kernel, Linux, ListenOptions, Result, TcpListener, any_port};
use std::net::SocketAddr;

fn serve<K: Kernel>(kernel: K, address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind_with(kernel, address, &ListenOptions::nonblocking())?;
    println!("{}", listener.local_addr()?);
    let mut connections: Vec<Connection<K>> = Vec::new();
    loop {
        let (mut read, mut write) = (FdSet::default(), FdSet::default());
        let mut highest = listener.fd();
        let _ = read.insert(listener.fd());
        for connection in &connections {
            let set = if connection.wants_room() { &mut write } else { &mut read };
            let _ = set.insert(connection.stream.fd());
            highest = highest.max(connection.stream.fd());
        }
        match kernel.select(highest.0 + 1, Some(&mut read), Some(&mut write), None, None, None) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(e) => return Err(e),
        }
        // What is left in the sets is ready.
        connections.retain_mut(|connection| {
            let fd = connection.stream.fd();
            if read.contains(fd) || write.contains(fd) { connection.go_on() } else { true }
        });
        if read.contains(listener.fd()) {
            match listener.accept_nonblocking() {
                // Beyond the sets: closed at once, which is all the refusal that there is.
                Ok((stream, _peer)) if stream.fd().0 >= FdSet::SIZE => {}
                Ok((stream, _peer)) => connections.push(Connection::new(stream)),
                Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED) => {}
                Err(e) => return Err(e),
            }
        }
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    serve(Linux, address.unwrap_or_else(any_port))
}
