//! What the workloads of the planted bugs share: connecting, lines, replies whose every byte is known.

use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel, USUAL_FAULTS, choose, fail};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Where every server of the planted bugs listens.
pub const PORT: u16 = 7000;

/// Allows these families besides the usual ones.
pub fn allow(sim: &mut Sim, more: &[Family]) {
    sim.faults(&[USUAL_FAULTS, more].concat());
}

/// Every address of the host.
pub fn anywhere(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
}

/// Connects, again after a while where nobody listens yet.
pub fn connect<K: Kernel>(k: K, to: SocketAddr) -> TcpStream<K> {
    loop {
        match TcpStream::connect(k, to) {
            Ok(stream) => return stream,
            Err(_) => sleep(k, Duration::from_millis(1)),
        }
    }
}

/// Makes a descriptor, again after a while where the table is full.
pub fn retry_when_full<K: Kernel, T>(k: K, make: impl Fn() -> Result<T>) -> Result<T> {
    loop {
        match make() {
            Err(Errno::EMFILE | Errno::ENFILE) => sleep(k, Duration::from_millis(5)),
            made => return made,
        }
    }
}

/// `count` clients, each on a host of its own.
pub fn clients(sim: &mut Sim, count: u64, body: impl Fn(SimKernel) + Clone + Send + 'static) {
    for client in 0..count {
        let name = format!("client-{client}");
        let host = sim.host(&name);
        let body = body.clone();
        sim.client(host, &name, body);
    }
}

/// Connects, thinks for a while, asks one line, wants it back, and leaves; some times. `oracle` and `site` are what breaks
/// where it does not come.
pub fn visit<K: Kernel>(k: K, server: SocketAddr, oracle: &'static str, site: &str) {
    for round in 0..3 {
        let stream = connect(k, server);
        pause(k, "think", Duration::from_millis(40));
        let question = format!("round {round}");
        if stream.write_all(format!("{question}\n").as_bytes()).is_err() {
            return fail(oracle, site, "the server hung up".to_owned());
        }
        match Lines::default().read(&stream) {
            Ok(Some(answer)) if answer == question => {}
            other => return fail(oracle, site, format!("{question:?} was answered by {other:?}")),
        }
    }
}

/// A non-blocking listener on [`PORT`].
pub fn listen<K: Kernel>(k: K) -> Result<TcpListener<K>> {
    retry_when_full(k, || TcpListener::bind_with(k, anywhere(PORT), &ListenOptions::nonblocking()))
}

/// `epoll_wait` for ever, again after a signal.
pub fn wait<K: Kernel>(epoll: &Epoll<K>, events: &mut [EpollEvent]) -> Result<usize> {
    loop {
        match epoll.wait(events, None) {
            Err(Errno::EINTR) => {}
            n => return n,
        }
    }
}

/// A pause of the workload, of up to `most`.
pub fn pause<K: Kernel>(k: K, name: &'static str, most: Duration) {
    let pause = choose(name, 0, most.as_micros() as u64);
    if pause > 0 {
        sleep(k, Duration::from_micros(pause));
    }
}

/// Reads once from a blocking stream, again after a signal. `false`: it has ended.
pub fn read_more<K: Kernel>(stream: &TcpStream<K>, buffer: &mut Vec<u8>) -> Result<bool> {
    let mut bytes = [0; 256];
    loop {
        match stream.read(&mut bytes) {
            Ok(n) => {
                buffer.extend_from_slice(&bytes[..n]);
                return Ok(n > 0);
            }
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Bytes on their way to being lines.
#[derive(Default)]
pub struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    /// Takes what was read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub fn next(&mut self) -> Option<String> {
        let end = self.buffer.iter().position(|&byte| byte == b'\n')?;
        let line = self.buffer.drain(..=end).take(end).collect();
        Some(String::from_utf8(line).unwrap_or_default())
    }

    /// Whether a line has begun and is not whole.
    pub fn is_inside(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next whole line of a blocking stream. `None`: the stream ended before.
    pub fn read<K: Kernel>(&mut self, stream: &TcpStream<K>) -> Result<Option<String>> {
        loop {
            if let Some(line) = self.next() {
                return Ok(Some(line));
            }
            if !read_more(stream, &mut self.buffer)? {
                return Ok(None);
            }
        }
    }
}

/// Byte `at` of the reply to a request for `length` bytes: no two neighbours, and no two replies, look the same.
fn reply_byte(length: usize, at: usize) -> u8 {
    (length.wrapping_mul(31) ^ at.wrapping_mul(7) ^ (at >> 8)) as u8
}

/// The reply to a request for `length` bytes.
pub fn reply(length: usize) -> Vec<u8> {
    (0..length).map(|at| reply_byte(length, at)).collect()
}

/// Reads the reply to a request for `length` bytes, and breaks O2 where a byte differs or the stream ends early.
pub fn expect_reply<K: Kernel>(stream: &TcpStream<K>, length: usize) {
    let mut at = 0;
    while at < length {
        let mut bytes = [0; 1024];
        let most = bytes.len().min(length - at);
        let n = match stream.read(&mut bytes[..most]) {
            Err(Errno::EINTR) => continue,
            Ok(0) => return fail("O2", "reply cut short", format!("{at} of {length} bytes, then the end")),
            Err(errno) => {
                return fail("O2", "reply cut short", format!("{at} of {length} bytes, then {errno}"));
            }
            Ok(n) => n,
        };
        for &byte in &bytes[..n] {
            if byte != reply_byte(length, at) {
                let message =
                    format!("byte {at} of {length} is {byte:#x}, not {:#x}", reply_byte(length, at));
                return fail("O2", "reply differs", message);
            }
            at += 1;
        }
    }
}
