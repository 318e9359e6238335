//! A small name server and its resolver over UDP, on tokio: messages as RFC 1035 has them, with one question and one answer.
//! The resolver asks again until it gets an answer to its question.

use super::tokio_echo::{Flavor, runtime};
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// What the resolver waits for an answer at first, and at most.
const TIMEOUT_MIN: Duration = Duration::from_millis(50);
const TIMEOUT_MAX: Duration = Duration::from_secs(1);
/// An answer: QR, RD, RA.
const ANSWER: u16 = 0x8180;
const NO_SUCH_NAME: u16 = 3;

/// The question of a message: its bytes, and the name.
fn question(message: &[u8]) -> Option<(&[u8], String)> {
    let (header, rest) = message.split_at_checked(12)?;
    if header[4..6] != [0, 1] {
        return None;
    }
    let mut labels = Vec::new();
    let mut at = 0;
    loop {
        let length = usize::from(*rest.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(std::str::from_utf8(rest.get(at..at + length)?).ok()?);
        at += length;
    }
    Some((rest.get(..at + 4)?, labels.join(".")))
}

fn query(id: u16, name: &str) -> Vec<u8> {
    let mut message = [id.to_be_bytes(), [1, 0], [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

fn answer(query: &[u8], found: Option<Ipv4Addr>) -> Option<Vec<u8>> {
    let (question, _) = question(query)?;
    let code = if found.is_some() { ANSWER } else { ANSWER | NO_SUCH_NAME };
    let count = [0, u8::from(found.is_some())];
    let mut message = [[query[0], query[1]], code.to_be_bytes(), [0, 1], count, [0, 0], [0, 0]].concat();
    message.extend(question);
    if let Some(ip) = found {
        // A pointer to the name, type A, class IN, a minute, four bytes.
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend(ip.octets());
    }
    Some(message)
}

/// `host-7.example` is 192.0.2.7; other names are nobody's.
fn look_up(name: &str) -> Option<Ipv4Addr> {
    let number = name.strip_prefix("host-")?.strip_suffix(".example")?.parse().ok()?;
    Some(Ipv4Addr::new(192, 0, 2, number))
}

/// Answers questions.
pub fn server() -> io::Result<()> {
    runtime(Flavor::MultiThread)?.block_on(async {
        let socket = UdpSocket::bind("0.0.0.0:53").await?;
        let mut message = [0; 512];
        loop {
            let (n, from) = socket.recv_from(&mut message).await?;
            let Some((_, name)) = question(&message[..n]) else { continue };
            if let Some(answer) = answer(&message[..n], look_up(&name)) {
                socket.send_to(&answer, from).await?;
            }
        }
    })
}

/// What the server says of a name; asks again, more and more slowly, until it says anything.
async fn resolve(socket: &UdpSocket, id: u16, name: &str) -> Option<Ipv4Addr> {
    let query = query(id, name);
    let mut limit = TIMEOUT_MIN;
    loop {
        // Nobody may be there yet, or any more.
        let _ = socket.send(&query).await;
        if let Ok(found) = timeout(limit, receive(socket, id, name)).await {
            return found;
        }
        limit = (limit * 2).min(TIMEOUT_MAX);
    }
}

/// The answer to this question. Late answers to earlier ones come too, and answers that come twice.
async fn receive(socket: &UdpSocket, id: u16, name: &str) -> Option<Ipv4Addr> {
    let mut message = [0; 512];
    loop {
        let Ok(n) = socket.recv(&mut message).await else { continue };
        let message = &message[..n];
        let Some((_, asked)) = question(message) else { continue };
        if message[..2] != id.to_be_bytes() || asked != name {
            continue;
        }
        if message[7] == 0 {
            return None;
        }
        return Some(Ipv4Addr::new(message[n - 4], message[n - 3], message[n - 2], message[n - 1]));
    }
}

/// Resolves nine names of which one is nobody's.
pub fn client(server: &str) -> io::Result<()> {
    runtime(Flavor::CurrentThread)?.block_on(async {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.connect(server).await?;
        for number in 0..8 {
            let found = resolve(&socket, 100 + number, &format!("host-{number}.example")).await;
            assert_eq!(found, Some(Ipv4Addr::new(192, 0, 2, number as u8)), "the answer of another question");
        }
        assert_eq!(resolve(&socket, 200, "nobody.example").await, None);
        Ok(())
    })
}
