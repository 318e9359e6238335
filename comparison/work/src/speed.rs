//! The work that is timed. Every world is built, runs and is torn down inside the time.

use crate::net::{Net, Peer};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PIECE: usize = 16 << 10;
/// Bytes of the bulk.
pub const BULK: usize = 64 << 20;

/// Sends back what comes, a task a connection.
pub async fn serve<N: Net>(n: N) {
    let listener = n.listen().await.expect("it can listen");
    while let Ok(mut stream) = n.accept(&listener).await {
        n.spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(got @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..got]).await.is_err() || stream.flush().await.is_err() {
                    break;
                }
            }
        });
    }
}

/// Asks 64 bytes and waits for them, again and again.
pub async fn ask<N: Net>(n: N, rounds: u64) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = connect(&n).await;
    let sent = [7; 64];
    let mut got = [0; 64];
    for _ in 0..rounds {
        stream.write_all(&sent).await.map_err(text)?;
        stream.flush().await.map_err(text)?;
        stream.read_exact(&mut got).await.map_err(text)?;
    }
    Ok(())
}

/// Connects, again after a while where nobody listens yet.
pub async fn connect<N: Net>(n: &N) -> N::Stream {
    loop {
        if let Ok(stream) = n.connect().await {
            return stream;
        }
        n.sleep(Duration::from_millis(1)).await;
    }
}

/// Takes all, then says so in a byte.
pub async fn take<N: Net>(n: N) {
    let listener = n.listen().await.expect("it can listen");
    let mut stream = n.accept(&listener).await.expect("somebody comes");
    let mut buffer = vec![0; PIECE];
    let mut left = BULK;
    while left > 0 {
        match stream.read(&mut buffer).await {
            Ok(got @ 1..) => left -= got,
            _ => return,
        }
    }
    if stream.write_all(&[1]).await.is_ok() && stream.flush().await.is_ok() {
        // Whoever reads the byte ends the world.
        let _ = stream.read(&mut buffer).await;
    }
}

/// Gives all of it, and waits for the byte.
pub async fn give<N: Net>(n: N) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = connect(&n).await;
    let piece = vec![1; PIECE];
    for _ in 0..BULK / PIECE {
        stream.write_all(&piece).await.map_err(text)?;
        stream.flush().await.map_err(text)?;
    }
    stream.read_u8().await.map_err(text)?;
    Ok(())
}

/// How often a second `run` did its `units`, over worlds of different seeds that take about `time` together.
pub fn rate(
    time: Duration,
    units: f64,
    mut run: impl FnMut(u64) -> Result<(), String>,
) -> Result<f64, String> {
    // The first one pays for cold caches.
    run(0)?;
    let start = Instant::now();
    let mut worlds = 0;
    while start.elapsed() < time || worlds == 0 {
        worlds += 1;
        run(worlds)?;
    }
    Ok(units * worlds as f64 / start.elapsed().as_secs_f64())
}

/// All of it: `report` gets what, and how much a second. `trips` is how many round trips a world of the echo has.
pub fn measure<P: Peer>(
    peer: &P,
    trips: u64,
    time: Duration,
    mut report: impl FnMut(&str, Result<f64, String>),
) {
    let echo = |seed, clients: usize, rounds| peer.run(seed, clients, serve, move |n, _| ask(n, rounds));
    for (what, clients) in [("echo-1", 1), ("echo-10", 10), ("echo-100", 100)] {
        report(what, rate(time, trips as f64, |seed| echo(seed, clients, trips / clients as u64)));
    }
    report("worlds", rate(time, 1.0, |seed| echo(seed, 2, 10)));
    report("bulk", rate(time, BULK as f64, |seed| peer.run(seed, 1, take, |n, _| give(n))));
}
