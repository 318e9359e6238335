//! A half-closed client and a body that is not there yet (hyper 2026): a connection is served again at once where it can write
//! more and its buffer is empty. The client has ended its side, and the body comes later: there is nothing to read, nothing to
//! write, and the buffer is empty. Repaired: it is served again where something was read or written.

use crate::bugs::common::{Lines, clients, connect, expect_reply, listen, reply, retry_when_full, wait};
use crate::bugs::common_replies::{asked, server};
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "half-close-spin",
    "B24",
    'e',
    ["O3"],
    "a half-closed connection whose reply is not ready is served again and again"
);

const LISTENER: u64 = 0;
const FINISHED: u64 = 1;

/// Bodies that are finished, and whose they are.
type Finished<K> = Arc<Mutex<K, Vec<(u64, Vec<u8>)>>>;

struct Connection<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    pending: Vec<u8>,
    /// Bodies that somebody works on.
    awaited: usize,
    /// The client may send more.
    open: bool,
}

impl<K: Kernel> Connection<K> {
    /// Reads and writes once; whether something was.
    fn turn(&mut self) -> Result<bool> {
        let mut bytes = [0; 256];
        let read = match self.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => {
                self.open = false;
                0
            }
            Err(Errno::EAGAIN) => 0,
            n => n?,
        };
        self.lines.feed(&bytes[..read]);
        let written = match self.pending.is_empty() {
            true => 0,
            false => self.stream.write(&self.pending).or_else(none_if_full)?,
        };
        self.pending.drain(..written);
        Ok(read > 0 || written > 0)
    }
}

/// No room is no error.
fn none_if_full(errno: Errno) -> Result<usize> {
    if errno == Errno::EAGAIN { Ok(0) } else { Err(errno) }
}

struct Server<K: Kernel> {
    epoll: Epoll<K>,
    finished: Finished<K>,
    waker: Arc<EventFd<K>>,
    connections: BTreeMap<u64, Connection<K>>,
    defect: bool,
}

impl<K: Kernel> Server<K> {
    /// Serves a connection until it has to wait.
    fn serve(&mut self, id: u64) -> Result<()> {
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        loop {
            let moved = connection.turn()?;
            while let Some(line) = connection.lines.next() {
                connection.awaited += 1;
                let (k, finished, waker) = (self.epoll.kernel(), self.finished.clone(), self.waker.clone());
                thread::spawn(k, "body", move || {
                    // What a body takes depends on what is asked for.
                    sleep(k, Duration::from_micros(asked(&line) as u64 * 20));
                    finished.lock().push((id, reply(asked(&line))));
                    waker.write(1)
                })?;
            }
            let waits = !connection.open && connection.awaited > 0 && connection.pending.is_empty();
            sometimes!("a half-closed client waits for a body", waits);
            // It can write more, and its buffer is empty.
            let again = self.defect && waits;
            if !moved && !again {
                break;
            }
        }
        let reading = if connection.open { Events::IN } else { Events::NONE };
        let writing = if connection.pending.is_empty() { Events::NONE } else { Events::OUT };
        if !connection.open && connection.awaited == 0 && connection.pending.is_empty() {
            self.connections.remove(&id);
            return Ok(());
        }
        self.epoll.modify(connection.stream.fd(), reading | writing, id)
    }

    /// Takes over what is finished.
    fn take_finished(&mut self) -> Result<()> {
        let _ = self.waker.read();
        let finished = std::mem::take(&mut *self.finished.lock());
        for (id, body) in finished {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.awaited -= 1;
                connection.pending.extend(body);
            }
            self.serve(id)?;
        }
        Ok(())
    }
}

/// Answers a line with a number by that many bytes, once somebody has made them.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    let waker = Arc::new(retry_when_full(k, || EventFd::new(k, 0))?);
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    epoll.add(waker.fd(), Events::IN, FINISHED)?;
    let finished = Arc::new(Mutex::new(k, Vec::new()));
    let mut server = Server { epoll, finished, waker, connections: BTreeMap::new(), defect };
    let mut last = FINISHED;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = wait(&server.epoll, &mut events)?;
        for event in &events[..n] {
            match event.data {
                FINISHED => server.take_finished()?,
                LISTENER => {
                    let (stream, _) = match listener.accept_nonblocking() {
                        Err(Errno::EAGAIN) => continue,
                        accepted => accepted?,
                    };
                    last += 1;
                    server.epoll.add(stream.fd(), Events::IN, last)?;
                    let (lines, pending) = (Lines::default(), Vec::new());
                    let connection = Connection { stream, lines, pending, awaited: 0, open: true };
                    server.connections.insert(last, connection);
                }
                id => server.serve(id)?,
            }
        }
    }
}

/// Asks for a reply or two, one after the other; often says right away that this was all.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    for _ in 0..4 {
        let stream = connect(k, server);
        let requests = choose("requests", 1, 2);
        for request in 1..=requests {
            let length = choose("length", 1, 3000) as usize;
            stream.write_all(format!("{length}\n").as_bytes()).unwrap();
            if request == requests && choose("half-close", 0, 1) == 1 {
                stream.shutdown(ShutdownHow::Write).unwrap();
            }
            expect_reply(&stream, length);
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    clients(sim, 2, move |k| ask(k, address));
}
