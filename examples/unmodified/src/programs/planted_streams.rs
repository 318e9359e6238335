//! Servers with a bug each in what they do with a stream, the same servers without it, and their clients, which are right. Each
//! re-creates a bug of a real project, on std or on tokio.

use super::planted::Version;
use super::std_echo::connect;
use super::tokio_echo::{Flavor, serve};
use std::future::poll_fn;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};

const ADDRESS: &str = "0.0.0.0:7";
/// How long one write waits for a slow client.
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);

/// A report of that many bytes, each of which is known.
pub(super) fn report(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// Answers a line with a number by a report of that many bytes. A client that takes nothing for a while makes a write give up;
/// the bug is that the error hides what had been sent before, so that it is sent again (Eternal Terminal 2026).
pub fn resend(version: Version) -> io::Result<()> {
    for stream in TcpListener::bind(ADDRESS)?.incoming() {
        let stream = stream?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        thread::spawn(move || {
            for line in BufReader::new(&stream).lines() {
                let Some(length) = line.ok().and_then(|line| line.parse().ok()) else { return };
                if send(&stream, &report(length), version).is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}

/// Sends all of it, however slow the client is.
fn send(stream: &TcpStream, bytes: &[u8], version: Version) -> io::Result<()> {
    let mut sent = 0;
    while sent < bytes.len() {
        match send_some(stream, &bytes[sent..], version) {
            Ok(n) => sent += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends until a write gives up; how much.
fn send_some(mut stream: &TcpStream, bytes: &[u8], version: Version) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(n) => sent += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) if sent > 0 && version == Version::Fixed => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Asks for reports, is busy with other things, and reads them.
pub fn read_reports(server: &str) -> io::Result<()> {
    let mut stream = connect(server);
    for length in [5_000, 30_000, 80_000] {
        stream.write_all(format!("{length}\n").as_bytes())?;
        thread::sleep(Duration::from_millis(250));
        let mut received = vec![0; length];
        stream.read_exact(&mut received)?;
        assert!(received == report(length), "a report of {length} bytes differs");
    }
    Ok(())
}

/// Echoes lines, which end in CR LF; a bare LF keeps the connection alive. The bug is that two bytes are taken off for the end of
/// either, so that what came with the keep-alive loses its first byte (Redis 2018).
pub fn keep_alive(version: Version) -> io::Result<()> {
    serve(Flavor::MultiThread, |stream| echo_lines(stream, version))
}

async fn echo_lines(mut stream: tokio::net::TcpStream, version: Version) -> io::Result<()> {
    let mut inbox = Vec::new();
    while stream.read_buf(&mut inbox).await? > 0 {
        while let Some(end) = inbox.iter().position(|&byte| byte == b'\n') {
            let line = inbox[..end].trim_ascii_end().to_vec();
            let taken = match version {
                Version::Fixed => end + 1,
                Version::Broken => inbox.len().min(line.len() + 2),
            };
            inbox.drain(..taken);
            if !line.is_empty() {
                stream.write_all(&[&line[..], b"\r\n"].concat()).await?;
            }
        }
    }
    Ok(())
}

/// Says some lines, now and then after a pause in which it keeps the connection alive.
pub fn say_lines(server: &str) -> io::Result<()> {
    let mut stream = connect(server);
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    for i in 0..12 {
        if i % 3 == 2 {
            stream.write_all(b"\n")?;
            thread::sleep(Duration::from_millis(1));
        }
        let line = format!("line {i}\r\n");
        stream.write_all(line.as_bytes())?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        assert_eq!(answer, line, "another line came back");
    }
    Ok(())
}

/// Answers one line with a number by a report of that many bytes, and ends. The bug is that the socket is shut down past the
/// buffer in front of it, where a flush may have left the last bytes (hyper 2026).
pub fn shut_down_early(version: Version) -> io::Result<()> {
    serve(Flavor::MultiThread, |stream| answer_and_end(stream, version))
}

async fn answer_and_end(mut stream: tokio::net::TcpStream, version: Version) -> io::Result<()> {
    let mut line = String::new();
    tokio::io::BufReader::new(&mut stream).read_line(&mut line).await?;
    let mut writer = BufWriter::new(stream);
    for piece in report(line.trim_end().parse().unwrap_or(0)).chunks(1000) {
        writer.write_all(piece).await?;
    }
    // As a connection task does at the end of its turn: flushes as much as is taken now.
    let _ = poll_fn(|context| Poll::Ready(Pin::new(&mut writer).poll_flush(context).is_ready())).await;
    match version {
        Version::Fixed => writer.shutdown().await,
        Version::Broken => writer.get_mut().shutdown().await,
    }
}

/// Reads reports, each from a connection of its own, to its end.
pub fn read_to_the_end(server: &str) -> io::Result<()> {
    for length in [4_000, 9_000, 30_000] {
        let mut stream = connect(server);
        stream.write_all(format!("{length}\n").as_bytes())?;
        let mut received = Vec::new();
        stream.read_to_end(&mut received)?;
        assert!(received == report(length), "{} of {length} bytes came before the end", received.len());
    }
    Ok(())
}
