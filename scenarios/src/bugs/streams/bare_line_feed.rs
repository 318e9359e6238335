//! Two bytes cut where one was (Redis 2018): a line may end in CR LF or, as a keep-alive, be a bare LF. The parser of lines takes
//! two bytes off for the end of either. Where the keep-alive and the next command come in one read, the command loses its first
//! byte. Repaired: it takes off what was there.

use crate::bugs::common::{Lines, clients, connect, pause};
use crate::bugs::common_replies::server;
use crate::bugs::epoll_server::answer;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "bare-line-feed",
    "B12",
    'c',
    ["O1"],
    "a bare line feed takes the first byte of the next command with it"
);

/// What was read and not parsed.
#[derive(Clone, Default)]
struct Input(Vec<u8>);

impl Input {
    /// The next command: `$`, a length, CR LF, so many bytes and CR LF; or a line.
    fn next(&mut self, defect: bool) -> Option<Vec<u8>> {
        let end = self.0.iter().position(|&byte| byte == b'\n')?;
        let line = self.0[..end].strip_suffix(b"\r").unwrap_or(&self.0[..end]).to_vec();
        if let Some(length) = line.strip_prefix(b"$") {
            let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
            let whole = end + 1 + length + 2;
            return (self.0.len() >= whole)
                .then(|| self.0.drain(..whole).skip(end + 1).take(length).collect());
        }
        let taken = if defect { line.len() + 2 } else { end + 1 };
        sometimes!("more came behind a line", self.0.len() > end + 1);
        self.0.drain(..taken.min(self.0.len()));
        Some(line)
    }
}

/// Answers a command with itself, in a line; an empty line, which keeps the connection alive, with nothing.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    answer(k, Events::IN, Input::default(), |peer, fired| {
        let mut bytes = [0; 256];
        if fired.intersects(Events::IN) {
            match peer.stream.read(&mut bytes) {
                Ok(0) | Err(Errno::ECONNRESET) => return Ok(None),
                Ok(n) => peer.own.0.extend_from_slice(&bytes[..n]),
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
        }
        while let Some(command) = peer.own.next(defect) {
            if !command.is_empty() {
                peer.pending.extend(command);
                peer.pending.push(b'\n');
            }
        }
        peer.send_pending()?;
        Ok(Some(peer.interest()))
    })
}

/// Gives commands of either form, and keeps the connection alive between them.
fn command<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for round in 0..6 {
        if choose("keep alive", 0, 1) == 1 {
            stream.write_all(b"\n").unwrap();
            pause(k, "think", Duration::from_millis(2));
        }
        let name = format!("command {round}");
        let line = match choose("form", 0, 1) {
            0 => format!("{name}\r\n"),
            _ => format!("${}\r\n{name}\r\n", name.len()),
        };
        stream.write_all(line.as_bytes()).unwrap();
        let answer = lines.read(&stream);
        if answer.as_ref().ok().and_then(|line| line.as_ref()) != Some(&name) {
            return fail("O1", "wrong reply", format!("{name:?} was answered by {answer:?}"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    clients(sim, 2, move |k| command(k, address));
}
