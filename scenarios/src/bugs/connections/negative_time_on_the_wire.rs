//! A time that is negative, in a field without a sign (seastar's rpc 2026): a request carries how long its caller still waits.
//! The timer that drops expired requests leaves out the one at the head of the queue, which is being sent; where that waits for
//! room until its deadline has passed, the rest wraps around, and the server keeps the request for ever. Repaired: whoever sends
//! looks at the deadline as well.

use crate::bugs::common::{Lines, PORT, anywhere, connect, pause};
use eagain_net::sync::{Condvar, Mutex};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "negative-time-on-the-wire",
    "B51",
    'j',
    ["O11", "O6"],
    "what is left of a request's time wraps around when it is sent too late"
);

const TIMEOUT: Duration = Duration::from_millis(20);

struct Request {
    deadline: Instant,
    bytes: usize,
}

#[derive(Default)]
struct Requests {
    queue: VecDeque<Request>,
    closed: bool,
}

struct Client<K: Kernel> {
    stream: TcpStream<K>,
    requests: Mutex<K, Requests>,
    changed: Condvar<K>,
    defect: bool,
}

impl<K: Kernel> Client<K> {
    fn call(&self, k: K, bytes: usize) {
        self.requests.lock().queue.push_back(Request { deadline: now(k) + TIMEOUT, bytes });
        self.changed.notify_all();
    }

    fn close(&self) {
        self.requests.lock().closed = true;
        self.changed.notify_all();
    }

    /// The timer: drops what has expired, but for the head, at which the sender is.
    fn expire(&self, k: K) {
        loop {
            sleep(k, Duration::from_millis(5));
            let now = now(k);
            let mut requests = self.requests.lock();
            if requests.closed && requests.queue.is_empty() {
                return;
            }
            let mut at = 0;
            requests.queue.retain(|request| {
                at += 1;
                at == 1 || request.deadline > now
            });
        }
    }

    /// Sends one request after the other, each when there is room for it.
    fn send(&self, k: K) -> Result<()> {
        loop {
            let mut requests = self.requests.lock();
            let (deadline, bytes) = loop {
                match requests.queue.front() {
                    Some(head) => break (head.deadline, head.bytes),
                    None if requests.closed => return Ok(()),
                    None => requests = self.changed.wait(requests),
                }
            };
            drop(requests);
            let mut room = [PollFd::new(self.stream.fd(), Events::OUT)];
            while k.poll(&mut room, None, None) == Err(Errno::EINTR) {}
            let now = now(k);
            sometimes!("the head had expired", deadline <= now);
            if self.defect || deadline > now {
                let left = deadline.0.wrapping_sub(now.0) / 1000;
                let request = format!("{left} {}\n", "x".repeat(bytes));
                self.stream.write_all(request.as_bytes())?;
            }
            self.requests.lock().queue.pop_front();
        }
    }
}

/// Takes requests, each with how long its caller waits, in microseconds.
fn serve<K: Kernel>(k: K) -> Result<()> {
    let listener = TcpListener::bind(k, anywhere(PORT))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            let left = line.split(' ').next().and_then(|left| left.parse().ok());
            let left = Duration::from_micros(left.unwrap_or(0));
            if left > TIMEOUT {
                fail("O11", "deadline on the wire", format!("a request may wait for {left:?}"));
            }
            pause(k, "work", left.min(Duration::from_millis(8)));
        }
    }
}

/// Calls now and then.
fn client<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<()> {
    let stream = connect(k, server);
    let (requests, changed) = (Mutex::new(k, Requests::default()), Condvar::new(k));
    let client = Arc::new(Client { stream, requests, changed, defect });
    let (sends, expires) = (client.clone(), client.clone());
    let sender = thread::spawn(k, "sender", move || sends.send(k))?;
    let timer = thread::spawn(k, "timer", move || expires.expire(k))?;
    for _ in 0..20 {
        client.call(k, choose("bytes", 1, 1_000) as usize);
        pause(k, "between", Duration::from_millis(8));
    }
    client.close();
    timer.join();
    sender.join().unwrap_or(Ok(()))
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k).unwrap());
    let host = sim.host("client");
    sim.client(host, "client", move |k| client(k, address, defect).unwrap());
}
