//! Done before anybody said what follows (libevent 2015 to 2017): an operation that usually ends later ends at once, here a
//! connect to a UNIX socket, and its event is handled within the call that began it. The handler at that moment is that of a
//! timeout, which has nothing to do; the caller sets the right one afterwards, and it is never called. Repaired: what ends at
//! once is handled by the loop, as what ends later.

use crate::bugs::common::{Lines, PORT, connect, pause, retry_when_full, wait};
use crate::bugs::common_lines::echo;
use crate::bugs::common_services::{echo_unix, unix_address, unix_socket, write_short};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

crate::bugs::planted!(
    "done-before-handler-is-set",
    "B33",
    'g',
    ["O1", "O6"],
    "a connect that is over at once is handled before its handler is set"
);

/// What is to be done when something happens to a call.
enum Then {
    /// Only its timeout is known so far.
    Expire,
    Send,
    Receive,
}

struct Call<K: Kernel> {
    stream: TcpStream<K>,
    question: String,
    lines: Lines,
    then: Then,
}

struct Client<K: Kernel> {
    kernel: K,
    remote: SocketAddr,
    epoll: Epoll<K>,
    calls: BTreeMap<u64, Call<K>>,
    /// Calls to which something has happened that epoll does not report.
    activated: VecDeque<u64>,
    defect: bool,
}

impl<K: Kernel> Client<K> {
    /// Connects to the service on this host or to the remote one; whether that is over at once.
    fn connect(&self, local: bool) -> Result<(TcpStream<K>, bool)> {
        if !local {
            return TcpStream::connect_nonblocking(self.kernel, self.remote);
        }
        let socket = unix_socket(self.kernel, SocketFlags::NONBLOCK)?;
        self.kernel.unix_connect(socket.fd(), &unix_address())?;
        Ok((TcpStream::from(socket), true))
    }

    fn begin(&mut self, id: u64, question: String, local: bool) -> Result<()> {
        let (stream, is_over) = self.connect(local)?;
        self.epoll.add(stream.fd(), if is_over { Events::NONE } else { Events::OUT }, id)?;
        self.calls.insert(id, Call { stream, question, lines: Lines::default(), then: Then::Expire });
        if is_over && self.defect {
            self.happened(id)?;
        } else if is_over {
            self.activated.push_back(id);
        }
        if let Some(call) = self.calls.get_mut(&id) {
            call.then = Then::Send;
        }
        Ok(())
    }

    fn happened(&mut self, id: u64) -> Result<()> {
        let Some(call) = self.calls.get_mut(&id) else { return Ok(()) };
        match call.then {
            Then::Expire => {}
            Then::Send => {
                if let Some(errno) = call.stream.take_error()? {
                    return Err(errno);
                }
                write_short(&call.stream, &call.question)?;
                self.epoll.modify(call.stream.fd(), Events::IN, id)?;
                call.then = Then::Receive;
            }
            Then::Receive => {
                let mut bytes = [0; 64];
                match call.stream.read(&mut bytes) {
                    Ok(n) => call.lines.feed(&bytes[..n]),
                    Err(Errno::EAGAIN) => {}
                    Err(errno) => return Err(errno),
                }
                let Some(answer) = call.lines.next() else { return Ok(()) };
                if answer != call.question {
                    fail("O1", "wrong reply", format!("{:?} was answered by {answer:?}", call.question));
                }
                self.calls.remove(&id);
            }
        }
        Ok(())
    }

    /// Until every call is answered.
    fn run(&mut self) -> Result<()> {
        let mut events = [EpollEvent::default(); 8];
        while !self.calls.is_empty() {
            while let Some(id) = self.activated.pop_front() {
                self.happened(id)?;
            }
            let n = wait(&self.epoll, &mut events)?;
            for event in &events[..n] {
                self.happened(event.data)?;
            }
        }
        Ok(())
    }
}

/// Some calls at a time, each to one of the services.
fn ask<K: Kernel>(k: K, remote: SocketAddr, defect: bool) -> Result<()> {
    // Both are known to be there.
    drop(connect(k, remote));
    while k.unix_connect(unix_socket(k, SocketFlags::NONE)?.fd(), &unix_address()).is_err() {
        sleep(k, Duration::from_millis(1));
    }
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    let mut client =
        Client { kernel: k, remote, epoll, calls: BTreeMap::new(), activated: VecDeque::new(), defect };
    for round in 0..4 {
        pause(k, "think", Duration::from_millis(5));
        for call in 0..choose("calls", 1, 3) {
            let is_local = choose("local", 0, 3) == 3;
            client.begin(call, format!("round {round} call {call}"), is_local)?;
        }
        client.run()?;
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let work = Duration::from_millis(2);
    let host = sim.host("remote");
    let remote = sim.address(host, PORT);
    sim.server(host, "remote", move |k| echo(k, work).unwrap());
    let host = sim.host("machine");
    sim.server(host, "local", |k| echo_unix(k, 64, Duration::ZERO).unwrap());
    sim.client(host, "client", move |k| ask(k, remote, defect).unwrap());
}
