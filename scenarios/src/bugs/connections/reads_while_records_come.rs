//! A reader that goes on while its layer has records (libevent's OpenSSL bufferevents 2009 to 2011): a sender that is as fast as the
//! server keeps the layer supplied, and everybody else waits until it has sent all. Repaired: one record at a time; a connection
//! with whole records left comes again in the next turn.

use crate::bugs::common::{Lines, PORT, connect, listen, pause, reply, retry_when_full};
use crate::bugs::common_services::write_short;
use crate::bugs::common_sessions::{Frames, frame};
use crate::bugs::common_turns::{BUFFER, LONGEST, TOO_MUCH, Turn};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

crate::bugs::planted!(
    "reads-while-records-come",
    "B45",
    'i',
    ["O13"],
    "records of a fast sender are read in one turn for as long as they come"
);

const LISTENER: u64 = 0;
/// The longest record, with its two bytes of length.
const RECORD: usize = 4 << 10;

struct Layer<K: Kernel> {
    stream: TcpStream<K>,
    records: Frames,
    /// What the records of an upload have brought so far.
    upload: Vec<u8>,
    has_ended: bool,
}

impl<K: Kernel> Layer<K> {
    /// The next record, of the bytes that are here or come now.
    fn record(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(record) = self.records.next() {
                return Ok(Some(record));
            }
            let mut bytes = [0; RECORD];
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(Errno::ECONNRESET) => {
                    self.has_ended = true;
                    return Ok(None);
                }
                Ok(n) => self.records.feed(&bytes[..n]),
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// An upload ends with an empty record, and is answered by its length and a sum.
    fn take(&mut self, record: Vec<u8>) -> Result<()> {
        if !record.is_empty() {
            self.upload.extend_from_slice(&record);
            return Ok(());
        }
        write_short(&self.stream, &receipt(&std::mem::take(&mut self.upload)))
    }
}

fn receipt(upload: &[u8]) -> String {
    let sum = upload.iter().fold(0, |sum: u32, &byte| sum.rotate_left(1) ^ u32::from(byte));
    format!("{} {sum}", upload.len())
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut layers: BTreeMap<u64, Layer<K>> = BTreeMap::new();
    // Those with a whole record, of which epoll does not know.
    let mut left: BTreeSet<u64> = BTreeSet::new();
    let mut last = LISTENER;
    let mut turn = Turn::of(TOO_MUCH, "bytes");
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = match epoll.wait(&mut events, (!left.is_empty()).then_some(Duration::ZERO)) {
            Err(Errno::EINTR) => 0,
            n => n?,
        };
        turn.begin();
        let mut ready = std::mem::take(&mut left);
        for event in &events[..n] {
            if event.data != LISTENER {
                ready.insert(event.data);
            } else if let Ok((stream, _)) = listener.accept_nonblocking() {
                last += 1;
                epoll.add(stream.fd(), Events::IN, last)?;
                let layer =
                    Layer { stream, records: Frames::default(), upload: Vec::new(), has_ended: false };
                layers.insert(last, layer);
            }
        }
        for id in ready {
            let Some(layer) = layers.get_mut(&id) else { continue };
            while let Some(record) = layer.record()? {
                turn.give(id, record.len() as u64);
                layer.take(record)?;
                if !defect {
                    break;
                }
            }
            if layer.has_ended {
                layers.remove(&id);
            } else if layer.records.is_whole() {
                left.insert(id);
            }
        }
    }
}

/// One upload after the other, short ones and long ones.
fn upload<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for _ in 0..3 {
        pause(k, "think", Duration::from_millis(5));
        let longest = if choose("long", 0, 3) == 3 { LONGEST } else { 1 << 10 };
        let body = reply(choose("length", 1, longest) as usize);
        let mut bytes: Vec<u8> = body.chunks(RECORD - 2).flat_map(frame).collect();
        bytes.extend_from_slice(&frame(&[]));
        let answer = stream.write_all(&bytes).and_then(|()| lines.read(&stream));
        if answer != Ok(Some(receipt(&body))) {
            return fail("O2", "upload differs", format!("{} bytes were answered by {answer:?}", body.len()));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let knobs = sim.knobs();
    (knobs.send_buffer, knobs.recv_buffer) = (BUFFER, BUFFER);
    // Linux's smallest: so much a byte at a time takes too long.
    knobs.tight_buffer_min = 2304;
    // All on one machine, where a sender keeps up.
    let host = sim.host("machine");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    for client in 0..3 {
        sim.client(host, &format!("sender-{client}"), move |k| upload(k, address));
    }
}
