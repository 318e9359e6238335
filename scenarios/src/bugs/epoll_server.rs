//! What several planted bugs are planted into: a server on one epoll that answers a line with a number by that many bytes.
//! What is done with an event is each bug's own.

use super::common::{Lines, listen, retry_when_full, wait};
use eagain_net::*;
use std::collections::BTreeMap;

const LISTENER: u64 = 0;

/// Who is answered.
pub struct Peer<K: Kernel, T> {
    pub stream: TcpStream<K>,
    /// What was read.
    pub lines: Lines,
    /// What is to be sent.
    pub pending: Vec<u8>,
    /// What a server keeps besides.
    pub own: T,
}

impl<K: Kernel, T> Peer<K, T> {
    /// Reads once, at most so many bytes. `false`: the peer has ended.
    pub fn read<const N: usize>(&mut self) -> Result<bool> {
        let mut bytes = [0; N];
        match self.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
            Ok(n) => self.lines.feed(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        Ok(true)
    }
}

/// Takes peers in, each watched for `first` and with a copy of `own`, and calls `turn` with what happens to them. What that
/// returns they are watched for from then on; nothing: the peer has ended. Who is watched for edges stays so as it is: to change
/// the mask, even to the same, is an edge.
pub fn answer<K: Kernel, T: Clone>(
    k: K,
    first: Events,
    own: T,
    turn: impl FnMut(&mut Peer<K, T>, Events) -> Result<Option<Events>>,
) -> Result<()> {
    answer_with(k, first, own, wait, turn)
}

/// As [`answer`], with a `wait` of its own.
pub fn answer_with<K: Kernel, T: Clone>(
    k: K,
    first: Events,
    own: T,
    wait: impl Fn(&Epoll<K>, &mut [EpollEvent]) -> Result<usize>,
    mut turn: impl FnMut(&mut Peer<K, T>, Events) -> Result<Option<Events>>,
) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut peers = BTreeMap::new();
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = wait(&epoll, &mut events)?;
        for event in &events[..n] {
            if event.data == LISTENER {
                let (stream, _) = match listener.accept_nonblocking() {
                    Err(Errno::EAGAIN) => continue,
                    accepted => accepted?,
                };
                last += 1;
                epoll.add(stream.fd(), first, last)?;
                let (lines, pending, own) = (Lines::default(), Vec::new(), own.clone());
                peers.insert(last, Peer { stream, lines, pending, own });
                continue;
            }
            let Some(peer) = peers.get_mut(&event.data) else { continue };
            match turn(peer, event.events)? {
                Some(wanted) if wanted.intersects(Events::ET) => {}
                Some(wanted) => epoll.modify(peer.stream.fd(), wanted, event.data)?,
                None => drop(peers.remove(&event.data)),
            }
        }
    }
}
