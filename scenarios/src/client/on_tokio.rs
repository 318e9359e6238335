//! Clients that are tasks of tokio, with the layer over every stream.

use super::{Both, Client, End, Runtime, SocketOption};
use crate::script::PORT;
use eagain_layer::{Layer, Layered};
use eagain_net::Instant;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

/// A stream of any kind.
pub trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Io for S {}

/// How a client connects to its server.
#[derive(Clone, Copy)]
pub enum Connector {
    /// It is a host of turmoil, of this name.
    Turmoil(&'static str),
    /// It listens there, on a real socket.
    Sockets(SocketAddr),
}

impl Connector {
    /// A connection.
    pub async fn connect(self) -> io::Result<Box<dyn Io>> {
        Ok(match self {
            Connector::Turmoil(host) => Box::new(turmoil::net::TcpStream::connect((host, PORT)).await?),
            Connector::Sockets(address) => Box::new(tokio::net::TcpStream::connect(address).await?),
        })
    }

    /// A connection of the same kind to somebody else.
    pub async fn connect_to(self, address: SocketAddr) -> io::Result<Box<dyn Io>> {
        match self {
            Connector::Turmoil(_) => Ok(Box::new(turmoil::net::TcpStream::connect(address).await?)),
            Connector::Sockets(_) => Connector::Sockets(address).connect().await,
        }
    }
}

/// A client's task.
#[derive(Clone)]
pub struct OnTokio {
    /// Of every stream.
    pub layer: Layer,
    /// To the server.
    pub connector: Connector,
}

type Stream = Layered<Box<dyn Io>>;

impl Runtime for OnTokio {
    type Reader = ReadHalf<Stream>;
    type Writer = WriteHalf<Stream>;

    fn pick<T>(both: Both<T>) -> T {
        both.tokio
    }

    fn now(&self) -> Instant {
        Instant(self.layer.world().now())
    }

    fn choose(&self, client: u64, name: &'static str, low: u64, high: u64) -> u64 {
        self.layer.choose(&format!("client-{client}:{name}"), low, high)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(limit, work).await.ok()
    }

    async fn connect(&self, client: u64) -> io::Result<(Self::Reader, Self::Writer)> {
        let stream = self.connector.connect().await?;
        Ok(split(self.layer.stream(&format!("client-{client}"), stream)))
    }

    fn set(_: &Self::Writer, _: SocketOption) -> io::Result<()> {
        Ok(())
    }

    async fn read(reader: &mut Self::Reader, bytes: &mut [u8]) -> io::Result<usize> {
        reader.read(bytes).await
    }

    async fn write_all(writer: &mut Self::Writer, bytes: &[u8]) -> io::Result<()> {
        writer.write_all(bytes).await
    }

    async fn shutdown(writer: &mut Self::Writer) -> io::Result<()> {
        writer.shutdown().await
    }

    async fn send(client: &mut Client<Self>, bytes: &[u8]) -> Result<(), End> {
        client.send(bytes).await
    }

    async fn exchange(client: &mut Client<Self>, bytes: &[u8]) -> Result<Option<bool>, End> {
        let Client { writer, replies } = client;
        let (sent, received) = tokio::join!(biased; Self::write_all(writer, bytes), replies.receive_all());
        received.and(sent.map_err(End::Broken))?;
        Ok(None)
    }

    async fn exchange_by(
        client: &mut Client<Self>,
        bytes: &[u8],
        mut receive: impl AsyncFnMut(&mut Client<Self>) -> Result<(), End>,
    ) -> Result<(), End> {
        client.send(bytes).await?;
        while client.outstanding() > 0 {
            receive(client).await?;
        }
        Ok(())
    }

    fn sometimes(&self, mark: &'static str, reached: bool) {
        self.layer.world().sometimes(mark, reached);
    }

    fn fail(&self, oracle: &'static str, site: &str, message: String) {
        self.layer.world().fail(oracle, site, message);
    }
}
