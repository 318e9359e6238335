//! A pipelined request that nobody looks at (libevent 2010): parsing is begun by "bytes arrived" alone. Where the next
//! request was read together with the current one, and the reply to that had to wait for room, nothing more arrives.
//! Repaired: what is already there is parsed when the reply is through.

use super::kit::{Lines, connect, each_connection, expect_reply, reply, send};
use crate::net::Net;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Writes what can be written at once.
async fn write_now<S: AsyncWrite + Unpin>(stream: &mut S, pending: &mut Vec<u8>) -> std::io::Result<()> {
    poll_fn(|cx| {
        while !pending.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, pending) {
                Poll::Ready(Ok(sent)) => drop(pending.drain(..sent)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Ready(Ok(())),
            }
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    stream.flush().await
}

/// Answers a line with a number by that many bytes, one request at a time: while a reply waits, nothing is read.
pub async fn serve<N: Net>(n: N, defect: bool) {
    each_connection(n, move |_, mut stream| async move {
        let (mut lines, mut pending) = (Lines::default(), Vec::new());
        let mut bytes = [0; 256];
        while let Ok(got @ 1..) = stream.read(&mut bytes).await {
            lines.feed(&bytes[..got]);
            while let Some(line) = lines.line() {
                pending = reply(line.parse().unwrap_or(0));
                if write_now(&mut stream, &mut pending).await.is_err() {
                    return;
                }
                if !pending.is_empty() {
                    if send(&mut stream, &pending).await.is_err() {
                        return;
                    }
                    if defect {
                        break;
                    }
                }
            }
            pending.clear();
        }
    })
    .await;
}

/// Asks for some replies in one go, then reads them.
pub async fn ask<N: Net>(n: N) -> Result<(), String> {
    let mut stream = connect(&n).await;
    for _ in 0..4 {
        let mut lengths = Vec::new();
        for _ in 0..n.choose("requests", 1, 4) {
            lengths.push(n.choose("length", 1, 4000) as usize);
        }
        let requests: String = lengths.iter().map(|length| format!("{length}\n")).collect();
        send(&mut stream, requests.as_bytes()).await?;
        for length in lengths {
            expect_reply(&mut stream, length).await?;
        }
    }
    Ok(())
}
