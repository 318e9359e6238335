//! How a program of a planted bug runs: client and server are connected by a pipe in memory or by a connection of turmoil.
//! Every end is wrapped by the layer.

use eagain_layer::turmoil::on_turmoil_with;
use eagain_layer::{Layer, Layered, on_tokio};
use eagain_sim::Sim;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::task::spawn_local;

/// What fits into a pipe, in each direction.
pub const PIPE_BYTES: usize = 8 << 10;
const PORT: u16 = 7000;

/// A stream of any kind.
pub trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Io for S {}

/// One end of a connection.
pub type Stream = Layered<Box<dyn Io>>;

/// A server that is run for each connection, and a client that checks what it gets.
pub trait Program: 'static {
    /// What fits into a connection of turmoil, in each direction: so many segments, a write each. By default more than any
    /// of these programs sends, because turmoil 0.7.2 loses the end of a stream that comes to a full queue.
    const SEGMENTS: usize = 1 << 14;

    /// Serves one connection to its end.
    fn serve(stream: Stream, defect: bool) -> impl Future<Output = io::Result<()>>;

    /// The client. An error is a connection that broke, which no fault of these runs does.
    fn client(connector: Connector, defect: bool) -> impl Future<Output = io::Result<()>>;
}

/// How the client connects to its server.
#[derive(Clone)]
pub struct Connector {
    pub layer: Layer,
    /// Serves the other end of a pipe; without it, connections are turmoil's.
    serve: Option<Rc<dyn Fn(Stream)>>,
}

impl Connector {
    /// A new connection, with a server at its other end.
    pub async fn connect(&self) -> io::Result<Stream> {
        let inner: Box<dyn Io> = match &self.serve {
            Some(serve) => {
                let (here, there) = duplex(PIPE_BYTES);
                serve(self.layer.stream("server", Box::new(there)));
                Box::new(here)
            }
            None => Box::new(turmoil::net::TcpStream::connect(("server", PORT)).await?),
        };
        Ok(self.layer.stream("client", inner))
    }

    /// Runs the client, and fails the run where it ends with an error.
    async fn run<P: Program>(self, defect: bool) {
        let world = self.layer.world().clone();
        if let Err(error) = P::client(self, defect).await {
            world.fail("O1", "connection lost", error.to_string());
        }
    }
}

async fn serve<P: Program>(stream: Stream, defect: bool) {
    // Who has gone without waiting for an answer is not served any more.
    let _ = P::serve(stream, defect).await;
}

/// The program on pipes, under plain tokio with paused time.
pub fn on_pipes<P: Program>(sim: &mut Sim, defect: bool) {
    on_tokio(sim, |layer| {
        let server = move |stream| drop(spawn_local(serve::<P>(stream, defect)));
        Connector { layer, serve: Some(Rc::new(server)) }.run::<P>(defect)
    });
}

/// The program on two hosts of turmoil.
pub fn over_turmoil<P: Program>(sim: &mut Sim, defect: bool) {
    sim.faults(eagain_layer::FAULTS);
    let mut settings = turmoil::Builder::new();
    settings.tcp_capacity(P::SEGMENTS);
    on_turmoil_with(sim, settings, |world| {
        let layer = world.layer().clone();
        let connector = Connector { layer: layer.clone(), serve: None };
        world.host("server", move || {
            let layer = layer.clone();
            async move {
                let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
                loop {
                    let (stream, _) = listener.accept().await?;
                    let stream: Box<dyn Io> = Box::new(stream);
                    spawn_local(serve::<P>(layer.stream("server", stream), defect));
                }
            }
        });
        world.client("client", async move {
            // The server is there by then.
            tokio::time::sleep(Duration::from_millis(1)).await;
            connector.run::<P>(defect).await;
            Ok(())
        });
    });
}
