//! Servers with a bug each, and the same servers without it.

use super::tokio_echo::{Flavor, serve};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::interval;

/// With the bug, or without.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Without.
    Fixed,
    /// With.
    Broken,
}

/// Echoes, and assumes that `write` is never short.
pub fn hasty(version: Version) -> io::Result<()> {
    serve(Flavor::MultiThread, |stream| hasty_echo(stream, version))
}

async fn hasty_echo(mut stream: TcpStream, version: Version) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        match version {
            Version::Fixed => stream.write_all(&buffer[..n]).await?,
            Version::Broken => drop(stream.write(&buffer[..n]).await?),
        }
    }
}

/// Numbers requests: each byte is answered with the next number. Two workers read the counter before either writes it.
pub fn racy(version: Version) -> io::Result<()> {
    let counter = Arc::new(AtomicU64::new(0));
    serve(Flavor::MultiThread, |stream| number_requests(stream, counter.clone(), version))
}

async fn number_requests(mut stream: TcpStream, counter: Arc<AtomicU64>, version: Version) -> io::Result<()> {
    let mut byte = [0; 1];
    while stream.read(&mut byte).await? == 1 {
        let number = match version {
            Version::Fixed => counter.fetch_add(1, SeqCst),
            Version::Broken => {
                let number = counter.load(SeqCst);
                tokio::task::yield_now().await;
                counter.store(number + 1, SeqCst);
                number
            }
        };
        stream.write_all(&number.to_be_bytes()).await?;
    }
    Ok(())
}

/// Echoes frames of a length byte and as many bytes; between them it counts seconds. A read that the timer cancels loses what it
/// had read of a frame.
pub fn forgotten_select(version: Version) -> io::Result<()> {
    serve(Flavor::CurrentThread, |stream| echo_frames(stream, version))
}

async fn echo_frames(mut stream: TcpStream, version: Version) -> io::Result<()> {
    let mut timer = interval(Duration::from_millis(2));
    let mut ticks = 0u64;
    // What is left of the last read: of the fixed version alone.
    let mut inbox = Vec::new();
    loop {
        let frame = match version {
            Version::Broken => tokio::select! {
                frame = read_frame(&mut stream) => frame?,
                _ = timer.tick() => {
                    ticks += 1;
                    continue;
                }
            },
            Version::Fixed => match take_frame(&mut inbox) {
                Some(frame) => frame,
                None => {
                    tokio::select! {
                        // A read that is cancelled has read nothing.
                        n = stream.read_buf(&mut inbox) => if n? == 0 {
                            return Ok(());
                        },
                        _ = timer.tick() => ticks += 1,
                    }
                    continue;
                }
            },
        };
        stream.write_all(&[frame.len() as u8]).await?;
        stream.write_all(&frame).await?;
        if ticks == u64::MAX {
            return Ok(());
        }
    }
}

async fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u8().await?;
    let mut frame = vec![0; usize::from(length)];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

fn take_frame(inbox: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::from(*inbox.first()?);
    let frame = inbox.get(1..=length)?.to_vec();
    inbox.drain(..=length);
    Some(frame)
}
