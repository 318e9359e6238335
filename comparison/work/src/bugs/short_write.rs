//! A health check in steps (HAProxy 2013): a scripted send that was short counts as done. The check goes on to wait for
//! the reply to a request that never left whole.

use super::kit::{Lines, connect, each_connection, send};
use crate::net::Net;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Says `ok` and the length to each line.
pub async fn serve<N: Net>(n: N) {
    each_connection(n, |_, mut stream| async move {
        let mut lines = Lines::default();
        while let Some(line) = lines.read(&mut stream).await {
            if send(&mut stream, format!("ok {}\n", line.len()).as_bytes()).await.is_err() {
                break;
            }
        }
    })
    .await;
}

/// Makes the steps one after the other, some times.
pub async fn check<N: Net>(n: N, defect: bool) -> Result<(), String> {
    for _ in 0..n.choose("checks", 1, 4) {
        let mut stream = connect(&n).await;
        let mut lines = Lines::default();
        for length in [1000, 4] {
            let line = [vec![b'x'; length], vec![b'\n']].concat();
            if defect {
                let sent = stream.write(&line).await;
                sent.map_err(|error| error.to_string())?;
                stream.flush().await.map_err(|error| error.to_string())?;
            } else {
                send(&mut stream, &line).await?;
            }
            let mut bytes = [0; 64];
            let answer = loop {
                if let Some(line) = lines.line() {
                    break line;
                }
                match stream.read(&mut bytes).await {
                    Ok(got @ 1..) => lines.feed(&bytes[..got]),
                    _ => return Err("hung up".to_owned()),
                }
            };
            if answer != format!("ok {length}") {
                return Err(format!("{answer:?} instead of ok {length}"));
            }
        }
    }
    Ok(())
}
