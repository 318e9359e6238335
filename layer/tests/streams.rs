//! Whatever the layer does, what is written arrives, in order and whole; and what it did is reported, repeated and shrunk.

use eagain_layer::turmoil::{World, on_turmoil};
use eagain_layer::{Accept, FAULTS, Layer, on_tokio, on_tokio_with};
use eagain_sim::Sim;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::Family;
use eagain_sim::run::{Record, RunReport, RunSpec, Scenario, Settings};
use eagain_sim::runner::engine;
use eagain_sim::trace::text;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, copy, split};
use tokio::task::spawn_local;

const SEEDS: u64 = 300;

fn run(body: fn(&mut Sim), seed: u64, record: Record) -> RunReport {
    let scenario = Scenario { name: "test", about: "", knobs: &[], seeds: 1, body };
    engine::make().run(&RunSpec { record, ..RunSpec::seeded(scenario, Settings::new(), seed) })
}

/// Runs seeds, none of which may fail; how often each family fired.
fn all_hold(body: fn(&mut Sim)) -> BTreeMap<&'static str, u64> {
    let mut fired = BTreeMap::new();
    for seed in 0..SEEDS {
        let report = run(body, seed, Record::Hash);
        assert_eq!(report.failure, None, "seed {seed}");
        for (family, count) in report.faults {
            *fired.entry(family).or_default() += count;
        }
    }
    fired
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// A stream there and back through an echo, larger than what fits in between.
fn echo_over_a_pipe(sim: &mut Sim) {
    on_tokio(sim, |layer| async move {
        let (client, server) = tokio::io::duplex(512);
        let server = layer.stream("server", server);
        spawn_local(async move {
            let (mut read, mut write) = split(server);
            let _ = copy(&mut read, &mut write).await;
            let _ = write.shutdown().await;
        });
        let sent = pattern(20_000);
        let got = there_and_back(layer.stream("client", client), sent.clone()).await;
        layer.world().always("echo", got.as_ref().is_ok_and(|got| *got == sent), || format!("{got:?}"));
    });
}

async fn there_and_back(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + 'static,
    bytes: Vec<u8>,
) -> io::Result<Vec<u8>> {
    let (mut read, mut write) = split(stream);
    let writer = spawn_local(async move {
        write.write_all(&bytes).await?;
        write.shutdown().await
    });
    let mut got = Vec::new();
    read.read_to_end(&mut got).await?;
    writer.await.map_err(io::Error::other)??;
    Ok(got)
}

fn echo_over_turmoil(sim: &mut Sim) {
    sim.faults(FAULTS);
    on_turmoil(sim, |world| {
        echo_host(world);
        for number in 0..2 {
            let layer = world.layer().clone();
            let name = format!("client-{number}");
            world.client(&name.clone(), async move {
                let sent = pattern(5_000);
                let stream = turmoil::net::TcpStream::connect("server:7").await?;
                let got = there_and_back(layer.stream(&name, stream), sent.clone()).await;
                layer.world().always("echo", got.as_ref().is_ok_and(|g| *g == sent), || format!("{got:?}"));
                Ok(())
            });
        }
    });
}

fn echo_host(world: &mut World) {
    let layer = world.layer().clone();
    world.host_that_crashes("server", move || {
        let layer = layer.clone();
        async move {
            let listener = turmoil::net::TcpListener::bind("0.0.0.0:7").await?;
            let listener = layer.listener("server", listener);
            loop {
                let (stream, _) = listener.accept().await?;
                spawn_local(async move {
                    let (mut read, mut write) = split(stream);
                    let _ = copy(&mut read, &mut write).await;
                    let _ = write.shutdown().await;
                });
            }
        }
    });
}

#[test]
fn what_is_written_arrives_over_a_pipe() {
    let fired = all_hold(echo_over_a_pipe);
    assert!(FAULTS.iter().all(|family| fired[family.domain().0] > 30), "{fired:?}");
}

#[test]
fn what_is_written_arrives_under_turmoil() {
    let fired = all_hold(echo_over_turmoil);
    assert!(FAULTS.iter().all(|family| fired[family.domain().0] > 30), "{fired:?}");
}

#[test]
fn the_same_seed_is_the_same_run_whatever_is_kept() {
    for body in [echo_over_a_pipe, echo_over_turmoil] {
        for seed in 0..30 {
            let (a, b) = (run(body, seed, Record::Hash), run(body, seed, Record::Trace));
            assert_eq!((a.hash, a.calls, a.simulated), (b.hash, b.calls, b.simulated), "seed {seed}");
        }
    }
}

