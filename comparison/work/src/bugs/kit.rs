//! What the planted bugs share: lines, replies whose every byte is known, timeouts.

use crate::net::Net;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub use crate::speed::connect;

/// Accepts for ever, a task a connection.
pub async fn each_connection<N: Net, F>(n: N, session: impl Fn(N, N::Stream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = n.listen().await.expect("it can listen");
    while let Ok(stream) = n.accept(&listener).await {
        n.spawn(session(n.clone(), stream));
    }
}

/// Sends all of it, now.
pub async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Result<(), String> {
    let sent = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    sent.await.map_err(|error: io::Error| error.to_string())
}

/// A pause of the workload, of up to so many microseconds.
pub async fn pause<N: Net>(n: &N, name: &'static str, most: u64) {
    let pause = n.choose(name, 0, most);
    if pause > 0 {
        n.sleep(Duration::from_micros(pause)).await;
    }
}

/// What comes of it in time.
pub async fn within<N: Net, T>(n: &N, time: Duration, what: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        came = what => Some(came),
        () = n.sleep(time) => None,
    }
}

/// Bytes on their way to being lines.
#[derive(Default)]
pub struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    /// Takes what was read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub fn line(&mut self) -> Option<String> {
        let end = self.buffer.iter().position(|&byte| byte == b'\n')?;
        let line = self.buffer.drain(..=end).take(end).collect();
        Some(String::from_utf8(line).unwrap_or_default())
    }

    /// The next whole line of a stream. `None`: the stream ended before.
    pub async fn read<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> Option<String> {
        loop {
            if let Some(line) = self.line() {
                return Some(line);
            }
            let mut bytes = [0; 256];
            match stream.read(&mut bytes).await {
                Ok(got @ 1..) => self.feed(&bytes[..got]),
                _ => return None,
            }
        }
    }
}

/// Byte `at` of the reply to a request for `length` bytes: no two neighbours, and no two replies, look the same.
fn reply_byte(length: usize, at: usize) -> u8 {
    (length.wrapping_mul(31) ^ at.wrapping_mul(7) ^ (at >> 8)) as u8
}

/// The reply to a request for `length` bytes.
pub fn reply(length: usize) -> Vec<u8> {
    (0..length).map(|at| reply_byte(length, at)).collect()
}

/// Reads the reply to a request for `length` bytes; an error where a byte differs or the stream ends early.
pub async fn expect_reply<S: AsyncRead + Unpin>(stream: &mut S, length: usize) -> Result<(), String> {
    let mut got = vec![0; length];
    stream.read_exact(&mut got).await.map_err(|error| error.to_string())?;
    if got == reply(length) { Ok(()) } else { Err("reply differs".to_owned()) }
}
