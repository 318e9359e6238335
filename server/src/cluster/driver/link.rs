//! Links of a proxy: connecting, reading, writing. What it means is [`PermanentConnection`]'s business.
//!
//! [`PermanentConnection`]: crate::cluster::permanent_connection::PermanentConnection

use super::{Driver, LINK};
use crate::cluster::permanent_connection::LinkPhase;
use crate::io_unit::units::Now;
use eagain_net::model::{Event, Interest, Outcome, Poller};
use eagain_net::{Errno, Kernel, SocketAddr, TcpStream};

/// Reads of one link before the others have their turn.
const READS_PER_TURN_MAX: usize = 8;

/// A link's socket.
pub(super) struct LinkSocket<K: Kernel> {
    address: SocketAddr,
    stream: Option<TcpStream<K>>,
    /// How many sockets it has had; part of the token, so that what belongs to a former one finds nobody.
    generation: u32,
    interest: Interest,
}

impl<K: Kernel> LinkSocket<K> {
    pub fn new(address: SocketAddr) -> Self {
        LinkSocket { address, stream: None, generation: 0, interest: Interest::NONE }
    }

    fn token(&self, server: usize) -> u64 {
        LINK | u64::from(self.generation & 0x0fff_ffff) << 32 | server as u64
    }
}

impl<K: Kernel> Driver<K> {
    pub(super) fn connect(&mut self, server: usize, now: Now) {
        self.proxy.link(server).begin_connect(now.mono_ns);
        let link = &mut self.links[server];
        let begun = TcpStream::connect_nonblocking(self.kernel, link.address);
        link.generation = link.generation.wrapping_add(1);
        let token = link.token(server);
        match begun {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                link.interest = Interest::WRITABLE;
                let watched = self.poller.register(stream.fd(), token, Interest::WRITABLE);
                link.stream = Some(stream);
                if watched.is_err() {
                    self.drop_link(server, now);
                }
            }
            Err(_) => self.proxy.lost(server, now.mono_ns),
        }
    }

    /// Closes the socket; the proxy decides what becomes of what it carried.
    pub(super) fn drop_link(&mut self, server: usize, now: Now) {
        if let Some(stream) = self.links[server].stream.take() {
            self.poller.forget(stream.fd());
        }
        self.proxy.lost(server, now.mono_ns);
    }

    pub(super) fn link_event(&mut self, event: Event, now: Now) {
        let server = event.token as u32 as usize;
        let is_its = self.links.get(server).is_some_and(|link| link.token(server) == event.token);
        if !is_its || self.links[server].stream.is_none() {
            return;
        }
        let mut outcome = Outcome::Nothing;
        let is_well = match self.proxy.link(server).phase() {
            LinkPhase::Connecting(_) => self.connection_made(server, now),
            _ if event.readable => match self.read_link(server, now) {
                Some(read) => {
                    outcome = read;
                    true
                }
                None => false,
            },
            _ => true,
        };
        if !is_well {
            return self.drop_link(server, now);
        }
        self.flush_link(server, now);
        let link = &self.links[server];
        if let Some(stream) = &link.stream {
            let _ = self.poller.rearm(stream.fd(), event.token, link.interest, outcome);
        }
    }

    fn connection_made(&mut self, server: usize, now: Now) -> bool {
        let made = self.links[server].stream.as_ref().map(TcpStream::take_error);
        let is_made = made == Some(Ok(None));
        if is_made {
            self.proxy.connected(server, now.mono_ns);
        }
        is_made
    }

    /// `None`: the link is at its end.
    fn read_link(&mut self, server: usize, now: Now) -> Option<Outcome> {
        for _ in 0..READS_PER_TURN_MAX {
            match self.links[server].stream.as_ref()?.read(&mut self.scratch) {
                Ok(0) => return None,
                Ok(n) => {
                    self.proxy.received(server, &self.scratch[..n], now.mono_ns).ok()?;
                    if n < self.scratch.len() {
                        return Some(Outcome::More);
                    }
                }
                Err(Errno::EAGAIN) => return Some(Outcome::Drained),
                Err(Errno::EINTR) => {}
                Err(_) => return None,
            }
        }
        Some(Outcome::More)
    }

    /// Writes until all is sent or the socket is full, and asks for what is wanted next.
    pub(super) fn flush_link(&mut self, server: usize, now: Now) {
        let Some(stream) = &self.links[server].stream else { return };
        let link = self.proxy.link(server);
        if link.phase() != LinkPhase::Up {
            return;
        }
        loop {
            let output = link.output();
            if output.is_empty() {
                break;
            }
            match stream.write(output) {
                Ok(n) => link.sent(n),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(_) => return self.drop_link(server, now),
            }
        }
        let wanted = Interest { readable: true, writable: !link.output().is_empty() };
        let socket = &mut self.links[server];
        let token = socket.token(server);
        let is_new = wanted != socket.interest;
        socket.interest = wanted;
        let refused = socket
            .stream
            .as_ref()
            .is_some_and(|stream| is_new && self.poller.modify(stream.fd(), token, wanted).is_err());
        if refused {
            self.drop_link(server, now);
        }
    }
}
