//! One connection of a client on tokio: as `crate::actor`'s, with tasks in the place of threads.

use crate::checker::replies;
use crate::history::History;
use crate::workload::{Model, Plan, Request};
use crate::world::PORT;
use eagain_layer::{Layer, Layered};
use eagain_net::Instant;
use eagain_server::resp::{Frame, ReplyDecoder};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::sleep;

/// A stream of any kind.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Io for S {}

/// How clients come to the server.
#[derive(Clone, Copy)]
pub(super) enum Road {
    /// It is a host of turmoil, of this name.
    Turmoil(&'static str),
    /// It listens there.
    Sockets(SocketAddr),
}

impl Road {
    pub async fn connect(self) -> io::Result<Box<dyn Io>> {
        Ok(match self {
            Road::Turmoil(host) => Box::new(turmoil::net::TcpStream::connect((host, PORT)).await?),
            Road::Sockets(address) => Box::new(tokio::net::TcpStream::connect(address).await?),
        })
    }

    /// The same kind of road to somebody else.
    pub async fn to(self, address: SocketAddr) -> io::Result<Box<dyn Io>> {
        match self {
            Road::Turmoil(_) => Ok(Box::new(turmoil::net::TcpStream::connect(address).await?)),
            Road::Sockets(_) => Road::Sockets(address).connect().await,
        }
    }
}

/// What a client needs to play its part.
#[derive(Clone)]
pub(super) struct Stage {
    pub layer: Layer,
    pub road: Road,
    /// Where everything is written down.
    pub history: History,
    /// A connection may end in the middle of a reply: streams are reset, or hosts crash.
    pub ends_anywhere: bool,
}

impl Stage {
    pub fn now(&self) -> Instant {
        Instant(self.layer.world().now())
    }

    /// A choice of client `number`.
    pub fn choose(&self, number: u64, name: &str, low: u64, high: u64) -> u64 {
        self.layer.choose(&format!("client-{number}:{name}"), low, high)
    }

    /// A pause of up to `most` milliseconds.
    pub async fn pause(&self, number: u64, name: &str, most: u64) {
        let ms = self.choose(number, name, 0, most);
        if ms > 0 {
            sleep(Duration::from_millis(ms)).await;
        }
    }

