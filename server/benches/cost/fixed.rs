//! The ceiling: an epoll loop that answers every request of redis-benchmark with the same bytes, without looking into it.

use eagain_net::model::{AnyPoller, Event, Interest, ModelKind, Outcome, Poller};
use eagain_net::{Errno, Linux, ListenOptions, TcpListener, TcpStream, any_port};
use std::collections::BTreeMap;

/// Of `redis-benchmark -t set,get -d 64`: a request's length and the reply to it, by the number of its words.
const SET: (usize, &[u8]) = (107, b"+OK\r\n");
const GET: (usize, &[u8]) =
    (36, b"$64\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");

struct Peer {
    stream: TcpStream<Linux>,
    /// Bytes of a request that is not whole yet.
    pending: usize,
}

/// Serves until it is killed.
pub fn serve() -> Result<(), Errno> {
    let options = ListenOptions { nonblocking: true, ..ListenOptions::default() };
    let listener = TcpListener::bind_with(Linux, any_port(), &options)?;
    println!("listening at {} (fixed)", listener.local_addr()?);
    let poller = AnyPoller::new(Linux, ModelKind::Epoll).map_err(|_| Errno::ENOSYS)?;
    poller.register(listener.fd(), 0, Interest::READABLE)?;
    let (mut peers, mut next, mut events) = (BTreeMap::new(), 1, Vec::new());
    let (mut buffer, mut out) = (vec![0; 64 * 1024], Vec::new());
    loop {
        poller.wait(&mut events, None)?;
        for &Event { token, .. } in &events {
            if token == 0 {
                while let Ok((stream, _)) = listener.accept_nonblocking() {
                    stream.set_nodelay(true)?;
                    poller.register(stream.fd(), next, Interest::READABLE)?;
                    peers.insert(next, Peer { stream, pending: 0 });
                    next += 1;
                }
                continue;
            }
            let Some(peer) = peers.get_mut(&token) else { continue };
            if !answer(peer, &mut buffer, &mut out) {
                poller.forget(peer.stream.fd());
                peers.remove(&token);
            } else {
                poller.rearm(peer.stream.fd(), token, Interest::READABLE, Outcome::Nothing)?;
            }
        }
    }
}

/// `false`: the peer has gone.
fn answer(peer: &mut Peer, buffer: &mut [u8], out: &mut Vec<u8>) -> bool {
    let n = match peer.stream.read(buffer) {
        Ok(0) => return false,
        Ok(n) => n,
        Err(Errno::EAGAIN | Errno::EINTR) => return true,
        Err(_) => return false,
    };
    reply_to(&buffer[..n], &mut peer.pending, out);
    // A few kilobytes find room, since the benchmark waits for them.
    out.is_empty() || peer.stream.write_all(out).is_ok()
}

/// The replies to what was received; `pending`: bytes of a request that is not whole yet.
pub fn reply_to(received: &[u8], pending: &mut usize, out: &mut Vec<u8>) {
    let n = received.len();
    // Anything else, such as its question for CONFIG, is one request.
    let (length, reply) = match (&received[..n.min(14)], *pending) {
        (b"*3\r\n$3\r\nSET\r\n$", _) => SET,
        (b"*2\r\n$3\r\nGET\r\n$", _) => GET,
        (_, 0) => (n, b"*0\r\n".as_slice()),
        _ => SET,
    };
    let whole = (*pending + n) / length;
    *pending = (*pending + n) % length;
    out.clear();
    (0..whole).for_each(|_| out.extend_from_slice(reply));
}
