//! Echo, multiplexing with `epoll(7)`: the kernel keeps the list. Edge-triggered here: reported once when something
//! arrives, so that each turn has to go on until a call would block, and nothing has to be changed ever after.
//!
//!     cargo run --example echo_epoll -- 127.0.0.1:7007

mod common;

use common::Connection;
use eagain_net::{
    Epoll, EpollEvent, Errno, Events, Kernel, Linux, ListenOptions, Result, TcpListener, any_port,
};
use std::collections::HashMap;
use std::net::SocketAddr;

/// The listener's; those of connections are their descriptors.
const LISTENER: u64 = u64::MAX;

fn serve<K: Kernel>(kernel: K, address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind_with(kernel, address, &ListenOptions::nonblocking())?;
    println!("{}", listener.local_addr()?);
    let epoll = Epoll::new(kernel)?;
    // Level-triggered: one connection is accepted a turn, and the others are reported again.
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut connections = HashMap::new();
    let mut events = [EpollEvent::default(); 64];
    loop {
        let count = match epoll.wait(&mut events, None) {
            Ok(count) => count,
            Err(Errno::EINTR) => continue,
            Err(e) => return Err(e),
        };
        for event in &events[..count] {
            if event.data == LISTENER {
                match listener.accept_nonblocking() {
                    Ok((stream, _peer)) => {
                        let fd = stream.fd();
                        epoll.add(fd, Events::IN | Events::OUT | Events::RDHUP | Events::ET, fd.0 as u64)?;
                        connections.insert(fd.0 as u64, Connection::new(stream));
                    }
                    Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED) => {}
                    Err(e) => return Err(e),
                }
            } else if let Some(connection) = connections.get_mut(&event.data)
                && !connection.go_on()
            {
                // Closing takes it out of the set.
                connections.remove(&event.data);
            }
        }
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    serve(Linux, address.unwrap_or_else(any_port))
}
