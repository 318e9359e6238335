//! A server that shouts: each line comes back in capitals. One thread, level-triggered epoll. Generic over the kernel, so
//! that it runs on Linux (`src/bin/shout.rs`) and in the simulator (`src/scenarios.rs`) unchanged.

use eagain_net::util::epoll_wait_retry;
use eagain_net::{
    Epoll, EpollEvent, Errno, Events, Kernel, ListenOptions, Result, SocketAddr, TcpListener, TcpStream,
};
use std::collections::BTreeMap;

/// The server as it was written first, and as it is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// Assumes that a write is never short.
    First,
    /// Keeps what was not written.
    Fixed,
}

struct Client<K: Kernel> {
    stream: TcpStream<K>,
    /// Received, not a whole line yet.
    input: Vec<u8>,
    /// Shouted, not sent yet.
    output: Vec<u8>,
}

/// Listens at `address` and serves for ever.
pub fn serve<K: Kernel>(kernel: K, address: SocketAddr, version: Version) -> Result<()> {
    const LISTENER: u64 = u64::MAX;
    let listener = TcpListener::bind_with(kernel, address, &ListenOptions::nonblocking())?;
    let epoll = Epoll::new(kernel)?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut clients: BTreeMap<u64, Client<K>> = BTreeMap::new();
    let mut events = [EpollEvent::default(); 32];
    loop {
        let n = epoll_wait_retry(&epoll, &mut events, None)?;
        for event in &events[..n] {
            if event.data == LISTENER {
                if let Ok((stream, _)) = listener.accept_nonblocking() {
                    let token = stream.fd().0 as u64;
                    epoll.add(stream.fd(), Events::IN, token)?;
                    clients.insert(token, Client { stream, input: Vec::new(), output: Vec::new() });
                }
                continue;
            }
            let Some(client) = clients.get_mut(&event.data) else { continue };
            if client.turn(version).is_err() {
                clients.remove(&event.data);
                continue;
            }
            let wanted = if client.output.is_empty() { Events::IN } else { Events::OUT };
            epoll.modify(client.stream.fd(), wanted, event.data)?;
        }
    }
}

impl<K: Kernel> Client<K> {
    /// Reads, shouts, writes. An error: the client is gone.
    fn turn(&mut self, version: Version) -> Result<()> {
        if self.output.is_empty() {
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(Errno::ECONNRESET),
                Ok(n) => self.input.extend_from_slice(&buffer[..n]),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
            while let Some(end) = self.input.iter().position(|&byte| byte == b'\n') {
                self.output.extend(self.input.drain(..=end).map(|byte| byte.to_ascii_uppercase()));
            }
        }
        if self.output.is_empty() {
            return Ok(());
        }
        match self.stream.write(&self.output) {
            Ok(n) => drop(self.output.drain(..n)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        if version == Version::First {
            // "It was written."
            self.output.clear();
        }
        Ok(())
    }
}
