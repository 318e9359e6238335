//! A write before the connection is there (Redis replication 2020): while a replica loads its data, a progress callback sends a
//! keep-alive to a master that it is still connecting to. The master has refused; the write takes the error, and marks the
//! connection as broken. The event of the connect then finds no handler of that state, and the replica never tries again.
//! Repaired: a failed write does not change the state of what is not connected.

use crate::bugs::common::{Lines, PORT, anywhere, pause, retry_when_full};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "write-while-connecting",
    "B35",
    'g',
    ["O6"],
    "a keep-alive that fails before the connect is over takes the connect handler away"
);

const RETRY: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, PartialEq)]
enum State {
    Connecting,
    Connected,
    Broken,
}

/// The connection to the master.
struct Link<K: Kernel> {
    stream: TcpStream<K>,
    state: State,
    lines: Lines,
    /// Commands that are not sent yet.
    pending: Vec<u8>,
    defect: bool,
}

impl<K: Kernel> Link<K> {
    /// A command to the master; what of it is not taken now is sent when there is room.
    fn send(&mut self, command: &str) {
        self.pending.extend_from_slice(command.as_bytes());
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(Errno::EAGAIN) => return,
                Err(_) => {
                    sometimes!("a write failed before the connect was over", self.state == State::Connecting);
                    if self.defect || self.state == State::Connected {
                        self.state = State::Broken;
                    }
                    return;
                }
            }
        }
    }

    /// Something has happened. What the master has said, if it is whole; an error ends the link.
    fn ready(&mut self) -> Result<Option<String>> {
        match self.state {
            State::Connecting => {
                if let Some(errno) = self.stream.take_error()? {
                    return Err(errno);
                }
                self.state = State::Connected;
                self.send("sync\n");
                if self.state == State::Broken { Err(Errno::EPIPE) } else { Ok(None) }
            }
            State::Connected => {
                self.send("");
                let mut bytes = [0; 64];
                loop {
                    match self.stream.read(&mut bytes) {
                        Ok(0) => return Err(Errno::ECONNRESET),
                        Ok(n) => self.lines.feed(&bytes[..n]),
                        Err(Errno::EAGAIN) => return Ok(self.lines.next()),
                        Err(errno) => return Err(errno),
                    }
                }
            }
            State::Broken => Ok(None),
        }
    }
}

/// Gets the data set from the master, as often as it takes.
fn replicate<K: Kernel>(k: K, master: SocketAddr, defect: bool) -> Result<String> {
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    loop {
        let Ok((stream, _)) = TcpStream::connect_nonblocking(k, master) else {
            sleep(k, RETRY);
            continue;
        };
        epoll.add(stream.fd(), Events::IN | Events::OUT | Events::ET, 0)?;
        let mut link =
            Link { stream, state: State::Connecting, lines: Lines::default(), pending: Vec::new(), defect };
        // What the replica has itself; the master hears that it is alive.
        for _ in 0..choose("parts to load", 0, 3) {
            pause(k, "load", Duration::from_millis(1));
            link.send("alive\n");
        }
        let mut events = [EpollEvent::default(); 4];
        loop {
            if crate::bugs::common::wait(&epoll, &mut events)? == 0 {
                continue;
            }
            match link.ready() {
                Ok(None) => {}
                Ok(Some(data)) => return Ok(data),
                Err(_) => break,
            }
        }
        sleep(k, RETRY);
    }
}

/// Answers `sync`, a replica at a time.
fn serve<K: Kernel>(k: K) -> Result<()> {
    pause(k, "starts late", Duration::from_millis(50));
    let listener = TcpListener::bind(k, anywhere(PORT))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            if line == "sync" && stream.write_all(b"data\n").is_err() {
                break;
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("master");
    let master = sim.address(host, PORT);
    sim.server(host, "master", |k| serve(k).unwrap());
    let host = sim.host("replica");
    sim.client(host, "replica", move |k| {
        for _ in 0..3 {
            let data = replicate(k, master, defect).unwrap();
            if data != "data" {
                return fail("O1", "wrong reply", format!("the master said {data:?}"));
            }
        }
    });
}