/// turmoil's network breaks, hosts crash: nobody hangs who has a timeout, and the choices replay.
fn all_families(sim: &mut Sim) {
    sim.faults(&[Family::NetPartition, Family::NetOneWay, Family::NetHold, Family::HostCrash]);
    on_turmoil(sim, |world| {
        echo_host(world);
        let layer = world.layer().clone();
        world.client("client", async move {
            let mut tries = 0;
            while tries < 100 {
                tries += 1;
                let try_once = async {
                    let stream = turmoil::net::TcpStream::connect("server:7").await?;
                    there_and_back(layer.stream("client", stream), pattern(100)).await
                };
                match tokio::time::timeout(Duration::from_millis(400), try_once).await {
                    Ok(Ok(got)) => layer.world().always("echo", pattern(100).starts_with(&got), String::new),
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
            Ok(())
        });
    });
}

#[test]
fn turmoils_network_and_crashes_are_our_choices() {
    let fired = all_hold(all_families);
    assert_eq!(fired.len(), 4, "{fired:?}");
    assert!(fired.values().all(|&count| count > 20), "{fired:?}");
    let seed = (0..SEEDS).find(|&seed| run(all_families, seed, Record::Hash).faults.len() > 2).unwrap();
    let first = run(all_families, seed, Record::Choices);
    let scenario = Scenario { name: "test", about: "", knobs: &[], seeds: 1, body: all_families };
    let overrides: Overrides = first.choices.iter().cloned().collect();
    let spec = RunSpec { overrides, ..RunSpec::new(scenario, Settings::new(), Base::Zero) };
    let again = engine::make().run(&spec);
    assert_eq!((first.hash, again.unused), (again.hash, vec![]));
}

/// A reset is reported once as such, then as the end, and whoever waited for bytes is woken.
#[test]
fn a_reset_is_reported_to_both_halves() {
    let body = |sim: &mut Sim| {
        sim.faults(&[Family::StreamReset]);
        on_tokio_with(sim, |layer| async move {
            let (here, there) = tokio::io::duplex(64);
            let (mut read, mut write) = split(layer.stream("here", here));
            let reader = spawn_local(async move { read.read_u8().await.map_err(|error| error.kind()) });
            let drain = spawn_local(async move {
                let mut there = there;
                let mut all = Vec::new();
                there.read_to_end(&mut all).await.map(|_| all)
            });
            let mut sent = 0;
            let error = loop {
                match write.write(b"twelve bytes").await {
                    Ok(count) => sent += count,
                    Err(error) => break Some(error.kind()),
                }
                if sent > 100_000 {
                    break None;
                }
            };
            let world = layer.world();
            world.sometimes("reset", error.is_some());
            if error.is_some() {
                let read = reader.await;
                let reported = [error, read.as_ref().ok().and_then(|r| r.err())];
                let expected = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
                let ends = [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof];
                let fits = reported[0].is_some_and(|kind| expected.contains(&kind))
                    && reported[1].is_some_and(|kind| ends.contains(&kind));
                world.always("reported", fits, || format!("{reported:?}"));
                let arrived = drain.await.ok().and_then(Result::ok).unwrap_or_default();
                world.always("prefix", arrived.len() == sent, || format!("{} of {sent}", arrived.len()));
            }
        });
    };
    let reached = (0..SEEDS).map(|seed| run(body, seed, Record::Hash)).filter(|report| {
        assert_eq!(report.failure, None);
        report.sometimes["reset"]
    });
    assert!(reached.count() > 20);
}

#[tokio::test(start_paused = true)]
async fn without_a_scenario_a_layer_reports_and_replays() {
    async fn talk(layer: &Layer) {
        let (here, there) = tokio::io::duplex(64);
        let (mut here, mut there) = (layer.stream("client", here), layer.stream("server", there));
        let write = async { here.write_all(&pattern(300)).await };
        let mut got = vec![0; 300];
        let (wrote, read) = tokio::join!(write, there.read_exact(&mut got));
        assert!(wrote.is_ok() && read.is_ok());
        assert_eq!(got, pattern(300));
    }
    let mut blamed = false;
    for seed in 0..20 {
        let layer = Layer::seeded(seed);
        talk(&layer).await;
        let report = layer.report();
        let again = Layer::replay(&report.choices.iter().cloned().collect());
        talk(&again).await;
        let again = again.report();
        assert_eq!((again.calls, again.hash), (report.calls, report.hash));
        let lines = text::plain(&again.trace.unwrap());
        assert!(lines.contains("poll_read("), "{lines}");
        blamed |= lines.contains("  <- #");
    }
    assert!(blamed, "in none of twenty seeds a result names its fault");
}

/// What the layer may do to a program over real sockets in a test: it takes no time to speak of.
const QUICK: &[Family] = &[Family::StreamShortRead, Family::StreamShortWrite, Family::StreamNotReady];

/// What arrived over a loopback connection of so many bytes sent, and how the sender fared.
async fn over_loopback(layer: &Layer, bytes: &[u8]) -> (io::Result<Vec<u8>>, io::Result<()>) {
    let listener = layer.listener("server", tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await?;
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await?;
        Ok::<_, io::Error>(got)
    };
    let client = async {
        let mut stream = layer.stream("client", tokio::net::TcpStream::connect(address).await?);
        for part in bytes.chunks(100) {
            stream.write_all(part).await?;
        }
        stream.shutdown().await
    };
    tokio::join!(server, client)
}

#[tokio::test]
async fn over_real_sockets() {
    let sent = pattern(20_000);
    let mut fired = BTreeMap::new();
    for seed in 0..20 {
        let layer = Layer::with(Base::Seed(seed), &Overrides::new(), QUICK);
        let (got, done) = over_loopback(&layer, &sent).await;
        done.unwrap();
        assert_eq!(got.unwrap(), sent, "seed {seed}");
        layer
            .report()
            .faults
            .into_iter()
            .for_each(|(family, count)| *fired.entry(family).or_insert(0) += count);
    }
    assert_eq!(fired.len(), QUICK.len(), "{fired:?}");
}

#[tokio::test]
async fn over_real_sockets_that_are_reset_a_part_arrives() {
    let sent = pattern(20_000);
    let mut broken = 0;
    for seed in 0..60 {
        let families = [QUICK, &[Family::StreamReset]].concat();
        let layer = Layer::with(Base::Seed(seed), &Overrides::new(), &families);
        let (got, done) = over_loopback(&layer, &sent).await;
        if let Err(error) = done {
            broken += 1;
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "seed {seed}");
        }
        // What was not reported as an error is what was sent.
        assert!(got.is_ok_and(|got| sent.starts_with(&got)), "seed {seed}");
    }
    assert!(broken > 3, "{broken}");
}

/// Several tasks may wait at one listener, whatever it does to each of them.
#[tokio::test(start_paused = true)]
async fn whoever_waits_at_a_listener_is_served() {
    /// As many connections as are asked for.
    struct Endless;
    impl Accept for Endless {
        type Stream = tokio::io::DuplexStream;
        async fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)> {
            tokio::task::yield_now().await;
            Ok((tokio::io::duplex(1).0, self.local_addr()?))
        }
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(SocketAddr::from(([127, 0, 0, 1], 7)))
        }
    }
    let mut waited = 0;
    for seed in 0..50 {
        let layer = Layer::seeded(seed);
        let listener = layer.listener("door", Endless);
        let all = async { tokio::join!(listener.accept(), listener.accept(), listener.accept()) };
        let (a, b, c) = tokio::time::timeout(Duration::from_secs(30), all).await.unwrap();
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        waited += layer.report().faults.len();
    }
    assert!(waited > 3, "{waited}");
}

