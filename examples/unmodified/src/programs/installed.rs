//! Clients of servers that a machine may have installed, on std alone.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

/// A connection whose lines are read one by one.
struct Lines {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Lines {
    /// The server may not listen yet.
    fn to(server: &str) -> io::Result<Lines> {
        let writer = loop {
            match TcpStream::connect(server) {
                Ok(stream) => break stream,
                Err(_) => sleep(Duration::from_millis(1)),
            }
        };
        Ok(Lines { reader: BufReader::new(writer.try_clone()?), writer })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok(body)
    }
}

/// Sets and gets keys of its own (memcached's text protocol).
pub fn memcached(number: u32) -> io::Result<()> {
    let mut server = Lines::to("cache:11211")?;
    for i in 0..10 {
        let value = "x".repeat(1 + 300 * i);
        write!(server.writer, "set {number}-{i} 0 0 {}\r\n{value}\r\n", value.len())?;
        assert_eq!(server.line()?, "STORED");
        write!(server.writer, "get {number}-{i}\r\n")?;
        assert_eq!(server.line()?, format!("VALUE {number}-{i} 0 {}", value.len()));
        assert_eq!(server.line()?, value);
        assert_eq!(server.line()?, "END");
    }
    Ok(())
}

/// What the server behind a proxy answers.
pub fn body() -> Vec<u8> {
    (0..20_000).map(|i| (i % 251) as u8).collect()
}

/// A server behind a proxy: the same reply to whatever is asked, a thread for each connection.
pub fn origin() -> io::Result<()> {
    for stream in TcpListener::bind("0.0.0.0:80")?.incoming() {
        let writer = stream?;
        // Its end is the connection's.
        std::thread::spawn(move || answer(writer).ok());
    }
    Ok(())
}

fn answer(writer: TcpStream) -> io::Result<()> {
    let mut client = Lines { reader: BufReader::new(writer.try_clone()?), writer };
    let body = body();
    loop {
        while !client.line()?.is_empty() {}
        write!(client.writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
        client.writer.write_all(&body)?;
    }
}

/// Asks for a file again and again, over one connection.
pub fn http(path: &str, expected: &[u8]) -> io::Result<()> {
    let mut server = Lines::to("web:80")?;
    for _ in 0..6 {
        write!(server.writer, "GET {path} HTTP/1.1\r\nHost: web\r\n\r\n")?;
        let status = server.line()?;
        assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
        let mut length = 0;
        loop {
            let header = server.line()?.to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().map_err(io::Error::other)?;
            }
        }
        assert!(server.body(length)? == expected, "{path} is not what it is on the disk");
    }
    Ok(())
}
