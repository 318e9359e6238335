//! Two counts for one write (curl's WebSocket 2025): a frame is a header and the masked payload. After `EAGAIN` in the middle of
//! it the sender returns how many encoded bytes have left where the caller expects how many bytes of its payload were taken; the
//! caller goes on at another place than the encoder. Repaired: what the encoder has taken is returned, whether or not it has left.

use crate::bugs::common::{Lines, PORT, clients, connect, reply};
use crate::bugs::common_replies::server;
use crate::bugs::common_sessions::sessions;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};

crate::bugs::planted!(
    "masked-count-mixed-up",
    "B20",
    'd',
    ["O2", "O6"],
    "after EAGAIN, encoded bytes sent are taken for payload bytes accepted"
);

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// What the encoder takes at a time.
const CHUNK: usize = 256;
/// Length of the payload, and mask.
const HEADER: usize = 6;
/// The longest message.
const LONGEST: usize = 4000;

/// Sends one frame through a buffer of its own.
struct Encoder<'a, K: Kernel> {
    stream: &'a TcpStream<K>,
    /// Encoded, and not sent.
    buffer: Vec<u8>,
    /// Bytes of the payload that are encoded.
    at: usize,
}

impl<K: Kernel> Encoder<'_, K> {
    /// Sends what is encoded. `EAGAIN`: not all of it.
    fn flush(&mut self) -> Result<()> {
        while !self.buffer.is_empty() {
            let n = self.stream.send(&self.buffer, SendFlags::DONTWAIT)?;
            self.buffer.drain(..n);
        }
        Ok(())
    }

    /// Takes some of `payload`; how much. `EAGAIN`: nothing.
    fn send(&mut self, payload: &[u8], defect: bool) -> Result<usize> {
        self.flush()?;
        let taken = payload.len().min(CHUNK);
        for byte in &payload[..taken] {
            self.buffer.push(byte ^ MASK[self.at % MASK.len()]);
            self.at += 1;
        }
        let encoded = self.buffer.len();
        match self.flush() {
            Err(Errno::EAGAIN) => {
                let sent = encoded - self.buffer.len();
                sometimes!("EAGAIN in the middle of a frame", sent > 0);
                if !defect {
                    Ok(taken)
                } else if sent == 0 {
                    Err(Errno::EAGAIN)
                } else {
                    Ok(sent)
                }
            }
            flushed => flushed.map(|()| taken),
        }
    }
}

/// Sends one message as a frame.
fn send<K: Kernel>(stream: &TcpStream<K>, message: &[u8], defect: bool) -> Result<()> {
    let header = [&(message.len() as u16).to_be_bytes()[..], &MASK].concat();
    let mut encoder = Encoder { stream, buffer: header, at: 0 };
    let mut sent = 0;
    loop {
        let done = if sent < message.len() {
            encoder.send(&message[sent..], defect).map(|n| sent += n)
        } else {
            encoder.flush()
        };
        match done {
            Ok(()) if sent == message.len() && encoder.buffer.is_empty() => return Ok(()),
            Ok(()) | Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        match stream.kernel().poll(&mut [PollFd::new(stream.fd(), Events::OUT)], None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Takes messages of which every byte is known, and acknowledges each by its length.
fn session<K: Kernel>(stream: &TcpStream<K>) -> Result<()> {
    let mut header = [0; HEADER];
    while stream.read_exact(&mut header)? {
        let length = usize::from(u16::from_be_bytes([header[0], header[1]]));
        if length > LONGEST {
            fail("O2", "message differs", format!("a message of {length} bytes"));
        }
        let mut message = vec![0; length];
        if !stream.read_exact(&mut message)? {
            break;
        }
        for (at, byte) in message.iter_mut().enumerate() {
            *byte ^= header[2 + at % MASK.len()];
        }
        if let Some(at) = reply(length).iter().zip(&message).position(|(expected, byte)| expected != byte) {
            fail("O2", "message differs", format!("byte {at} of {length}"));
        }
        stream.write_all(format!("{length}\n").as_bytes())?;
    }
    Ok(())
}

/// Sends messages, each when the one before is acknowledged.
fn publish<K: Kernel>(k: K, server: SocketAddr, defect: bool) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for _ in 0..4 {
        let length = choose("length", 1, LONGEST as u64) as usize;
        let answer = send(&stream, &reply(length), defect).and_then(|()| lines.read(&stream));
        if answer != Ok(Some(length.to_string())) {
            return fail("O2", "not acknowledged", format!("{length} bytes: {answer:?}"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, |k| sessions(k, PORT, |_, stream| session(stream)));
    clients(sim, 2, move |k| publish(k, address, defect));
}
