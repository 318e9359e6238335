//! The two worlds of a plot, and the road between its client and its server: a pipe in memory, or a connection of turmoil.
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

/// A program: a server that is run for each connection, and a client that judges what it gets.
pub trait Plot: 'static {
    /// What fits into a connection of turmoil, in each direction: so many segments, a write each. By default more than any
    /// of these programs sends, because turmoil 0.7.2 loses the end of a stream that comes to a full queue.
    const SEGMENTS: usize = 1 << 14;

    /// Serves one connection to its end.
    fn serve(stream: Stream, defect: bool) -> impl Future<Output = io::Result<()>>;

    /// The client. An error is a connection that broke, which nothing in these worlds does.
    fn play(road: Road, defect: bool) -> impl Future<Output = io::Result<()>>;
}

/// How the client comes to its server.
#[derive(Clone)]
pub struct Road {
    pub layer: Layer,
    /// Serves the other end of a pipe; without it the road is turmoil's.
    serve: Option<Rc<dyn Fn(Stream)>>,
}

impl Road {
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

    /// The client's part, and what is wrong where it does not come to its end.
    async fn travel<P: Plot>(self, defect: bool) {
        let world = self.layer.world().clone();
        if let Err(error) = P::play(self, defect).await {
            world.fail("O1", "connection lost", error.to_string());
        }
    }
}

async fn serve<P: Plot>(stream: Stream, defect: bool) {
    // Who has gone without waiting for an answer is not served any more.
    let _ = P::serve(stream, defect).await;
}

/// The plot on pipes, under plain tokio with paused time.
pub fn on_pipes<P: Plot>(sim: &mut Sim, defect: bool) {
    on_tokio(sim, |layer| {
        let server = move |stream| drop(spawn_local(serve::<P>(stream, defect)));
        Road { layer, serve: Some(Rc::new(server)) }.travel::<P>(defect)
    });
}

/// The plot on two hosts of turmoil.
pub fn over_turmoil<P: Plot>(sim: &mut Sim, defect: bool) {
    sim.faults(eagain_layer::FAULTS);
    let mut settings = turmoil::Builder::new();
    settings.tcp_capacity(P::SEGMENTS);
    on_turmoil_with(sim, settings, |world| {
        let layer = world.layer().clone();
        let road = Road { layer: layer.clone(), serve: None };
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
            road.travel::<P>(defect).await;
            Ok(())
        });
    });
}
