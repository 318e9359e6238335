//! A server that shouts: each line comes back in capitals. It is generic over its stream, and knows nothing of who tests it:
//! `tokio::net` in production (`src/bin/shout.rs`), `turmoil::net` with the layer over it in the tests
//! (`src/scenarios.rs`).

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The server as it was written first, and as it is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// Believes that a write writes.
    First,
    /// Writes all of it.
    Fixed,
}

/// Serves one connection until its peer has said everything; how many bytes were sent.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, version: Version) -> io::Result<u64> {
    // Received, not a whole line yet.
    let mut input = Vec::new();
    let mut buffer = [0; 4096];
    let mut sent = 0;
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(sent);
        }
        input.extend_from_slice(&buffer[..count]);
        let Some(end) = input.iter().rposition(|&byte| byte == b'\n') else { continue };
        let lines: Vec<u8> = input.drain(..=end).map(|byte| byte.to_ascii_uppercase()).collect();
        match version {
            Version::First => sent += stream.write(&lines).await? as u64,
            Version::Fixed => {
                stream.write_all(&lines).await?;
                sent += lines.len() as u64;
            }
        }
    }
}
