//! A time limit that forgets what was sent (Eternal Terminal 2026): the inner loop sends a part of a message, waits for room for
//! as long as it may, and then says only that the time is over. The outer loop takes it that nothing left, and sends the message
//! from where it had begun. Repaired: what was sent is returned; the error, only where it was nothing.

use crate::bugs::common::{Lines, PORT, clients, connect, pause, reply};
use crate::bugs::common_replies::{asked, server};
use crate::bugs::common_sessions::{Frames, frame, sessions};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "partial-count-lost",
    "B11",
    'b',
    ["O2"],
    "a timeout hides how much was sent, and it is sent again"
);

/// How long one call waits for room.
const LIMIT: Duration = Duration::from_millis(100);

/// Sends for at most [`LIMIT`]; how much. `ETIMEDOUT`: the time is over.
fn write_some<K: Kernel>(stream: &TcpStream<K>, bytes: &[u8], defect: bool) -> Result<usize> {
    let k = stream.kernel();
    let deadline = now(k) + LIMIT;
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.send(&bytes[sent..], SendFlags::DONTWAIT) {
            Ok(n) => sent += n,
            Err(Errno::EAGAIN) => {
                let left = deadline - now(k);
                if left.is_zero() {
                    sometimes!("the time was over after a part", sent > 0);
                    return if sent > 0 && !defect { Ok(sent) } else { Err(Errno::ETIMEDOUT) };
                }
                match k.poll(&mut [PollFd::new(stream.fd(), Events::OUT)], Some(left), None) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(sent)
}

/// Answers a line with a number by a message of that many bytes.
fn session<K: Kernel>(stream: &TcpStream<K>, defect: bool) -> Result<()> {
    let mut lines = Lines::default();
    while let Some(line) = lines.read(stream)? {
        let message = frame(&reply(asked(&line)));
        let mut sent = 0;
        while sent < message.len() {
            match write_some(stream, &message[sent..], defect) {
                Ok(n) => sent += n,
                // The other side is slow, or away for a while.
                Err(Errno::ETIMEDOUT) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

/// Asks for messages, and takes its time to read them.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut frames = Frames::default();
    for _ in 0..4 {
        let lengths: Vec<usize> =
            (0..choose("requests", 1, 3)).map(|_| choose("length", 1, 3000) as usize).collect();
        for length in &lengths {
            stream.write_all(format!("{length}\n").as_bytes()).unwrap();
        }
        pause(k, "away", Duration::from_millis(500));
        for length in lengths {
            match frames.read(&stream) {
                Ok(Some(message)) if message == reply(length) => {}
                Ok(Some(message)) => {
                    return fail(
                        "O2",
                        "reply differs",
                        format!("{} B that differ from the {length} B expected", message.len()),
                    );
                }
                other => {
                    return fail("O2", "reply cut short", format!("{other:?} instead of {length} bytes"));
                }
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| sessions(k, PORT, move |_, stream| session(stream, defect)));
    clients(sim, 2, move |k| ask(k, address));
}
