//! Echo, the non-blocking model: nothing reports what is ready, so that every descriptor is tried in turn. A pause between
//! two rounds keeps an idle server from burning its core, and makes every answer late by as much.
//!
//!     cargo run --example echo_nonblocking -- 127.0.0.1:7007

mod common;

use common::Connection;
use eagain_net::{Errno, Kernel, Linux, ListenOptions, Result, TcpListener, any_port, sleep};
use std::net::SocketAddr;
use std::time::Duration;

fn serve<K: Kernel>(kernel: K, address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind_with(kernel, address, &ListenOptions::nonblocking())?;
    println!("{}", listener.local_addr()?);
    let mut connections = Vec::new();
    loop {
        match listener.accept_nonblocking() {
            Ok((stream, _peer)) => connections.push(Connection::new(stream)),
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED) => {}
            Err(e) => return Err(e),
        }
        connections.retain_mut(Connection::go_on);
        sleep(kernel, Duration::from_micros(100));
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    serve(Linux, address.unwrap_or_else(any_port))
}
