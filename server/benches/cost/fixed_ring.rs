//! The same ceiling on a ring: receives and sends that are asked for one by one, or a receive for each connection that
//! goes on for ever, into buffers that all of them share.

use crate::fixed::reply_to;
use eagain_net::{
    CompletedFlags, Errno, Fd, Linux, OwnedFd, Ring, RingParams, SocketFlags, TcpListener, TcpStream,
    any_port,
};
use std::collections::BTreeMap;

const ACCEPT: u64 = u64::MAX;
const PROVIDE: u64 = u64::MAX - 1;
/// Beside a connection's number: it is the send.
const SEND: u64 = 1 << 32;
const GROUP: u16 = 7;
const GROUP_BUFFERS: u16 = 512;
const BUFFER_BYTES: usize = 4096;

struct Peer {
    _stream: TcpStream<Linux>,
    pending: usize,
    out: Vec<u8>,
}

/// Serves until it is killed.
pub fn serve(multishot: bool) -> Result<(), Errno> {
    let listener = TcpListener::bind(Linux, any_port())?;
    println!("listening at {} (fixed)", listener.local_addr()?);
    let mut ring = Ring::new(Linux, RingParams { entries: 1024, cq_entries: 0, defer_taskrun: true })?;
    let pushed = ring.accept_multishot(ACCEPT, listener.fd(), SocketFlags::CLOEXEC);
    pushed.map_err(|(errno, _)| errno)?;
    if multishot {
        let buffers = (0..GROUP_BUFFERS).map(|_| vec![0; BUFFER_BYTES]).collect();
        ring.provide(PROVIDE, GROUP, buffers, 0).map_err(|(errno, _)| errno)?;
    }
    let (mut peers, mut done) = (BTreeMap::new(), Vec::new());
    loop {
        // What needs no kernel has completed already, and must not keep us from waiting.
        ring.reap(&mut done);
        done.retain(|completed| completed.user_data != PROVIDE);
        if done.is_empty() {
            ring.enter(1, None)?;
            ring.reap(&mut done);
        }
        for completed in done.drain(..) {
            let (number, value) = (completed.user_data, completed.value());
            if number == PROVIDE {
                continue;
            }
            if number == ACCEPT {
                let fd = Fd(value? as i32);
                let stream = TcpStream::from(OwnedFd::from_raw(Linux, fd));
                stream.set_nodelay(true)?;
                peers.insert(fd.0 as u64, Peer { _stream: stream, pending: 0, out: Vec::new() });
                receive(
                    &mut ring,
                    fd.0 as u64,
                    multishot.then(Vec::new).unwrap_or_else(|| vec![0; BUFFER_BYTES]),
                )?;
                continue;
            }
            let Some(peer) = peers.get_mut(&(number & !SEND)) else { continue };
            if number & SEND != 0 {
                peer.out = completed.buffer.unwrap_or_default();
                continue;
            }
            let n = match value {
                Ok(n) if n > 0 => n,
                Err(Errno::ENOBUFS) => 0,
                _ => {
                    peers.remove(&number);
                    continue;
                }
            };
            let mut buffer = completed.buffer.unwrap_or_default();
            let mut out = std::mem::take(&mut peer.out);
            reply_to(&buffer[..n], &mut peer.pending, &mut out);
            if !out.is_empty() {
                ring.send(number | SEND, Fd(number as i32), out, 0).map_err(|(errno, _)| errno)?;
            }
            if !multishot {
                receive(&mut ring, number, buffer)?;
                continue;
            }
            if completed.flags.contains(CompletedFlags::BUFFER) {
                buffer.resize(BUFFER_BYTES, 0);
                ring.provide(PROVIDE, GROUP, vec![buffer], completed.buffer_id)
                    .map_err(|(errno, _)| errno)?;
            }
            if !completed.flags.contains(CompletedFlags::MORE) {
                receive(&mut ring, number, Vec::new())?;
            }
        }
    }
}

/// Into this buffer; an empty one stands for the group.
fn receive(ring: &mut Ring<Linux>, number: u64, buffer: Vec<u8>) -> Result<(), Errno> {
    let fd = Fd(number as i32);
    let pushed = match buffer.is_empty() {
        true => ring.recv_multishot(number, fd, GROUP),
        false => ring.recv(number, fd, buffer),
    };
    pushed.map_err(|(errno, _)| errno)
}
