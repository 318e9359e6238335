//! Writing all before reading any (redis-rs 2026): the client sends a long pipeline and reads no reply meanwhile; the
//! server, whose replies find no room, stops reading. Both wait for the other. Repaired: reading goes on beside writing.

use super::kit::{Lines, connect, each_connection, reply, send};
use crate::net::Net;
use tokio::io::{AsyncReadExt, AsyncWrite, split};

/// Answers a line with a number by that many bytes. A reply that finds no room keeps it from reading.
pub async fn serve<N: Net>(n: N) {
    each_connection(n, |_, mut stream| async move {
        let mut lines = Lines::default();
        while let Some(line) = lines.read(&mut stream).await {
            if send(&mut stream, &reply(line.parse().unwrap_or(0))).await.is_err() {
                break;
            }
        }
    })
    .await;
}

/// The pipeline, a write a request.
async fn write<S: AsyncWrite + Unpin>(stream: &mut S, lengths: &[usize]) -> Result<(), String> {
    for length in lengths {
        send(stream, format!("{length}\n").as_bytes()).await?;
    }
    Ok(())
}

/// Sends pipelines, and wants the bytes of all replies.
pub async fn ask<N: Net>(n: N, defect: bool) -> Result<(), String> {
    let (mut reader, mut writer) = split(connect(&n).await);
    for _ in 0..3 {
        let (requests, length) = (n.choose("requests", 1, 800) as usize, n.choose("length", 1, 100) as usize);
        let lengths: Vec<usize> = (0..requests).map(|at| length + at % 7).collect();
        let expected: Vec<u8> = lengths.iter().flat_map(|&length| reply(length)).collect();
        let mut got = vec![0; expected.len()];
        if defect {
            write(&mut writer, &lengths).await?;
            reader.read_exact(&mut got).await.map_err(|error| error.to_string())?;
        } else {
            let (written, read) = tokio::join!(write(&mut writer, &lengths), reader.read_exact(&mut got));
            written?;
            read.map_err(|error| error.to_string())?;
        }
        if got != expected {
            return Err("replies differ".to_owned());
        }
    }
    Ok(())
}
