//! Programs that nobody changed run over the layer: the codecs of tokio-util, hyper's server and client. None may be blamed,
//! on pipes under plain tokio or over turmoil. By default a few seeds; ten thousand of each:
//!
//! ```text
//! EAGAIN_SEEDS=10000 cargo test --release -p eagain-layer --test unmodified
//! ```

use eagain_layer::turmoil::on_turmoil;
use eagain_layer::{Accept, FAULTS, Layer, Layered, on_tokio_with};
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::error::Error;
use tokio::io::{AsyncRead, AsyncWrite, duplex, split};
use tokio::task::spawn_local;
use tokio_util::codec::{Framed, FramedRead, FramedWrite, LengthDelimitedCodec, LinesCodec};

/// Clients that come to the server.
const CLIENTS: usize = 2;

trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Io for S {}

type Stream = Layered<Box<dyn Io>>;
type Done = Result<(), Box<dyn Error>>;

/// A server that is run for each connection, and a client that asks it and checks what it gets.
trait Protocol: 'static {
    fn serve(stream: Stream) -> impl Future<Output = Done>;
    fn talk(layer: Layer, who: String, stream: Stream) -> impl Future<Output = Done>;
}

/// What is made of a message: another one, of the same length.
fn shouted(bytes: &[u8]) -> Vec<u8> {
    bytes.to_ascii_uppercase()
}

/// The messages that `who` sends.
fn messages(layer: &Layer, who: &str) -> Vec<String> {
    let length = |_| layer.choose(&format!("{who}:length"), 0, 700) as usize;
    let count = layer.choose(&format!("{who}:messages"), 1, 8);
    (0..count)
        .map(length)
        .map(|length| "the quick brown fox ".chars().cycle().take(length).collect())
        .collect()
}

fn check(layer: &Layer, expected: &[u8], got: &[u8]) {
    let message =
        || format!("{:?} instead of {:?}", String::from_utf8_lossy(got), String::from_utf8_lossy(expected));
    layer.world().always("answer", got == expected, message);
}

/// All of a client's part; `resets`: a connection may break, and what came of it is all that is checked.
async fn visit<P: Protocol>(layer: Layer, who: String, stream: Stream, resets: bool) {
    let world = layer.world().clone();
    let done = P::talk(layer, who.clone(), stream).await;
    world.sometimes("a connection broke", done.is_err());
    if let Err(error) = done {
        world.always("served", resets, || format!("{who}: {error}"));
    }
}

async fn serve<P: Protocol>(stream: Stream) {
    // What a client may take amiss, the client says.
    let _ = P::serve(stream).await;
}

fn families(resets: bool) -> Vec<Family> {
    let mut families = FAULTS.to_vec();
    families.extend(resets.then_some(Family::StreamReset));
    families
}

fn on_pipes<P: Protocol>(sim: &mut Sim, resets: bool) {
    sim.faults(&families(resets));
    on_tokio_with(sim, |layer| async move {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (here, there) = duplex(256);
                let (here, there): (Box<dyn Io>, Box<dyn Io>) = (Box::new(here), Box::new(there));
                let who = format!("client-{number}");
                spawn_local(serve::<P>(layer.stream(&format!("server-{number}"), there)));
                let here = layer.stream(&who, here);
                spawn_local(visit::<P>(layer.clone(), who, here, resets))
            })
            .collect();
        for client in clients {
            assert!(client.await.is_ok());
        }
    });
}

fn over_turmoil<P: Protocol>(sim: &mut Sim, resets: bool) {
    sim.faults(&families(resets));
    on_turmoil(sim, |world| {
        let layer = world.layer().clone();
        world.host("server", move || {
            let layer = layer.clone();
            async move {
                let listener = turmoil::net::TcpListener::bind("0.0.0.0:7").await?;
                let listener = layer.listener("listener", listener);
                loop {
                    let (stream, from) = listener.accept().await?;
                    // Once is enough: what the listener has wrapped is taken out, to be put into a box.
                    let Some(stream) = stream.into_inner() else { continue };
                    let stream: Box<dyn Io> = Box::new(stream);
                    spawn_local(serve::<P>(layer.stream(&format!("server<{}", from.ip()), stream)));
                }
            }
        });
        for number in 0..CLIENTS {
            let (layer, who) = (world.layer().clone(), format!("client-{number}"));
            world.client(&who.clone(), async move {
                let stream: Box<dyn Io> = Box::new(turmoil::net::TcpStream::connect("server:7").await?);
                let stream = layer.stream(&who, stream);
                visit::<P>(layer, who, stream, resets).await;
                Ok(())
            });
        }
    });
}

struct Lines;

impl Protocol for Lines {
    async fn serve(stream: Stream) -> Done {
        let mut lines = Framed::new(stream, LinesCodec::new());
        while let Some(line) = lines.next().await {
            lines.send(line?.to_ascii_uppercase()).await?;
        }
        Ok(SinkExt::<String>::close(&mut lines).await?)
    }

