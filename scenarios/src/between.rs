//! A server that breaks promises about requests: it stands in front of ours, on the same host, and changes what goes through. For
//! mutants; it takes requests as clients of `crate::client` write them.

use crate::resp::{Decoder, Frame, encode};
use eagain_net::{Errno, Result, SocketAddr, TcpListener, TcpStream, sleep, thread};
use eagain_server::config::Config;
use eagain_server::server::{ServeError, serve};
use eagain_sim::SimKernel;
use std::time::Duration;

/// Where ours listens.
const BEHIND: u16 = 6380;

/// Which promise is broken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Of replies that leave together the first two change places.
    SwapsReplies,
    /// A lifetime in milliseconds is so many halves as long.
    Lifetimes {
        /// Of the one that was asked for.
        halves: u64,
    },
    /// What a transaction has queued is executed at `EXEC`, one request after the other.
    OneByOne,
    /// What a transaction has queued is executed at once.
    AtOnce,
}

/// Serves, changed.
pub fn serve_changed(k: SimKernel, config: Config, change: Change) -> std::result::Result<(), ServeError> {
    let (front, behind) = (config.listen, SocketAddr::from(([127, 0, 0, 1], BEHIND)));
    let ours = Config { listen: behind, ..config };
    let between = move || {
        let listener = TcpListener::bind(k, front)?;
        loop {
            match listener.accept() {
                Ok((client, _)) => drop(thread::spawn(k, "between", move || {
                    let _ = pass(k, client, behind, change);
                })?),
                Err(Errno::EINTR | Errno::EMFILE | Errno::ECONNABORTED) => {}
                Err(errno) => return Err(errno),
            }
        }
    };
    let _goes_on = thread::spawn(k, "front", move || {
        let _: Result<()> = between();
    });
    serve(k, ours, |_| {})
}

/// A connection of a client, and the one that stands for it.
struct Between {
    server: TcpStream<SimKernel>,
    replies: Decoder,
    change: Change,
    /// The requests of a transaction.
    queued: Option<Vec<Vec<Vec<u8>>>>,
    /// What they were answered, where they were executed at once.
    done: Vec<Frame>,
}

/// Passes requests and replies until one side ends.
fn pass(k: SimKernel, client: TcpStream<SimKernel>, behind: SocketAddr, change: Change) -> Result<()> {
    let server = loop {
        match TcpStream::connect(k, behind) {
            Ok(server) => break server,
            Err(_) => sleep(k, Duration::from_millis(1)),
        }
    };
    let mut between = Between { server, replies: Decoder::default(), change, queued: None, done: Vec::new() };
    let mut requests = Decoder::default();
    loop {
        receive(&client, &mut requests)?;
        let mut replies = Vec::new();
        while let Ok(Some(Frame::Array(words))) = requests.next_reply() {
            let words = words.into_iter().map(|word| match word {
                Frame::Bulk(bytes) => bytes,
                _ => Vec::new(),
            });
            replies.push(between.answer(words.collect())?);
        }
        if change == Change::SwapsReplies && replies.len() > 1 {
            replies.swap(0, 1);
        }
        let mut bytes = Vec::new();
        replies.iter().for_each(|reply| put(&mut bytes, reply));
        send(&client, &bytes)?;
    }
}

impl Between {
    fn answer(&mut self, mut words: Vec<Vec<u8>>) -> Result<Frame> {
        let name = words.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
        if let Change::Lifetimes { halves } = self.change {
            let at = words.iter().position(|word| word == b"PX").map(|at| at + 1);
            let at = at.or((name == b"PEXPIRE").then_some(2));
            if let Some(word) = at.and_then(|at| words.get_mut(at)) {
                let ms: u64 = String::from_utf8_lossy(word).parse().unwrap_or(0);
                *word = (ms * halves / 2).max(1).to_string().into_bytes();
            }
        }
        if !matches!(self.change, Change::OneByOne | Change::AtOnce) {
            return self.ask(&words);
        }
        match (&name[..], self.queued.take()) {
            (b"MULTI", _) => {
                self.queued = Some(Vec::new());
                Ok(Frame::Simple(b"OK".to_vec()))
            }
            (b"EXEC", Some(queued)) => {
                let mut replies = std::mem::take(&mut self.done);
                for words in &queued {
                    replies.push(self.ask(words)?);
                }
                Ok(Frame::Array(replies))
            }
            (b"DISCARD", Some(_)) => {
                self.done.clear();
                Ok(Frame::Simple(b"OK".to_vec()))
            }
            (_, Some(mut queued)) => {
                if self.change == Change::AtOnce {
                    let reply = self.ask(&words)?;
                    self.done.push(reply);
                } else {
                    queued.push(words);
                }
                self.queued = Some(queued);
                Ok(Frame::Simple(b"QUEUED".to_vec()))
            }
            (_, None) => self.ask(&words),
        }
    }

    /// What ours says.
    fn ask(&mut self, words: &[Vec<u8>]) -> Result<Frame> {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        send(&self.server, &encode(&words))?;
        loop {
            if let Some(reply) = self.replies.next_reply().map_err(|_| Errno::EIO)? {
                return Ok(reply);
            }
            receive(&self.server, &mut self.replies)?;
        }
    }
}

/// Waits for more bytes; the end of the stream is an error, too.
fn receive(stream: &TcpStream<SimKernel>, decoder: &mut Decoder) -> Result<()> {
    let mut bytes = vec![0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Err(Errno::EINTR) => {}
            Ok(0) => return Err(Errno::ECONNRESET),
            Ok(count) => {
                decoder.feed(&bytes[..count]);
                return Ok(());
            }
            Err(errno) => return Err(errno),
        }
    }
}

fn send(stream: &TcpStream<SimKernel>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match stream.send(bytes, eagain_net::SendFlags::NOSIGNAL) {
            Err(Errno::EINTR) => {}
            sent => bytes = &bytes[sent?..],
        }
    }
    Ok(())
}

/// Appends a reply as it is written.
fn put(bytes: &mut Vec<u8>, reply: &Frame) {
    let line = |bytes: &mut Vec<u8>, kind: u8, text: &[u8]| {
        bytes.push(kind);
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(b"\r\n");
    };
    match reply {
        Frame::Simple(text) => line(bytes, b'+', text),
        Frame::Error(text) => line(bytes, b'-', text),
        Frame::Integer(number) => line(bytes, b':', number.to_string().as_bytes()),
        Frame::Null => line(bytes, b'$', b"-1"),
        Frame::Bulk(text) => {
            line(bytes, b'$', text.len().to_string().as_bytes());
            bytes.extend_from_slice(text);
            bytes.extend_from_slice(b"\r\n");
        }
        Frame::Array(frames) => {
            line(bytes, b'*', frames.len().to_string().as_bytes());
            frames.iter().for_each(|frame| put(bytes, frame));
        }
    }
}
