//! A program written for `tokio::net`, with its imports changed: over real sockets, under a layer, and under turmoil.

use eagain_layer::net::{TcpListener, TcpStream};
use eagain_layer::turmoil::on_turmoil;
use eagain_layer::{FAULTS, Layer, on_tokio_with};
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::Family;
use eagain_sim::run::{Record, RunReport, RunSpec, Scenario, Settings};
use eagain_sim::runner::engine;
use eagain_sim::trace::text;
use eagain_sim::{Oracle, Sim};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, copy};
use tokio::task::spawn_local;

const QUICK: &[Family] = &[Family::StreamShortRead, Family::StreamShortWrite, Family::StreamNotReady];

fn run(body: fn(&mut Sim), seed: u64, record: Record) -> RunReport {
    let scenario = Scenario { name: "test", about: "", knobs: &[], seeds: 1, body };
    let mut spec = RunSpec::seeded(scenario, Settings::new(), seed);
    spec.record = record;
    engine::make().run(&spec)
}

/// A connected pair over loopback.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (server, from) = accepted.unwrap();
    let client = client.unwrap();
    assert_eq!((from, address), (client.local_addr().unwrap(), client.peer_addr().unwrap()));
    (client, server)
}

/// Sends what it receives, by the calls for those who wait for readiness themselves.
async fn echo_when_ready(stream: &TcpStream) -> io::Result<u64> {
    let (mut buf, mut total) = ([0; 512], 0);
    loop {
        stream.readable().await?;
        let count = match stream.try_read(&mut buf) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        total += count as u64;
        let mut left = &buf[..count];
        while !left.is_empty() {
            stream.writable().await?;
            match stream.try_write(left) {
                Ok(count) => left = &left[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Says some and wants it back, by halves; each looks at the first byte before it takes it.
async fn there_and_back(stream: TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    let mut got = Vec::new();
    let writing = async move {
        write.write_all(bytes).await?;
        // Dropping this half ends the stream.
        drop(write);
        io::Result::Ok(())
    };
    let reading = async {
        let mut first = [0];
        assert_eq!((read.peek(&mut first).await?, first[0]), (1, bytes[0]));
        read.read_to_end(&mut got).await
    };
    let (wrote, read) = tokio::join!(writing, reading);
    wrote.and(read)?;
    Ok(got)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// As `tokio::spawn` asks for it.
#[tokio::test]
async fn without_a_layer_it_is_tokio() {
    let (client, server) = pair().await;
    let echo = tokio::spawn(async move { echo_when_ready(&server).await });
    let sent = pattern(100_000);
    assert_eq!(there_and_back(client, &sent).await.unwrap(), sent);
    assert_eq!(echo.await.unwrap().unwrap(), 100_000);
}

#[tokio::test]
async fn every_kind_of_address_is_taken() {
    let any = Ipv4Addr::LOCALHOST;
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = SocketAddr::from((any, port));
    let std::net::SocketAddr::V4(v4) = address else { unreachable!() };
    let accepting = async {
        for _ in 0..9 {
            listener.accept().await.unwrap();
        }
    };
    let connecting = async {
        TcpStream::connect(address).await.unwrap();
        TcpStream::connect(&address).await.unwrap();
        TcpStream::connect(v4).await.unwrap();
        TcpStream::connect((any, port)).await.unwrap();
        TcpStream::connect((IpAddr::from(any), port)).await.unwrap();
        TcpStream::connect(&[address][..]).await.unwrap();
        TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
        TcpStream::connect(("127.0.0.1".to_owned(), port)).await.unwrap();
        TcpStream::connect(format!("localhost:{port}").as_str()).await.unwrap();
    };
    tokio::join!(accepting, connecting);
    for wrong in ["nowhere", "127.0.0.1:http", "127.0.0.1:65536", ""] {
        assert_eq!(TcpStream::connect(wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong}");
    }
    assert_eq!(TcpStream::connect(&[][..]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn halves_options_and_peeks_are_tokios() {
    let (mut client, server) = pair().await;
    assert_eq!(client.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(client.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap().is_writable());
    client.set_nodelay(true).unwrap();
    client.set_ttl(9).unwrap();
    assert_eq!((client.nodelay().unwrap(), client.ttl().unwrap()), (true, 9));
    assert!(client.take_error().unwrap().is_none());
    let shown = format!("{client:?}");
    assert!(shown.starts_with("TcpStream { addr: 127.0.0.1:"), "{shown}");

    assert_eq!(server.try_write_vectored(&[io::IoSlice::new(b"he"), io::IoSlice::new(b"llo")]).unwrap(), 5);
    let (mut read, mut write) = client.split();
    let mut seen = [0; 3];
    assert_eq!((read.peek(&mut seen).await.unwrap(), &seen), (3, b"hel"));
    let mut got = Vec::new();
    while got.len() < 5 {
        read.readable().await.unwrap();
        let _ = read.try_read_buf(&mut got);
    }
    assert_eq!(got, b"hello");
    write.write_all(b"x").await.unwrap();

    let (read, write) = client.into_split();
    let (others_read, others_write) = server.into_split();
    let error = read.reunite(others_write).unwrap_err();
    let client = write.reunite(error.0).unwrap();
    let mut server = others_read.reunite(error.1).unwrap();
    // The stream is whole: neither half has ended it.
    server.write_all(b"y").await.unwrap();
    let (mut read, write) = client.into_split();
    write.forget();
    assert_eq!(read.read_u8().await.unwrap(), b'y');
    assert_eq!(server.read_u8().await.unwrap(), b'x');
    assert_eq!(
        server.try_read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "an end, though forgotten"
    );
}

#[tokio::test]
async fn under_a_layer_real_sockets_have_faults() {
    let mut fired = BTreeSet::new();
    for seed in 0..20 {
        let layer = Layer::with(Base::Seed(seed), &Overrides::new(), QUICK);
        let entered = layer.enter();
        let (client, server) = pair().await;
        drop(entered);
        let sent = pattern(5_000);
        let (echoed, got) = tokio::join!(
            async {
                let count = echo_when_ready(&server).await;
                drop(server);
                count
            },
            there_and_back(client, &sent)
        );
        assert_eq!((echoed.unwrap(), got.unwrap()), (5_000, sent), "seed {seed}");
        fired.extend(layer.report().faults.into_keys());
    }
    assert_eq!(fired.len(), QUICK.len(), "{fired:?}");
    // The guard has left.
    let (client, _server) = pair().await;
    drop(client);
}

/// A program that knows neither turmoil nor the layer.
async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:7").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        spawn_local(async move {
            let (mut read, mut write) = stream.into_split();
            copy(&mut read, &mut write).await
        });
    }
}

async fn ask() -> io::Result<(Vec<u8>, Vec<u8>)> {
    let sent = pattern(3_000);
    let got = there_and_back(TcpStream::connect("server:7").await?, &sent).await?;
    Ok((sent, got))
}

fn changed_imports(sim: &mut Sim) {
    on_turmoil(sim, |world| {
        world.host("server", || async { Ok(serve().await?) });
        for number in 0..2 {
            let run = world.layer().world().clone();
            world.client(&format!("client-{number}"), async move {
                let (sent, got) = ask().await?;
                run.always("echo", sent == got, || format!("{} of {}", got.len(), sent.len()));
                Ok(())
            });
        }
    });
}

#[test]
fn under_turmoil_both_ends_have_the_faults_without_being_asked_for() {
    let mut fired = BTreeSet::new();
    for seed in 0..200 {
        let report = run(changed_imports, seed, Record::Hash);
        assert_eq!(report.failure, None, "seed {seed}");
        fired.extend(report.faults.into_keys());
    }
    assert_eq!(fired.len(), FAULTS.len(), "{fired:?}");
    let report = run(changed_imports, 3, Record::Trace);
    assert_eq!(report.hash, run(changed_imports, 3, Record::Trace).hash);
    let lines = text::plain(&report.trace.unwrap());
    for end in ["server<client-1#0", "client-0>server#0"] {
        assert!(lines.contains(end), "{end}: {lines}");
    }
}

/// turmoil resolves names, and says so of those that it does not have.
#[test]
fn an_unknown_host_is_not_found() {
    let body: fn(&mut Sim) = |sim| {
        on_turmoil(sim, |world| {
            let run = world.layer().world().clone();
            world.client("client", async move {
                let kind = TcpStream::connect("nowhere:7").await.unwrap_err().kind();
                run.always("unknown", kind == ErrorKind::NotFound, || format!("{kind:?}"));
                let kind = TcpListener::bind("10.0.0.1:7").await.unwrap_err().kind();
                run.always("foreign", kind == ErrorKind::AddrNotAvailable, || format!("{kind:?}"));
                Ok(())
            });
        });
    };
    assert_eq!(run(body, 0, Record::Hash).failure, None);
}

/// Of several clients those are named that do not end; a whole scenario on tokio has no clients to name.
#[test]
fn clients_that_hang_are_named() {
    let of = |body: fn(&mut Sim)| run(body, 0, Record::Hash).failure.expect("nobody ends it");
    let on_turmoil = of(|sim| {
        on_turmoil(sim, |world| {
            world.client("quick", async { Ok(()) });
            world.client("hangs", std::future::pending());
            world.client("waits-too", std::future::pending());
        });
    });
    let on_tokio = of(|sim| on_tokio_with(sim, |_| std::future::pending()));
    for (failure, who) in [(on_turmoil, "hangs, waits-too"), (on_tokio, "the scenario")] {
        assert_eq!((failure.oracle, failure.site.as_str()), (Oracle::Liveness, "stuck"));
        assert_eq!(failure.message, format!("{who} did not end within 120 s after faults had stopped"));
    }
}

/// A reset of the layer is seen by whoever waits for readiness, once as an error.
/// The message of the failure of seed 0.
fn message(body: fn(&mut Sim)) -> (RunReport, String) {
    let report = run(body, 0, Record::Trace);
    let failure = report.failure.as_ref().expect("it fails");
    let message = failure.message.clone();
    (report, message)
}

#[test]
fn who_ended_with_an_error_or_a_panic_is_named() {
    let (_, said) = message(|sim| {
        on_turmoil(sim, |world| {
            world.host("server", || async { Err("no configuration".into()) });
            world.client("client", async { std::future::pending().await });
        });
    });
    assert_eq!(said, "server ended with an error: no configuration");
    let (report, said) = message(|sim| {
        on_turmoil(sim, |world| {
            world.host("server", || async { std::future::pending().await });
            world.client("client-1", async { panic!("planted") });
        });
    });
    assert!(said.starts_with("client-1 panicked: planted (") && said.ends_with(')'), "{said}");
    let headline = report.failure.unwrap().headline();
    assert!(headline.starts_with("panic in client-1 at ") && headline.contains("net.rs:"), "{headline}");
}

#[test]
fn why_a_connection_is_refused_is_said() {
    let (report, said) = message(|sim| {
        on_turmoil(sim, |world| {
            world.host("server", || async { std::future::pending().await });
            world.client("client", async { Ok(TcpStream::connect("server:7").await.map(drop)?) });
        });
    });
    let why = "connection to server:7 refused: nobody listens there";
    assert_eq!(said, format!("client ended with an error: {why}"));
    assert!(report.output.contains(&format!("net: {why}\n")), "{}", report.output);
    let cut_off = |sim: &mut Sim| {
        sim.faults(&[Family::NetPartition]);
        on_turmoil(sim, |world| {
            world.host("server", || async { serve().await.map_err(Into::into) });
            world.client("client", async {
                for _ in 0..40 {
                    TcpStream::connect("server:7").await?;
                    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                }
                Ok(())
            });
        });
    };
    let why = "what server and client send each other is lost (net.partition)";
    let said = format!("client ended with an error: connection to server:7 refused: {why}");
    let failures = (0..100).filter_map(|seed| run(cut_off, seed, Record::Hash).failure);
    let messages: Vec<String> = failures.map(|failure| failure.message).take(1).collect();
    assert_eq!(messages, [said]);
}

#[test]
fn a_socket_of_tokio_under_turmoil_is_explained() {
    let (_, said) = message(|sim| {
        on_turmoil(sim, |world| {
            world.client("client", async { Ok(tokio::net::TcpListener::bind("0.0.0.0:7").await.map(drop)?) });
        });
    });
    assert!(said.starts_with("client panicked: ") && said.contains("from `eagain_layer::net`"), "{said}");
}

#[test]
fn a_reset_is_seen_by_who_waits_to_read() {
    let body: fn(&mut Sim) = |sim| {
        sim.faults(&[Family::StreamReset]);
        on_turmoil(sim, |world| {
            let run = world.layer().world().clone();
            // It takes everything and says nothing, so that writing never has to wait for reading.
            world.host("server", || async {
                let listener = TcpListener::bind("0.0.0.0:7").await?;
                loop {
                    let (mut stream, _) = listener.accept().await?;
                    spawn_local(async move { copy(&mut stream, &mut tokio::io::sink()).await });
                }
            });
            world.client("client", async move {
                let stream = TcpStream::connect("server:7").await?;
                for _ in 0..200 {
                    let error = match stream.try_write(b"x") {
                        Ok(_) => continue,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {
                            stream.writable().await?;
                            continue;
                        }
                        Err(error) => error,
                    };
                    run.always("kind", error.kind() == ErrorKind::ConnectionReset, || error.to_string());
                    run.sometimes("reset", true);
                    stream.readable().await?;
                    assert_eq!(stream.peer_addr()?.port(), 7);
                    run.always("end", matches!(stream.try_read(&mut [0]), Ok(0)), || "more".to_owned());
                    break;
                }
                Ok(())
            });
        });
    };
    let reached = (0..200).map(|seed| run(body, seed, Record::Hash)).filter(|report| {
        assert_eq!(report.failure, None);
        report.sometimes.get("reset").copied().unwrap_or_default()
    });
    assert!(reached.count() > 20);
}

/// `try_read` in one task does not take the wake of others that wait.
#[tokio::test]
async fn everybody_who_waits_is_woken() {
    let (client, mut server) = pair().await;
    let client = std::sync::Arc::new(client);
    let waiting = [(); 3].map(|()| {
        let client = client.clone();
        tokio::spawn(async move { client.readable().await })
    });
    // Each has had its first poll.
    tokio::task::yield_now().await;
    assert_eq!(client.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.write_all(b"x").await.unwrap();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
}

/// `axum::serve` takes the listener as it takes tokio's.
fn with_axum(sim: &mut Sim) {
    sim.faults(FAULTS);
    on_turmoil(sim, |world| {
        let run = world.layer().world().clone();
        world.host("server", || async {
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            let router = axum::Router::new().route("/", axum::routing::get(|| async { "hello" }));
            Ok(axum::serve(listener, router).await?)
        });
        world.client("client", async move {
            let stream = TcpStream::connect("server:80").await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let connection = spawn_local(connection);
            let request = hyper::Request::get("/").header("host", "server").body(Empty::<&[u8]>::new())?;
            let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
            run.always("body", body == "hello", || format!("{body:?}"));
            drop(sender);
            Ok(connection.await??)
        });
    });
}

#[test]
fn axum_serves_on_it() {
    for seed in 0..50 {
        assert_eq!(run(with_axum, seed, Record::Hash).failure, None, "seed {seed}");
    }
}
