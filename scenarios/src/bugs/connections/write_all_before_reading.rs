//! Writing all before reading any (redis-rs 2026): the client sends a long pipeline and reads no reply meanwhile; the
//! server, whose replies find no room, stops reading. Both wait for the other. Repaired: whoever cannot write, reads.

use crate::bugs::common::{connect, reply};
use crate::bugs::epoll_server::{Peer, answer};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};

crate::bugs::planted!(
    "write-all-before-reading",
    "B44",
    'i',
    ["O6"],
    "client and server each wait for the other to read"
);

/// Bytes of pending output above which the server stops reading.
const PENDING_MAX: usize = 1024;

impl<K: Kernel> Peer<K, ()> {
    /// Moves what can be moved. `false`: the peer has ended.
    fn turn(&mut self) -> Result<bool> {
        if self.pending.len() < PENDING_MAX {
            if !self.read::<128>()? {
                return Ok(false);
            }
            while let Some(line) = self.lines.next() {
                self.pending.extend(reply(line.parse().unwrap_or(0)));
            }
        }
        match self.stream.write(&self.pending) {
            Ok(n) => drop(self.pending.drain(..n)),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        sometimes!("the server stops reading", self.pending.len() >= PENDING_MAX);
        Ok(true)
    }

    fn wanted(&self) -> Events {
        match self.pending.len() {
            0 => Events::IN,
            PENDING_MAX.. => Events::OUT,
            _ => Events::IN | Events::OUT,
        }
    }
}

/// Answers a line with a number by that many bytes; reads on only while little output is pending.
fn serve<K: Kernel>(k: K) -> Result<()> {
    answer(k, Events::IN, (), |peer, _| Ok(if peer.turn()? { Some(peer.wanted()) } else { None }))
}

/// A client library: sends a pipeline, and gives the bytes of all replies.
fn pipeline<K: Kernel>(
    stream: &TcpStream<K>,
    requests: &[u8],
    replies: usize,
    defect: bool,
) -> Result<Vec<u8>> {
    let k = stream.kernel();
    let mut rest = requests;
    let mut got = Vec::new();
    while got.len() < replies {
        let reads = !defect || rest.is_empty();
        let mut wanted = if reads { Events::IN } else { Events::NONE };
        if !rest.is_empty() {
            wanted |= Events::OUT;
        }
        match k.poll(&mut [PollFd::new(stream.fd(), wanted)], None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        if !rest.is_empty() {
            match stream.write(rest) {
                Ok(n) => rest = &rest[n..],
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
        }
        let mut bytes = [0; 512];
        match if reads { stream.read(&mut bytes) } else { Err(Errno::EAGAIN) } {
            Ok(0) => return Err(Errno::ECONNRESET),
            Ok(n) => got.extend_from_slice(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(got)
}

fn ask<K: Kernel>(k: K, server: SocketAddr, defect: bool) {
    let stream = connect(k, server);
    stream.set_nonblocking(true).unwrap();
    for _ in 0..3 {
        // Not a choice each: what matters is the volume, and whoever reads the report looks for it in two numbers.
        let (requests, length) = (choose("requests", 1, 800) as usize, choose("length", 1, 100) as usize);
        let lengths: Vec<usize> = (0..requests).map(|at| length + at % 7).collect();
        let requests: String = lengths.iter().map(|length| format!("{length}\n")).collect();
        let expected: Vec<u8> = lengths.iter().flat_map(|&length| reply(length)).collect();
        let got = pipeline(&stream, requests.as_bytes(), expected.len(), defect);
        if got.as_ref() != Ok(&expected) {
            fail("O2", "replies differ", format!("{:?} bytes", got.map(|got| got.len())));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let smaller = sim.choose("smaller buffers", 0, 6);
    sim.knobs().send_buffer = 64 << 10 >> smaller;
    sim.knobs().recv_buffer = 64 << 10 >> smaller;
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    sim.server(host, "server", |k| serve(k).unwrap());
    let host = sim.host("client");
    sim.client(host, "client", move |k| ask(k, address, defect));
}
