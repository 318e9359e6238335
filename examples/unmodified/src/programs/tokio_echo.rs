//! An echo server and its client on tokio, on either of its runtimes. The client begins again where a connection is lost.

use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

/// Which runtime.
#[derive(Clone, Copy)]
pub enum Flavor {
    /// One thread.
    CurrentThread,
    /// Two workers.
    MultiThread,
}

/// A runtime of this flavor.
pub fn runtime(flavor: Flavor) -> io::Result<Runtime> {
    match flavor {
        Flavor::CurrentThread => Builder::new_current_thread().enable_all().build(),
        Flavor::MultiThread => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
    }
}

/// Serves each connection to port 7 in a task.
pub fn serve<F: Future<Output = io::Result<()>> + Send + 'static>(
    flavor: Flavor,
    session: impl Fn(TcpStream) -> F,
) -> io::Result<()> {
    runtime(flavor)?.block_on(async {
        let listener = TcpListener::bind("0.0.0.0:7").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(session(stream));
        }
    })
}

/// Echoes what each connection sends until it ends in whatever way.
pub fn server(flavor: Flavor) -> io::Result<()> {
    serve(flavor, echo)
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}

/// Connects as often as it takes.
pub async fn connect(server: &str) -> TcpStream {
    loop {
        match timeout(Duration::from_secs(1), TcpStream::connect(server)).await {
            Ok(Ok(stream)) => return stream,
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The result in time, if there is one and it is no error.
pub async fn in_time<T, E>(what: impl Future<Output = Result<T, E>>) -> Option<T> {
    timeout(Duration::from_secs(5), what).await.ok()?.ok()
}

/// Sends twelve pieces, each until it came back whole.
pub fn client(flavor: Flavor, server: &str) -> io::Result<()> {
    runtime(flavor)?.block_on(async {
        let mut stream = connect(server).await;
        let mut done = 0;
        while done < 12 {
            let piece = vec![done; 10 + 300 * usize::from(done)];
            match in_time(round_trip(&mut stream, &piece)).await {
                Some(received) => {
                    assert!(received == piece, "piece {done} came back changed");
                    done += 1;
                    sleep(Duration::from_millis(20)).await;
                }
                None => stream = connect(server).await,
            }
        }
        println!("{done} pieces came back");
        Ok(())
    })
}

/// Sends a piece, and receives as much at the same time.
pub async fn round_trip<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    piece: &[u8],
) -> io::Result<Vec<u8>> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut received = vec![0; piece.len()];
    let (sent, got) = tokio::join!(writer.write_all(piece), reader.read_exact(&mut received));
    sent?;
    got?;
    Ok(received)
}