    async fn talk(layer: Layer, who: String, stream: Stream) -> Done {
        let messages = messages(&layer, &who);
        let (read, write) = split(stream);
        let mut lines = FramedRead::new(read, LinesCodec::new());
        let to_send = messages.clone();
        let writer = spawn_local(async move {
            let mut lines = FramedWrite::new(write, LinesCodec::new());
            for message in to_send {
                lines.send(message).await?;
            }
            SinkExt::<String>::close(&mut lines).await
        });
        for message in &messages {
            let line = lines.next().await.ok_or("the end, instead of a line")??;
            check(&layer, &shouted(message.as_bytes()), line.as_bytes());
        }
        layer.world().always("end", lines.next().await.is_none(), || "a line to nobody".to_owned());
        Ok(writer.await??)
    }
}

struct Frames;

impl Protocol for Frames {
    async fn serve(stream: Stream) -> Done {
        let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
        while let Some(frame) = frames.next().await {
            frames.send(Bytes::from(shouted(&frame?))).await?;
        }
        Ok(SinkExt::<Bytes>::close(&mut frames).await?)
    }

    async fn talk(layer: Layer, who: String, stream: Stream) -> Done {
        let messages = messages(&layer, &who);
        let (read, write) = split(stream);
        let mut frames = FramedRead::new(read, LengthDelimitedCodec::new());
        let to_send = messages.clone();
        let writer = spawn_local(async move {
            let mut frames = FramedWrite::new(write, LengthDelimitedCodec::new());
            for message in to_send {
                // All of them are written when it is closed, or when there are many.
                frames.feed(Bytes::from(message)).await?;
            }
            SinkExt::<Bytes>::close(&mut frames).await
        });
        for message in &messages {
            let frame = frames.next().await.ok_or("the end, instead of a frame")??;
            check(&layer, &shouted(message.as_bytes()), &frame);
        }
        Ok(writer.await??)
    }
}

struct Http;

/// The body in capitals, in chunks.
async fn shout(
    request: Request<Incoming>,
) -> Result<Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>>, hyper::Error> {
    let body = shouted(&request.into_body().collect().await?.to_bytes());
    let chunks: Vec<_> =
        body.chunks(100).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
    Ok(Response::new(StreamBody::new(futures_util::stream::iter(chunks))))
}

impl Protocol for Http {
    async fn serve(stream: Stream) -> Done {
        let mut server = hyper::server::conn::http1::Builder::new();
        // The date is the machine's.
        let server = server.auto_date_header(false);
        Ok(server.serve_connection(TokioIo::new(stream), service_fn(shout)).await?)
    }

    async fn talk(layer: Layer, who: String, stream: Stream) -> Done {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = spawn_local(connection);
        for message in messages(&layer, &who) {
            let request =
                Request::post("/").header("host", "server").body(Full::new(Bytes::from(message.clone())))?;
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            layer.world().always("status", response.status().is_success(), || response.status().to_string());
            let body = response.into_body().collect().await?.to_bytes();
            check(&layer, &shouted(message.as_bytes()), &body);
        }
        drop(sender);
        Ok(connection.await??)
    }
}

eagain_sim::scenarios! {
    /// What these tests run.
    pub const SCENARIOS;

    /// LinesCodec on a pipe.
    lines_on_a_pipe(sim, seeds = 100) { on_pipes::<Lines>(sim, false); }

    /// LinesCodec over turmoil.
    lines_over_turmoil(sim, seeds = 100) { over_turmoil::<Lines>(sim, false); }

    /// LengthDelimitedCodec on a pipe.
    frames_on_a_pipe(sim, seeds = 100) { on_pipes::<Frames>(sim, false); }

    /// LengthDelimitedCodec over turmoil.
    frames_over_turmoil(sim, seeds = 100) { over_turmoil::<Frames>(sim, false); }

    /// hyper on a pipe.
    http_on_a_pipe(sim, seeds = 100) { on_pipes::<Http>(sim, false); }

    /// hyper over turmoil.
    http_over_turmoil(sim, seeds = 100) { over_turmoil::<Http>(sim, false); }

    /// LengthDelimitedCodec where connections break.
    frames_with_resets_on_a_pipe(sim, seeds = 100) { on_pipes::<Frames>(sim, true); }

    /// LengthDelimitedCodec over turmoil where connections break.
    frames_with_resets_over_turmoil(sim, seeds = 100) { over_turmoil::<Frames>(sim, true); }

    /// hyper where connections break.
    http_with_resets_on_a_pipe(sim, seeds = 100) { on_pipes::<Http>(sim, true); }

    /// hyper over turmoil where connections break.
    http_with_resets_over_turmoil(sim, seeds = 100) { over_turmoil::<Http>(sim, true); }
}
