//! One binary; each module drives one family of the real kernel over loopback. Nothing here sleeps to be right: what
//! has to have happened is waited for.
#![cfg(target_os = "linux")]

mod aio;
mod completers;
mod files;
mod models;
mod rings;
mod signals;
mod sockets;
mod sync;
mod threads;
mod timers;
mod waiting;

use eagain_net::{Linux, TcpListener, TcpStream, any_port};
use std::io::Write;

/// What this machine has not is not tested, and why is said: not by a macro, whose output the test runner keeps to itself
/// when all is well.
fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// Two ends of a connection over loopback: the connecting one, and the accepted one.
fn pair() -> (TcpStream<Linux>, TcpStream<Linux>) {
    let listener = TcpListener::bind(Linux, any_port()).unwrap();
    let client = TcpStream::connect(Linux, listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}
