//! Two threads on one epoll set (onion 2015): a one-shot descriptor is armed again before its event has been handled. More
//! comes meanwhile, the second thread gets it, and both are at the same connection. Repaired: it is armed again last.

use crate::bugs::common::{Lines, connect, listen, pause, retry_when_full, wait};
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, exclusive, fail, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "oneshot-armed-too-early",
    "B64",
    'm',
    ["O15", "O7"],
    "a one-shot descriptor is armed again while its event is being handled, and another thread takes the next"
);

const LISTENER: u64 = 0;

struct Connection<K: Kernel> {
    stream: TcpStream<K>,
    lines: Mutex<K, Lines>,
}

struct Server<K: Kernel> {
    epoll: Epoll<K>,
    listener: TcpListener<K>,
    connections: Mutex<K, BTreeMap<u64, Arc<Connection<K>>>>,
    defect: bool,
}

fn armed() -> Events {
    Events::IN | Events::ONESHOT
}

impl<K: Kernel> Server<K> {
    /// One of the threads: waits, and handles what comes.
    fn turn(&self) -> Result<()> {
        let mut events = [EpollEvent::default(); 1];
        loop {
            if wait(&self.epoll, &mut events)? == 0 {
                continue;
            }
            let id = events[0].data;
            if id == LISTENER {
                self.accept()?;
                continue;
            }
            let Some(connection) = self.connections.lock().get(&id).cloned() else { continue };
            if self.defect {
                self.epoll.modify(connection.stream.fd(), armed(), id)?;
            }
            if !self.handle(id, &connection)? {
                self.connections.lock().remove(&id);
            } else if !self.defect {
                self.epoll.modify(connection.stream.fd(), armed(), id)?;
            }
        }
    }

    fn accept(&self) -> Result<()> {
        match self.listener.accept_nonblocking() {
            Ok((stream, _)) => {
                let (id, fd) = (stream.fd().0 as u64 + 1, stream.fd());
                let lines = Mutex::new(self.epoll.kernel(), Lines::default());
                self.connections.lock().insert(id, Arc::new(Connection { stream, lines }));
                self.epoll.add(fd, armed(), id)?;
            }
            Err(Errno::EAGAIN | Errno::ECONNABORTED) => {}
            Err(errno) => return Err(errno),
        }
        self.epoll.modify(self.listener.fd(), armed(), LISTENER)
    }

    /// Answers each line that has come with the same line. `false`: the peer has ended.
    fn handle(&self, id: u64, connection: &Connection<K>) -> Result<bool> {
        let _at_it = exclusive("connection", id);
        let mut bytes = [0; 64];
        match connection.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
            Ok(n) => connection.lines.lock().feed(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        let mut handled = 0;
        loop {
            let Some(line) = connection.lines.lock().next() else { break };
            // A line is short, and the client waits for it: it always fits the send buffer, or is sent waiting.
            connection.stream.set_nonblocking(false)?;
            connection.stream.write_all(format!("{line}\n").as_bytes())?;
            connection.stream.set_nonblocking(true)?;
            handled += 1;
        }
        sometimes!("two lines came at once", handled > 1);
        Ok(true)
    }
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    let listener = listen(k)?;
    epoll.add(listener.fd(), armed(), LISTENER)?;
    let server = Arc::new(Server { epoll, listener, connections: Mutex::new(k, BTreeMap::new()), defect });
    let second = server.clone();
    let thread = thread::spawn(k, "second", move || second.turn())?;
    server.turn()?;
    thread.join().unwrap_or(Ok(()))
}

/// Asks for two lines, with a pause between them, and wants both back.
fn visit<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for round in 0..3 {
        for line in ["first", "second"] {
            if stream.write_all(format!("{line} {round}\n").as_bytes()).is_err() {
                return fail("O7", "no reply", "the server hung up".to_owned());
            }
            pause(k, "between", Duration::from_micros(300));
        }
        for line in ["first", "second"] {
            let answer = lines.read(&stream);
            if answer.as_ref().ok().and_then(|line| line.as_deref()) != Some(&format!("{line} {round}")) {
                return fail("O7", "wrong reply", format!("{answer:?} instead of {line} {round}"));
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    crate::bugs::common::clients(sim, 2, move |k| visit(k, address));
}
