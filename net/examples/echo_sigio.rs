//! Echo, the signal-driven model: a descriptor sends a real-time signal that names it when something happens. What to
//! watch: a signal reports what happened; the queue of signals is finite, and its overflow is one plain SIGIO without a name;
//! what was there before the signals were turned on sends none.
//!
//!     cargo run --example echo_sigio -- 127.0.0.1:7007

mod common;

use common::Connection;
use eagain_net::{
    Errno, Fd, Kernel, Linux, ListenOptions, MaskHow, Owner, Result, SigSet, Signal, StatusFlags,
    TcpListener, any_port,
};
use std::collections::HashMap;
use std::net::SocketAddr;

const READY: Signal = Signal::SIGRTMIN;

/// Signals for `fd`, to this thread.
fn signal_me<K: Kernel>(kernel: K, fd: Fd) -> Result<()> {
    kernel.fcntl_setown(fd, Owner::ThisThread)?;
    kernel.fcntl_setsig(fd, Some(READY))?;
    kernel.fcntl_setfl(fd, StatusFlags::NONBLOCK | StatusFlags::ASYNC)
}

fn serve<K: Kernel>(kernel: K, address: SocketAddr) -> Result<()> {
    // Blocked: they are waited for, not delivered.
    let signals = SigSet::of(&[READY, Signal::SIGIO]);
    kernel.sigprocmask(MaskHow::Block, signals)?;
    let listener = TcpListener::bind_with(kernel, address, &ListenOptions::nonblocking())?;
    println!("{}", listener.local_addr()?);
    signal_me(kernel, listener.fd())?;
    let mut connections: HashMap<Fd, Connection<K>> = HashMap::new();
    loop {
        let info = match kernel.sigtimedwait(signals, None) {
            Ok(info) => info,
            Err(Errno::EINTR) => continue,
            Err(e) => return Err(e),
        };
        let overflow = info.signal == Signal::SIGIO;
        if overflow {
            connections.retain(|_, connection| connection.go_on());
        } else if connections.get_mut(&info.fd).is_some_and(|connection| !connection.go_on()) {
            connections.remove(&info.fd);
        }
        if overflow || info.fd == listener.fd() {
            accept(kernel, &listener, &mut connections)?;
        }
    }
}

/// All that wait: the next signal comes with the next arrival only.
fn accept<K: Kernel>(
    kernel: K,
    listener: &TcpListener<K>,
    connections: &mut HashMap<Fd, Connection<K>>,
) -> Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _peer)) => {
                signal_me(kernel, stream.fd())?;
                let mut connection = Connection::new(stream);
                // What came before its signals were turned on.
                if connection.go_on() {
                    connections.insert(connection.stream.fd(), connection);
                }
            }
            Err(Errno::EAGAIN) => return Ok(()),
            Err(Errno::EINTR | Errno::ECONNABORTED) => {}
            Err(e) => return Err(e),
        }
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    serve(Linux, address.unwrap_or_else(any_port))
}