/// Whether somebody was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

impl Woken {
    /// Waits until it is, which nothing but time may have to bring about.
    async fn wait(&self) {
        for _ in 0..4_000 {
            if self.0.swap(false, SeqCst) {
                return;
            }
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        panic!("pending, and nobody is ever woken");
    }
}

/// Legal by construction: whatever is pending by the layer's doing is woken, and behind a short result the rest is there.
#[tokio::test(start_paused = true)]
async fn what_is_pending_is_woken_and_a_short_result_has_a_sequel() {
    let (mut pending, mut short) = (0, 0);
    for seed in 0..100 {
        let layer = Layer::seeded(seed);
        let (here, there) = tokio::io::duplex(1 << 16);
        let (mut here, mut there) = (layer.stream("here", here), layer.stream("there", there));
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let sent = pattern(3_000);
        let mut left = &sent[..];
        while !left.is_empty() {
            match Pin::new(&mut here).poll_write(&mut cx, &left[..left.len().min(100)]) {
                Poll::Ready(count) => {
                    let count = count.unwrap();
                    short += usize::from(count < left.len().min(100));
                    left = &left[count..];
                }
                Poll::Pending => {
                    pending += 1;
                    woken.wait().await;
                }
            }
        }
        let mut got = Vec::new();
        while got.len() < sent.len() {
            let mut space = [0; 100];
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut there).poll_read(&mut cx, &mut buf) {
                Poll::Ready(done) => {
                    done.unwrap();
                    assert!(!buf.filled().is_empty(), "an end that is none");
                    short += usize::from(buf.filled().len() < 100);
                    got.extend_from_slice(buf.filled());
                }
                Poll::Pending => {
                    pending += 1;
                    woken.wait().await;
                }
            }
        }
        assert_eq!(got, sent, "seed {seed}");
    }
    assert!(pending > 100 && short > 100, "{pending} {short}");
}
