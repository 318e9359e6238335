//! Echo, multiplexing with `poll(2)`: a list instead of sets, of any length, still walked by the kernel in every call.
//!
//!     cargo run --example echo_poll -- 127.0.0.1:7007

mod common;

use common::Connection;
use eagain_net::{Errno, Events, Kernel, Linux, ListenOptions, PollFd, Result, TcpListener, any_port};
use std::net::SocketAddr;

fn serve<K: Kernel>(kernel: K, address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind_with(kernel, address, &ListenOptions::nonblocking())?;
    println!("{}", listener.local_addr()?);
    let mut connections: Vec<Connection<K>> = Vec::new();
    let mut fds = Vec::new();
    loop {
        // The listener first, then the connections in their order.
        fds.clear();
        fds.push(PollFd::new(listener.fd(), Events::IN));
        fds.extend(connections.iter().map(|connection| {
            let events = if connection.wants_room() { Events::OUT } else { Events::IN };
            PollFd::new(connection.stream.fd(), events)
        }));
        match kernel.poll(&mut fds, None, None) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(e) => return Err(e),
        }
        let mut reports = fds.iter().skip(1);
        connections.retain_mut(|connection| {
            // HUP and ERR come unasked, and are found out by reading like everything else.
            let ready = reports.next().is_some_and(|report| !report.revents.is_empty());
            if ready { connection.go_on() } else { true }
        });
        if !fds[0].revents.is_empty() {
            match listener.accept_nonblocking() {
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
