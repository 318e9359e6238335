//! axum's listener (feature `axum`): `axum::serve(listener, router)` takes a [`TcpListener`](super::TcpListener) of this crate.

use super::{TcpListener, TcpStream};
use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    /// As axum does with tokio's: a connection that broke is passed over; after any other error, such as `EMFILE`, it waits for
    /// a second.
    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match TcpListener::accept(self).await {
                Ok(accepted) => return accepted,
                Err(error) => match error.kind() {
                    io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset => {}
                    _ => tokio::time::sleep(Duration::from_secs(1)).await,
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}