    /// What a connection of `number` asks.
    pub fn plan(
        &self,
        number: u64,
        tag: &str,
        value_max: u64,
    ) -> Plan<impl FnMut(&'static str, u64, u64) -> u64 + use<>> {
        let stage = self.clone();
        let draw = move |name: &'static str, low, high| stage.choose(number, name, low, high);
        Plan { tag: tag.to_owned(), value_max, draw }
    }
}

/// How a connection ended before the replies did.
#[derive(Debug)]
pub(super) enum End {
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

/// A connection.
pub(super) struct Client {
    pub writer: Writer,
    pub reader: Reader,
}

/// Its writing side.
pub(super) struct Writer {
    stream: WriteHalf<Layered<Box<dyn Io>>>,
}

/// Its reading side, which knows what has to come.
pub(super) struct Reader {
    stream: ReadHalf<Layered<Box<dyn Io>>>,
    tag: String,
    number: u64,
    stage: Stage,
    decoder: ReplyDecoder,
    model: Model,
    open: VecDeque<(usize, Request, Frame)>,
}

impl Client {
    /// Connects, again after a while where nobody listens yet. `number` is the client's, `connection` counts its own.
    pub async fn connect(stage: &Stage, number: u64, connection: u64) -> Client {
        loop {
            match Self::try_connect(stage, number, connection).await {
                Ok(client) => return client,
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Connects, or tells why not.
    pub async fn try_connect(stage: &Stage, number: u64, connection: u64) -> io::Result<Client> {
        let stream = stage.road.connect().await?;
        let (read, write) = split(stage.layer.stream(&format!("client-{number}"), stream));
        let reader = Reader {
            stream: read,
            tag: format!("<{number}.{connection}>"),
            number,
            stage: stage.clone(),
            decoder: ReplyDecoder::new(8, 64 << 20),
            model: Model::default(),
            open: VecDeque::new(),
        };
        Ok(Client { writer: Writer { stream: write }, reader })
    }

    /// What its keys and values begin with.
    pub fn tag(&self) -> String {
        self.reader.tag.clone()
    }

    /// Notes that `request` is being sent; its bytes.
    pub fn begin(&mut self, request: &Request) -> Vec<u8> {
        let Reader { stage, number, model, open, .. } = &mut self.reader;
        let at = stage.history.ask(*number, request, stage.now());
        open.push_back((at, request.clone(), model.execute(request)));
        request.encode()
    }

    /// Sends one request and waits for its reply.
    pub async fn ask(&mut self, request: &Request) -> Result<(), End> {
        let bytes = self.begin(request);
        self.writer.send(&bytes).await?;
        self.reader.receive_all().await
    }

    /// Sends all of `bytes` and receives every reply, whichever can be done.
    pub async fn exchange(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Client { writer, reader } = self;
        let (sent, received) = tokio::join!(biased; writer.send(bytes), reader.receive_all());
        received.and(sent)
    }
}

impl Writer {
    /// Sends all of it.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.stream.write_all(bytes).await.map_err(End::Broken)
    }

    /// Ends this side.
    pub async fn shutdown(&mut self) -> Result<(), End> {
        self.stream.shutdown().await.map_err(End::Broken)
    }
}

impl Reader {
    /// How many replies are to come.
    pub fn outstanding(&self) -> usize {
        self.open.len()
    }

    /// Waits for every reply that is to come.
    pub async fn receive_all(&mut self) -> Result<(), End> {
        while self.outstanding() > 0 {
            self.receive(4096).await?;
        }
        Ok(())
    }

    /// Takes what is there, waiting for the first byte; `most` bytes at once.
    pub async fn receive(&mut self, most: usize) -> Result<(), End> {
        let mut bytes = vec![0; most];
        let count = self.stream.read(&mut bytes).await.map_err(End::Broken)?;
        if count == 0 {
            if !self.decoder.is_between_replies() && !self.stage.ends_anywhere {
                self.malformed("the server ended the connection in the middle of a reply");
            }
            return Err(End::Closed);
        }
        self.decoder.feed(&bytes[..count]);
        self.take_replies();
        Ok(())
    }

    /// Judges the replies that are whole.
    fn take_replies(&mut self) {
        let world = self.stage.layer.world().clone();
        loop {
            let reply = match self.decoder.next_reply() {
                Ok(Some(reply)) => reply,
                Ok(None) => {
                    return world.sometimes("a reply came in pieces", !self.decoder.is_between_replies());
                }
                Err(error) => return self.malformed(&error.to_string()),
            };
            let Some((at, request, expected)) = self.open.pop_front() else {
                let message = format!("client {} asked nothing, and got {reply:?}", self.number);
                return world.fail("O1", "reply to nobody", message);
            };
            self.stage.history.answer(at, self.stage.now(), &reply);
            if request.is_shared() {
                continue;
            }
            if let Some((oracle, site)) = replies::compare(&expected, &reply, &self.tag) {
                let (got, wanted) = (replies::shown(&reply), replies::shown(&expected));
                let message =
                    format!("client {}: {request:?} was answered by {got}, not by {wanted}", self.number);
                return world.fail(oracle, site, message);
            }
        }
    }

    fn malformed(&self, why: &str) {
        let message = format!("client {}: {why}", self.number);
        self.stage.layer.world().fail("O2", "malformed reply", message);
    }
}

/// For stories in which no connection ends before its client does: an end is the server's fault.
pub(super) fn must(stage: &Stage, number: u64, done: Result<(), End>) {
    if let Err(end) = done {
        let message = format!("client {number}: {end:?} with replies to come");
        stage.layer.world().fail("O1", "connection lost", message);
    }
}
