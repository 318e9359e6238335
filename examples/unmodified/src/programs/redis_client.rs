//! A client of any server that speaks Redis' protocol, on std alone: it counts what was acknowledged, and looks for all of it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// How long a reply may take; a server that was powered off answers nothing.
const TIMEOUT: Duration = Duration::from_secs(2);

struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Connection {
    fn to(server: &str) -> io::Result<Connection> {
        let writer = TcpStream::connect(server)?;
        writer.set_read_timeout(Some(TIMEOUT))?;
        Ok(Connection { reader: BufReader::new(writer.try_clone()?), writer })
    }

    /// The reply's text: of a simple string, an integer, an error or a bulk string; `None`: it is null.
    fn ask(&mut self, request: &[&str]) -> io::Result<Option<String>> {
        let mut bytes = format!("*{}\r\n", request.len());
        for part in request {
            bytes += &format!("${}\r\n{part}\r\n", part.len());
        }
        self.writer.write_all(bytes.as_bytes())?;
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 || !line.ends_with("\r\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        match (line.as_bytes().first(), line.get(1..)) {
            (Some(b'$'), Some("-1")) => Ok(None),
            (Some(b'$'), Some(length)) => {
                let mut text = vec![0; length.parse::<usize>().map_err(io::Error::other)? + 2];
                self.reader.read_exact(&mut text)?;
                text.truncate(text.len() - 2);
                String::from_utf8(text).map(Some).map_err(io::Error::other)
            }
            (Some(b'-'), Some(error)) => Err(io::Error::other(error.to_owned())),
            (Some(_), Some(text)) => Ok(Some(text.to_owned())),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Asks until there is an answer, on a new connection after each that failed.
fn ask(server: &str, connection: &mut Option<Connection>, request: &[&str]) -> Option<String> {
    loop {
        if connection.is_none() {
            *connection = Connection::to(server).ok();
        }
        match connection.as_mut().map(|connection| connection.ask(request)) {
            Some(Ok(reply)) => return reply,
            Some(Err(_)) => *connection = None,
            None => {}
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sets keys of its own, each until that is acknowledged, and then asks for all of them: whatever was acknowledged is there. No
/// key is set to a second value: a request of a connection that was given up may arrive late.
pub fn durable(server: &str, number: u32, writes: u32) {
    let mut connection = None;
    assert_eq!(ask(server, &mut connection, &["PING"]).as_deref(), Some("PONG"));
    let pairs = |write: u32| (format!("{number}-{write}"), write.to_string());
    for (key, value) in (0..writes).map(pairs) {
        assert_eq!(ask(server, &mut connection, &["SET", &key, &value]).as_deref(), Some("OK"));
        // Time for something to go wrong.
        thread::sleep(Duration::from_millis(5));
    }
    for (key, value) in (0..writes).map(pairs) {
        let found = ask(server, &mut connection, &["GET", &key]);
        assert!(found.as_deref() == Some(&value), "{key}: {value} was acknowledged, and {found:?} is there");
    }
}
