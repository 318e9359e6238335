//! One connection of a client: sends requests, reads replies, records both in the history, and compares each reply with the
//! model's prediction.

use super::{Both, Context, Runtime, SocketOption};
use crate::checker::replies;
use crate::resp::{Decoder, Frame};
use crate::workload::{Model, Request};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// How a connection ended before the replies did.
#[derive(Debug)]
pub enum End {
    /// The server ended it in an orderly way.
    Closed,
    /// It broke.
    Broken(io::Error),
}

impl End {
    /// The network or the server's host may do this to a connection; the server itself may not.
    pub fn is_reset(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotConnected};
        let kinds = [BrokenPipe, ConnectionRefused, ConnectionReset, NotConnected];
        matches!(self, End::Broken(error) if kinds.contains(&error.kind()))
    }
}

/// The first pause of a client that nobody listens to yet, and the longest: each is twice the one before.
const RETRY: Both<(Duration, Duration)> = Both {
    kernel: (Duration::from_millis(1), Duration::from_secs(1)),
    tokio: (Duration::from_millis(20), Duration::from_millis(20)),
};

/// A connection.
pub struct Client<R: Runtime> {
    /// The writing side, for what a behaviour does with it beside requests.
    pub writer: R::Writer,
    /// The reading side, which knows what has to come.
    pub replies: Replies<R>,
}

/// The reading side of a connection, and the requests whose replies are to come.
pub struct Replies<R: Runtime> {
    reader: R::Reader,
    tag: String,
    context: Context<R>,
    decoder: Decoder,
    model: Model,
    open: VecDeque<Open>,
}

/// A request whose reply is to come.
struct Open {
    number: usize,
    request: Request,
    expected: Frame,
}

impl<R: Runtime> Client<R> {
    /// Connects, again after a while where nobody listens yet. `connection` counts the client's own.
    pub async fn connect(context: &Context<R>, connection: u64) -> Client<R> {
        let (mut pause, longest) = R::pick(RETRY);
        loop {
            match Self::try_connect(context, connection).await {
                Ok(client) => return client,
                Err(_) => {
                    context.runtime.sleep(pause).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }

    /// Connects, or says why not.
    pub async fn try_connect(context: &Context<R>, connection: u64) -> io::Result<Client<R>> {
        let (reader, writer) = context.runtime.connect(context.number).await?;
        let replies = Replies {
            reader,
            tag: context.tag(connection),
            context: context.clone(),
            decoder: Decoder::default(),
            model: Model::default(),
            open: VecDeque::new(),
        };
        Ok(Client { writer, replies })
    }

    /// Notes that `request` is being sent; its bytes.
    pub fn begin(&mut self, request: &Request) -> Vec<u8> {
        let Replies { context, model, open, .. } = &mut self.replies;
        let number = context.history.ask(context.number, request, context.runtime.now());
        open.push_back(Open { number, request: request.clone(), expected: model.execute(request) });
        request.encode()
    }

    /// Sends one request and waits for its reply.
    pub async fn ask(&mut self, request: &Request) -> Result<(), End> {
        let bytes = self.begin(request);
        self.send(&bytes).await?;
        self.receive_all().await
    }

    /// Sends all of it, waiting.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        R::write_all(&mut self.writer, bytes).await.map_err(End::Broken)
    }

    /// Ends the writing side.
    pub async fn shutdown(&mut self) -> Result<(), End> {
        R::shutdown(&mut self.writer).await.map_err(End::Broken)
    }

    /// Sets an option of the socket.
    pub fn set(&self, option: SocketOption) -> Result<(), End> {
        R::set(&self.writer, option).map_err(End::Broken)
    }

    /// How many replies are to come.
    pub fn outstanding(&self) -> usize {
        self.replies.open.len()
    }

    /// Waits for every reply that is to come.
    pub async fn receive_all(&mut self) -> Result<(), End> {
        self.replies.receive_all().await
    }

    /// Takes what is there, waiting for the first byte; `most` bytes at once.
    pub async fn receive(&mut self, most: usize) -> Result<(), End> {
        self.replies.receive(most).await
    }
}

impl<R: Runtime> Replies<R> {
    /// As [`Client::receive_all`], while the writing side is in use.
    pub async fn receive_all(&mut self) -> Result<(), End> {
        while !self.open.is_empty() {
            self.receive(4096).await?;
        }
        Ok(())
    }

    /// Reads bytes that are not looked at.
    pub async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        R::read(&mut self.reader, bytes).await
    }

    async fn receive(&mut self, most: usize) -> Result<(), End> {
        let mut bytes = vec![0; most];
        let count = R::read(&mut self.reader, &mut bytes).await.map_err(End::Broken)?;
        if count == 0 {
            if !self.decoder.is_between_replies() && !self.context.ends_anywhere {
                self.malformed("the server ended the connection in the middle of a reply");
            }
            return Err(End::Closed);
        }
        self.decoder.feed(&bytes[..count]);
        self.take_replies();
        Ok(())
    }

    /// Checks the replies that are whole.
    fn take_replies(&mut self) {
        let Context { runtime, number, history, .. } = &self.context;
        loop {
            let reply = match self.decoder.next_reply() {
                Ok(Some(reply)) => reply,
                Ok(None) => {
                    return runtime.sometimes(
                        eagain_sim::mark!("a reply came in pieces"),
                        !self.decoder.is_between_replies(),
                    );
                }
                Err(error) => return self.malformed(&error.to_string()),
            };
            let Some(open) = self.open.pop_front() else {
                let message = format!("client {number} asked nothing, and got {reply:?}");
                return runtime.fail("O1", "reply to nobody", message);
            };
            history.answer(open.number, runtime.now(), &reply);
            if !open.request.is_shared()
                && let Some((oracle, site)) = replies::compare(&open.expected, &reply, &self.tag)
            {
                let (got, expected) = (replies::shown(&reply), replies::shown(&open.expected));
                let message =
                    format!("client {number}: {:?} was answered by {got}, not by {expected}", open.request);
                return runtime.fail(oracle, site, message);
            }
        }
    }

    fn malformed(&self, why: &str) {
        let message = format!("client {}: {why}", self.context.number);
        self.context.runtime.fail("O2", "malformed reply", message);
    }
}
