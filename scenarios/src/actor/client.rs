//! One connection of a client, blocking: sends requests, reads replies, writes both into the history, and compares each
//! reply with the model's prediction.

use super::Stage;
use crate::checker::replies;
use crate::workload::{Model, Request};
use eagain_net::*;
use eagain_server::resp::{Frame, ReplyDecoder};
use eagain_sim::{fail, sometimes};
use std::collections::VecDeque;
use std::time::Duration;

/// How a connection ended before the replies did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The server ended it in an orderly way.
    Closed,
    /// It broke.
    Broken(Errno),
}

/// A request whose reply is to come.
struct Open {
    number: usize,
    request: Request,
    expected: Frame,
}

/// A connection.
pub struct Client<K: Kernel> {
    /// The stream, for actors that do something odd with it.
    pub stream: TcpStream<K>,
    tag: String,
    number: u64,
    stage: Stage,
    decoder: ReplyDecoder,
    model: Model,
    open: VecDeque<Open>,
}

impl<K: Kernel> Client<K> {
    /// Connects, again after a while where nobody listens yet. `number` is the client's, `tag` the connection's.
    pub fn connect(k: K, stage: &Stage, number: u64, tag: String) -> Client<K> {
        let mut patience = Duration::from_millis(1);
        loop {
            match Self::try_connect(k, stage, number, &tag) {
                Ok(client) => return client,
                Err(_) => {
                    sleep(k, patience);
                    patience = (patience * 2).min(Duration::from_secs(1));
                }
            }
        }
    }

    /// Connects, or tells why not.
    pub fn try_connect(k: K, stage: &Stage, number: u64, tag: &str) -> Result<Client<K>> {
        let stream = TcpStream::connect(k, stage.server)?;
        Ok(Client {
            stream,
            tag: tag.to_owned(),
            number,
            stage: stage.clone(),
            decoder: ReplyDecoder::new(8, 64 << 20),
            model: Model::default(),
            open: VecDeque::new(),
        })
    }

    /// Notes that `request` is being sent; its bytes.
    pub fn begin(&mut self, request: &Request) -> Vec<u8> {
        let number = self.stage.history.ask(self.number, request, now(self.stream.kernel()));
        let expected = self.model.execute(request);
        self.open.push_back(Open { number, request: request.clone(), expected });
        request.encode()
    }

    /// How many replies are to come.
    pub fn outstanding(&self) -> usize {
        self.open.len()
    }

    /// Sends all of it, waiting.
    pub fn send(&self, bytes: &[u8]) -> Result<(), End> {
        self.stream.write_all(bytes).map_err(End::Broken)
    }

    /// Takes what is there, waiting for the first byte; `most` bytes at once.
    pub fn receive(&mut self, most: usize) -> Result<(), End> {
        let mut bytes = vec![0; most];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => {
                    if !self.decoder.is_between_replies() {
                        self.malformed("the server ended the connection in the middle of a reply");
                    }
                    return Err(End::Closed);
                }
                Ok(n) => {
                    self.decoder.feed(&bytes[..n]);
                    self.take_replies();
                    return Ok(());
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(End::Broken(errno)),
            }
        }
    }

    /// Judges the replies that are whole.
    fn take_replies(&mut self) {
        loop {
            let reply = match self.decoder.next_reply() {
                Ok(Some(reply)) => reply,
                Ok(None) => return sometimes("a reply came in pieces", !self.decoder.is_between_replies()),
                Err(error) => return self.malformed(&error.to_string()),
            };
            let Some(open) = self.open.pop_front() else {
                let message = format!("client {} asked nothing, and got {reply:?}", self.number);
                return fail("O1", "reply to nobody", message);
            };
            self.stage.history.answer(open.number, now(self.stream.kernel()), &reply);
            if !open.request.is_shared()
                && let Some((oracle, site)) = replies::compare(&open.expected, &reply, &self.tag)
            {
                let message = format!(
                    "client {}: {:?} was answered by {}, not by {}",
                    self.number,
                    open.request,
                    replies::shown(&reply),
                    replies::shown(&open.expected)
                );
                return fail(oracle, site, message);
            }
        }
    }

    fn malformed(&self, why: &str) {
        fail("O2", "malformed reply", format!("client {}: {why}", self.number));
    }

    /// Sends one request and waits for its reply.
    pub fn ask(&mut self, request: &Request) -> Result<(), End> {
        let bytes = self.begin(request);
        self.send(&bytes)?;
        self.receive_all()
    }

    /// Waits for every reply that is to come.
    pub fn receive_all(&mut self) -> Result<(), End> {
        while self.outstanding() > 0 {
            self.receive(4096)?;
        }
        Ok(())
    }
}
