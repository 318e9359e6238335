//! A server that takes what one read gives for one request. Repaired: a request is a line.

use super::kit::{Lines, connect, each_connection, pause, send};
use crate::net::Net;
use tokio::io::AsyncReadExt;

/// Says `ok` and the length to each request.
pub async fn serve<N: Net>(n: N, defect: bool) {
    each_connection(n, move |_, mut stream| async move {
        let mut lines = Lines::default();
        let mut bytes = [0; 4096];
        while let Ok(got @ 1..) = stream.read(&mut bytes).await {
            let mut requests = Vec::new();
            if defect {
                requests.push(String::from_utf8_lossy(bytes[..got].trim_ascii_end()).into_owned());
            } else {
                lines.feed(&bytes[..got]);
                requests.extend(std::iter::from_fn(|| lines.line()));
            }
            for request in requests {
                if send(&mut stream, format!("ok {}\n", request.len()).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
}

/// Asks some lines, one after the other.
pub async fn ask<N: Net>(n: N) -> Result<(), String> {
    let mut stream = connect(&n).await;
    let mut lines = Lines::default();
    for _ in 0..8 {
        pause(&n, "think", 2000).await;
        let length = n.choose("length", 1, 1000) as usize;
        send(&mut stream, &[vec![b'x'; length], vec![b'\n']].concat()).await?;
        let answer = lines.read(&mut stream).await.ok_or("hung up")?;
        if answer != format!("ok {length}") {
            return Err(format!("{answer:?} instead of ok {length}"));
        }
    }
    Ok(())
}
