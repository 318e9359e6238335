//! A failed write that hides the answer (libevent's HTTP client 2016): the server refuses an upload before it has all of it, and
//! after a while closes. The client's next write fails, and the client reports that, although the refusal has been in its
//! receive queue for long. Repaired: after a failed write it reads what is there.

use crate::bugs::common::{Lines, PORT, clients, connect, pause};
use crate::bugs::common_replies::server;
use crate::bugs::common_sessions::sessions;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "early-reply-lost",
    "B25",
    'e',
    ["O1"],
    "a write fails, and the reply that had come before is not read"
);

/// The longest upload that is taken, in bytes.
const MOST: usize = 4000;
/// How long the rest of a refused upload is read, and thrown away.
const LINGER: Duration = Duration::from_secs(20);

/// Takes uploads of so many bytes as a line says, and acknowledges each; refuses the ones that are too long.
fn session<K: Kernel>(k: K, stream: &TcpStream<K>) -> Result<()> {
    let mut bytes = [0; 512];
    let mut header = Vec::new();
    while stream.read_exact(&mut bytes[..1])? {
        if bytes[0] != b'\n' {
            header.push(bytes[0]);
            continue;
        }
        let mut left: usize = std::str::from_utf8(&header).ok().and_then(|n| n.parse().ok()).unwrap_or(0);
        header.clear();
        if left > MOST {
            stream.write_all(b"too long\n")?;
            stream.shutdown(ShutdownHow::Write)?;
            let deadline = now(k) + LINGER;
            while !(deadline - now(k)).is_zero() {
                stream.set_read_timeout(Some(deadline - now(k)))?;
                match stream.read(&mut bytes) {
                    Ok(0) => return Ok(()),
                    Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => {}
                    Err(errno) => return Err(errno),
                }
            }
            return Ok(());
        }
        while left > 0 {
            let most = left.min(bytes.len());
            left -= match stream.read(&mut bytes[..most]) {
                Err(Errno::EINTR) => 0,
                Ok(0) => return Ok(()),
                n => n?,
            };
        }
        stream.write_all(b"taken\n")?;
    }
    Ok(())
}

/// Uploads so many bytes in pieces, as they come from elsewhere; the server's answer.
fn upload<K: Kernel>(k: K, stream: &TcpStream<K>, length: usize, defect: bool) -> Result<Option<String>> {
    stream.write_all(format!("{length}\n").as_bytes())?;
    let mut left = length;
    while left > 0 {
        let piece = left.min(2000);
        match stream.write_all(&vec![b'.'; piece]) {
            Ok(()) => left -= piece,
            Err(errno) if defect => return Err(errno),
            Err(_) => {
                sometimes!("a write failed", true);
                break;
            }
        }
        pause(k, "next piece", Duration::from_secs(12));
    }
    Lines::default().read(stream)
}

fn client<K: Kernel>(k: K, server: SocketAddr, defect: bool) {
    for _ in 0..3 {
        let stream = connect(k, server);
        let length = choose("length", 1, 12_000) as usize;
        let expected = if length > MOST { "too long" } else { "taken" };
        let answer = upload(k, &stream, length, defect);
        if answer.as_ref().ok().and_then(|line| line.as_deref()) != Some(expected) {
            let message = format!("{length} bytes: {answer:?} instead of {expected:?}");
            return fail("O1", "answer of an upload", message);
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    // An answer fits: who sends before it reads must not be able to hold it up.
    sim.knobs().tight_buffer_min = 64;
    let address = server(sim, |k| sessions(k, PORT, session));
    clients(sim, 2, move |k| client(k, address, defect));
}
