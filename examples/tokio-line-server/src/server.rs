//! A server that shouts: each line comes back in capitals. It was written for `tokio::net`; the first import is all that was
//! changed for the tests (`src/scenarios.rs`). Outside of them its sockets are tokio's (`src/bin/shout.rs`).

use eagain_layer::net::{TcpListener, TcpStream};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The server as it was written first, and as it is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// Assumes that a write is never short.
    First,
    /// Writes all of it.
    Fixed,
}

/// Serves whoever connects, each in a task of its own.
pub async fn run(listener: TcpListener, version: Version) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, version));
    }
}

/// Serves one connection until its peer has said everything.
async fn serve(stream: TcpStream, version: Version) -> io::Result<()> {
    let (mut read, mut write) = stream.into_split();
    // Received, not a whole line yet.
    let mut input = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = read.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..count]);
        let Some(end) = input.iter().rposition(|&byte| byte == b'\n') else { continue };
        let lines: Vec<u8> = input.drain(..=end).map(|byte| byte.to_ascii_uppercase()).collect();
        match version {
            Version::First => drop(write.write(&lines).await?),
            Version::Fixed => write.write_all(&lines).await?,
        }
    }
}
