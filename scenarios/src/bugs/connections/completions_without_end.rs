//! Completions that complete the next (libuv 2018 and 2022): the callback of a write issues the next one, which is done at once and
//! goes to the end of the queue that is being worked off. The loop does not leave it while there is room in the socket; timers and
//! everybody else wait. Repaired: what is added while the queue is worked off waits for the next turn.

use crate::bugs::common::{Lines, PORT, clients, connect, listen, retry_when_full};
use crate::bugs::common_turns::Turn;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

crate::bugs::planted!(
    "completions-without-end",
    "B41",
    'i',
    ["O11", "O13"],
    "writes that are done at once keep the loop in the queue of what is done"
);

const LISTENER: u64 = 0;
/// Messages that nobody may be given in a turn.
const TOO_MANY: u64 = 32;
const MOST_MESSAGES: u64 = 200;

/// Who gets a stream of messages.
struct Subscriber<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    /// How many messages it has asked for, and how many have been written.
    asked: u64,
    written: u64,
    is_writing: bool,
    /// What of the last message is not sent yet.
    rest: Vec<u8>,
}

impl<K: Kernel> Subscriber<K> {
    fn new(stream: TcpStream<K>) -> Subscriber<K> {
        let (lines, rest) = (Lines::default(), Vec::new());
        Subscriber { stream, lines, asked: 0, written: 0, is_writing: false, rest }
    }
}

struct Publisher<K: Kernel> {
    epoll: Epoll<K>,
    subscribers: BTreeMap<u64, Subscriber<K>>,
    /// Whose write is done.
    done: VecDeque<u64>,
    turn: Turn,
}

impl<K: Kernel> Publisher<K> {
    /// Sends what there is room for; a write that is done is for [`Publisher::completed`].
    fn write(&mut self, id: u64) -> Result<()> {
        let Some(to) = self.subscribers.get_mut(&id) else { return Ok(()) };
        while !to.rest.is_empty() {
            match to.stream.write(&to.rest) {
                Ok(n) => drop(to.rest.drain(..n)),
                Err(Errno::EAGAIN) => return self.epoll.modify(to.stream.fd(), Events::OUT, id),
                Err(errno) => return Err(errno),
            }
        }
        self.done.push_back(id);
        Ok(())
    }

    /// There is room for what is left of a write.
    fn writable(&mut self, id: u64) -> Result<()> {
        let Some(to) = self.subscribers.get(&id) else { return Ok(()) };
        self.epoll.modify(to.stream.fd(), Events::NONE, id)?;
        self.write(id)
    }

    /// The callback of a write: issues the next.
    fn completed(&mut self, id: u64) -> Result<()> {
        let Some(to) = self.subscribers.get_mut(&id) else { return Ok(()) };
        if to.written == to.asked {
            to.is_writing = false;
            return self.epoll.modify(to.stream.fd(), Events::IN, id);
        }
        to.written += 1;
        to.rest = format!("message {}\n", to.written).into_bytes();
        self.turn.give(id, 1);
        self.write(id)
    }

    /// A line says how many messages more are wanted.
    fn read(&mut self, id: u64) -> Result<()> {
        let Some(from) = self.subscribers.get_mut(&id) else { return Ok(()) };
        let mut bytes = [0; 64];
        match from.stream.read(&mut bytes) {
            Ok(0) | Err(Errno::ECONNRESET) => drop(self.subscribers.remove(&id)),
            Ok(n) => {
                from.lines.feed(&bytes[..n]);
                if let Some(more) = from.lines.next().and_then(|line| line.parse::<u64>().ok()) {
                    from.asked += more;
                    if !std::mem::replace(&mut from.is_writing, true) {
                        self.done.push_back(id);
                    }
                }
            }
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let (subscribers, turn) = (BTreeMap::new(), Turn::of(TOO_MANY, "messages"));
    let mut publisher = Publisher { epoll, subscribers, done: VecDeque::new(), turn };
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let at_once = (!publisher.done.is_empty()).then_some(Duration::ZERO);
        let n = match publisher.epoll.wait(&mut events, at_once) {
            Err(Errno::EINTR) => 0,
            n => n?,
        };
        publisher.turn.begin();
        for event in &events[..n] {
            if event.data != LISTENER {
                match event.events.intersects(Events::OUT) {
                    true => publisher.writable(event.data)?,
                    false => publisher.read(event.data)?,
                }
            } else if let Ok((stream, _)) = listener.accept_nonblocking() {
                last += 1;
                publisher.epoll.add(stream.fd(), Events::IN, last)?;
                publisher.subscribers.insert(last, Subscriber::new(stream));
            }
        }
        let mut now = publisher.done.len();
        while now > 0 || defect {
            let Some(id) = publisher.done.pop_front() else { break };
            publisher.completed(id)?;
            now = now.saturating_sub(1);
        }
    }
}

/// Asks for messages, and reads them all.
fn subscribe<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    let mut expected = 0;
    for _ in 0..2 {
        let more = choose("messages", 1, MOST_MESSAGES);
        if let Err(errno) = stream.write_all(format!("{more}\n").as_bytes()) {
            return fail("O2", "stream ended", format!("{errno} while asking"));
        }
        for _ in 0..more {
            expected += 1;
            let message = lines.read(&stream);
            if message != Ok(Some(format!("message {expected}"))) {
                return fail("O2", "message differs", format!("message {expected} came as {message:?}"));
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 3, move |k| subscribe(k, address));
}
