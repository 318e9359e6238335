//! Servers on tokio with a bug each in how they go on when a write or a message is not complete, the same servers without it, and
//! their clients, which are right. Each has the workload of the planted bug on the traits that is named with it.

use super::planted::Version;
use super::planted_streams::report;
use super::std_echo::connect;
use super::tokio_echo::{Flavor, serve};
use std::io::{self, BufRead, BufReader, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

/// The number in the next line, once it is there.
fn next_number(inbox: &mut Vec<u8>) -> Option<usize> {
    let end = inbox.iter().position(|&byte| byte == b'\n')?;
    let line: Vec<u8> = inbox.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line).trim_end().parse().unwrap_or(0))
}

/// What it came to; `None`: nothing now.
fn ready(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

/// Answers lines with a number by reports of that many bytes, old output and new in one write (`gather-write-offset`: Bun 2026).
/// The bug is that of a short one the wrong number of new bytes is kept.
pub fn gathered(version: Version) -> io::Result<()> {
    serve(Flavor::MultiThread, move |stream| gather(stream, version))
}

async fn gather(stream: TcpStream, version: Version) -> io::Result<()> {
    let (mut inbox, mut pending) = (Vec::new(), Vec::new());
    loop {
        let wanted =
            if pending.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
        let state = stream.ready(wanted).await?;
        if state.is_writable() {
            send(&stream, &mut pending, &[], version)?;
        }
        if state.is_readable() {
            if ready(stream.try_read_buf(&mut inbox))? == Some(0) {
                return Ok(());
            }
            while let Some(length) = next_number(&mut inbox) {
                send(&stream, &mut pending, &report(length), version)?;
            }
        }
    }
}

fn send(stream: &TcpStream, pending: &mut Vec<u8>, new: &[u8], version: Version) -> io::Result<()> {
    let old = pending.len();
    if old + new.len() == 0 {
        return Ok(());
    }
    let sent = ready(stream.try_write_vectored(&[IoSlice::new(pending), IoSlice::new(new)]))?.unwrap_or(0);
    if sent == old + new.len() {
        pending.clear();
        return Ok(());
    }
    let of_new = match version {
        Version::Fixed => sent.saturating_sub(old),
        Version::Broken => old.saturating_sub(sent),
    };
    pending.drain(..sent.min(old));
    pending.extend_from_slice(&new[of_new.min(new.len())..]);
    Ok(())
}

/// Answers lines with a number by reports of that many bytes, one after the other: while one waits for room, nothing is read
/// (`pipelined-request-forgotten`: libevent 2010). The bug is that a request which was read with the one before is looked at only
/// when more arrives.
pub fn forgotten_request(version: Version) -> io::Result<()> {
    serve(Flavor::MultiThread, move |stream| one_at_a_time(stream, version))
}

async fn one_at_a_time(stream: TcpStream, version: Version) -> io::Result<()> {
    let (mut inbox, mut pending) = (Vec::new(), Vec::new());
    loop {
        if pending.is_empty() {
            stream.readable().await?;
            match ready(stream.try_read_buf(&mut inbox))? {
                Some(0) => return Ok(()),
                Some(_) => answer(&stream, &mut inbox, &mut pending)?,
                None => {}
            }
        } else {
            stream.writable().await?;
            if flush(&stream, &mut pending)? && version == Version::Fixed {
                answer(&stream, &mut inbox, &mut pending)?;
            }
        }
    }
}

fn answer(stream: &TcpStream, inbox: &mut Vec<u8>, pending: &mut Vec<u8>) -> io::Result<()> {
    while let Some(length) = next_number(inbox) {
        pending.extend(report(length));
        if !flush(stream, pending)? {
            break;
        }
    }
    Ok(())
}

/// Sends what is pending; whether all of it is through.
fn flush(stream: &TcpStream, pending: &mut Vec<u8>) -> io::Result<bool> {
    while !pending.is_empty() {
        match ready(stream.try_write(pending))? {
            Some(n) => drop(pending.drain(..n)),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Asks for several reports in one go, then reads them.
pub fn ask_for_reports(server: &str) -> io::Result<()> {
    let mut stream = connect(server);
    for lengths in [&[30_000, 10][..], &[60_000, 20_000, 4_000, 50_000], &[90_000, 200]] {
        let requests: String = lengths.iter().map(|length| format!("{length}\n")).collect();
        stream.write_all(requests.as_bytes())?;
        for &length in lengths {
            let mut received = vec![0; length];
            stream.read_exact(&mut received)?;
            assert!(received == report(length), "a report of {length} bytes differs");
        }
    }
    Ok(())
}

/// Acknowledges each message, which begins with its length in one byte (`end-inside-frame`: HAProxy 2020). The bug is that where
/// more of a message is needed, nobody looks whether more can come.
pub fn end_inside(version: Version) -> io::Result<()> {
    serve(Flavor::MultiThread, move |stream| acknowledge(stream, version))
}

async fn acknowledge(mut stream: TcpStream, version: Version) -> io::Result<()> {
    let mut inbox = Vec::new();
    loop {
        while let Some(&length) = inbox.first().filter(|&&length| inbox.len() > usize::from(length)) {
            inbox.drain(..=usize::from(length));
            stream.write_all(format!("{length}\n").as_bytes()).await?;
        }
        let ended = stream.read_buf(&mut inbox).await? == 0;
        if ended && (version == Version::Fixed || inbox.is_empty()) {
            return Ok(());
        }
    }
}

/// Uploads messages, the last one of each connection not to its end, and waits for the end.
pub fn upload(server: &str) -> io::Result<()> {
    for sent in [9, 4, 1] {
        let mut stream = connect(server);
        let mut answers = BufReader::new(stream.try_clone()?);
        for length in [30, 200] {
            stream.write_all(&[length])?;
            stream.write_all(&vec![length; usize::from(length)])?;
            let mut line = String::new();
            answers.read_line(&mut line)?;
            assert_eq!(line, format!("{length}\n"), "another acknowledgement");
        }
        stream.write_all(&[200, 1, 2, 3, 4, 5, 6, 7, 8][..sent])?;
        stream.shutdown(Shutdown::Write)?;
        let mut rest = String::new();
        answers.read_to_string(&mut rest)?;
        assert_eq!(rest, "", "an acknowledgement of what was not sent");
    }
    Ok(())
}
