//! Who answers, and who asks, in the planted bugs of many connections: a turn of an event loop that answers lines, a service on a
//! UNIX socket, and visitors that come again until they are served.

use super::common::{Lines, pause, retry_when_full};
use super::common_lines::echo_lines;
use eagain_net::*;
use eagain_sim::fail;
use std::time::Duration;

/// Faults have ended by then, and what they began is over.
const FAULTS_OVER: Duration = Duration::from_secs(90);
/// How long a visitor waits before it comes again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads once from a non-blocking stream, and answers what is whole by the same lines, each after up to `work`. `false`: the peer
/// has ended.
pub fn echo_once<K: Kernel>(k: K, stream: &TcpStream<K>, lines: &mut Lines, work: Duration) -> Result<bool> {
    let mut bytes = [0; 64];
    match stream.read(&mut bytes) {
        Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
        Ok(n) => lines.feed(&bytes[..n]),
        Err(Errno::EAGAIN) => {}
        Err(errno) => return Err(errno),
    }
    while let Some(line) = lines.next() {
        pause(k, "work", work);
        if write_short(stream, &line).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes a line to a non-blocking stream, whatever there is room for: it is short, and its reader waits for it.
pub fn write_short<K: Kernel>(stream: &TcpStream<K>, line: &str) -> Result<()> {
    stream.set_nonblocking(false)?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    stream.set_nonblocking(true)
}

/// A UNIX stream socket.
pub fn unix_socket<K: Kernel>(k: K, flags: SocketFlags) -> Result<OwnedFd<K>> {
    let fd = retry_when_full(k, || k.socket(Domain::Unix, flags | SocketFlags::CLOEXEC))?;
    Ok(OwnedFd::from_raw(k, fd))
}

/// Where [`echo_unix`] listens.
pub fn unix_address() -> UnixAddr {
    UnixAddr::Abstract(b"service".to_vec())
}

/// Answers lines on a UNIX socket, a thread a connection: `backlog` connections wait while it has other duties, up to `busy` after each.
pub fn echo_unix<K: Kernel>(k: K, backlog: i32, busy: Duration) -> Result<()> {
    let listener = unix_socket(k, SocketFlags::NONE)?;
    k.unix_bind(listener.fd(), &unix_address())?;
    k.listen(listener.fd(), backlog)?;
    loop {
        let fd = match k.unix_accept(listener.fd(), SocketFlags::CLOEXEC) {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        let stream = TcpStream::from(OwnedFd::from_raw(k, fd));
        thread::spawn(k, "session", move || echo_lines(k, &stream, Duration::from_millis(2)))?;
        pause(k, "other duties", busy);
    }
}

/// Asks one line over a connection of its own, and waits for its answer.
pub fn ask_once<K: Kernel>(k: K, server: SocketAddr, question: &str) -> Result<Option<String>> {
    let stream = TcpStream::connect(k, server)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("{question}\n").as_bytes())?;
    Lines::default().read(&stream)
}

/// Asks one line after the other, each until it is answered; an answer to another question breaks O1. O10 breaks where nobody
/// answers although faults have ended.
pub fn visit_until_served<K: Kernel>(k: K, server: SocketAddr) {
    let give_up = now(k) + FAULTS_OVER;
    for round in 0..4 {
        pause(k, "think", Duration::from_millis(40));
        let question = format!("round {round}");
        loop {
            match ask_once(k, server, &question) {
                Ok(Some(answer)) if answer == question => break,
                Ok(Some(answer)) => {
                    return fail("O1", "wrong reply", format!("{question:?} was answered by {answer:?}"));
                }
                other if now(k) > give_up => {
                    return fail("O10", "not served", format!("{question:?} came to {other:?}"));
                }
                _ => sleep(k, Duration::from_millis(200)),
            }
        }
    }
}
