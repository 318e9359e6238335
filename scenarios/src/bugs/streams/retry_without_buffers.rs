//! A retry after the cleanup (libuv 2015): a wrapper repeats an operation for as long as it is interrupted. But each attempt
//! gives its buffers back when it ends, however it ends; the next one has none. Repaired: they are given back when the operation
//! is over.

use crate::bugs::common::{Lines, PORT, clients, reply};
use crate::bugs::common_replies::{Load, ask, asked, server};
use crate::bugs::common_sessions::sessions;
use eagain_net::*;
use eagain_sim::{Sim, sometimes};
use std::io::IoSlice;

crate::bugs::planted!(
    "retry-without-buffers",
    "B19",
    'd',
    ["O16"],
    "an interrupted write is repeated without its buffers"
);

/// A write of several pieces.
struct Request<'a, K: Kernel> {
    stream: &'a TcpStream<K>,
    /// Until it is over.
    buffers: Option<Vec<Vec<u8>>>,
}

impl<K: Kernel> Request<'_, K> {
    fn attempt(&mut self, defect: bool) -> Result<usize> {
        let buffers = self.buffers.as_ref().expect("a request has its buffers");
        let slices: Vec<_> = buffers.iter().map(|buffer| IoSlice::new(buffer)).collect();
        let sent = self.stream.writev(&slices);
        if defect || sent != Err(Errno::EINTR) {
            self.buffers = None;
        }
        sent
    }

    /// Repeats it while it is interrupted.
    fn run(mut self, defect: bool) -> Result<usize> {
        loop {
            match self.attempt(defect) {
                Err(Errno::EINTR) => sometimes!("a write was interrupted", true),
                sent => return sent,
            }
        }
    }
}

/// Writes all of these, a request after the other.
fn write_all<K: Kernel>(stream: &TcpStream<K>, mut pieces: Vec<Vec<u8>>, defect: bool) -> Result<()> {
    while !pieces.is_empty() {
        let mut sent = Request { stream, buffers: Some(pieces.clone()) }.run(defect)?;
        pieces.retain_mut(|piece| {
            let taken = sent.min(piece.len());
            sent -= taken;
            piece.drain(..taken);
            !piece.is_empty()
        });
    }
    Ok(())
}

/// Answers a line with a number by that many bytes, what came together in one write.
fn session<K: Kernel>(stream: &TcpStream<K>, defect: bool) -> Result<()> {
    let mut lines = Lines::default();
    while let Some(line) = lines.read(stream)? {
        let mut replies = vec![reply(asked(&line))];
        while let Some(line) = lines.next() {
            replies.push(reply(asked(&line)));
        }
        write_all(stream, replies, defect)?;
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| {
        // For whoever asks for the state of the server; waits are not restarted.
        k.sigaction(Signal::SIGUSR1, SigAction::handler(false, |_| {}))?;
        sessions(k, PORT, move |_, stream| session(stream, defect))
    });
    let load = Load { rounds: 4, at_once: 4, longest: 3000, filler: 0 };
    clients(sim, 2, move |k| ask(k, address, load));
}
