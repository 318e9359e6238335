//! A service on a UNIX socket, on tokio, as processes of one host use it; each client also reports by datagrams, on std.

use super::tokio_echo::{Flavor, in_time, round_trip, runtime};
use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;

const SERVICE: &str = "/tmp/echo.socket";
const REPORTS: &str = "/tmp/reports.socket";

/// Whoever had the path before is gone, or was killed and has left it.
fn free(path: &str) {
    let _ = std::fs::remove_file(path);
}

/// Echoes what each connection says.
pub fn server() -> io::Result<()> {
    runtime(Flavor::MultiThread)?.block_on(async {
        free(SERVICE);
        let listener = UnixListener::bind(SERVICE)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(echo(stream));
        }
    })
}

async fn echo(mut stream: UnixStream) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}

async fn connect() -> UnixStream {
    loop {
        match UnixStream::connect(SERVICE).await {
            Ok(stream) => return stream,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Sends twelve pieces, each until it came back whole, and reports that.
pub fn client(number: u8) -> io::Result<()> {
    runtime(Flavor::CurrentThread)?.block_on(async {
        let mut stream = connect().await;
        let mut done = 0;
        while done < 12 {
            // The last one is larger than the buffers.
            let length = if done == 11 { 300_000 } else { 10 + 30 * usize::from(done).pow(3) };
            let piece = vec![done; length];
            match in_time(round_trip(&mut stream, &piece)).await {
                Some(received) => {
                    assert!(received == piece, "piece {done} came back changed");
                    done += 1;
                    sleep(Duration::from_millis(5)).await;
                }
                None => stream = connect().await,
            }
        }
        Ok::<(), io::Error>(())
    })?;
    let socket = UnixDatagram::unbound()?;
    while socket.send_to(&[number, 12], REPORTS).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Waits for the reports of `clients`.
pub fn collector(clients: usize) -> io::Result<()> {
    free(REPORTS);
    let socket = UnixDatagram::bind(REPORTS)?;
    let mut reported = vec![false; clients];
    while reported.contains(&false) {
        let mut report = [0; 8];
        let (n, from) = socket.recv_from(&mut report)?;
        assert!(n == 2 && report[1] == 12 && from.is_unnamed(), "not what a client sends");
        reported[usize::from(report[0])] = true;
    }
    std::fs::remove_file(REPORTS)
}
