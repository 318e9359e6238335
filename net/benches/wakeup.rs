//! What one turn costs: a byte is sent over loopback, the loop is notified, and the byte is read. One readiness turn for
//! each model that reports readiness, one completion turn on a ring; and a bare send and receive beside them.

use criterion::{Criterion, criterion_group, criterion_main};
use eagain_net::model::{AnyPoller, Interest, ModelKind, Outcome, Poller};
use eagain_net::{Advice, Completion, Linux, Ring, RingParams, TcpListener, TcpStream, any_port};
use std::hint::black_box;

fn pair() -> (TcpStream<Linux>, TcpStream<Linux>) {
    let listener = TcpListener::bind(Linux, any_port()).unwrap();
    let client = TcpStream::connect(Linux, listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.set_nodelay(true).unwrap();
    (client, server)
}

fn turns(c: &mut Criterion) {
    let mut group = c.benchmark_group("wakeup");
    let (client, server) = pair();
    group.bench_function("bare", |b| {
        b.iter(|| {
            client.write(b"x").unwrap();
            server.read(black_box(&mut [0; 16])).unwrap()
        });
    });
    for kind in ModelKind::ALL.into_iter().filter(|kind| kind.is_readiness()) {
        let (client, server) = pair();
        server.set_nonblocking(true).unwrap();
        let poller = AnyPoller::new(Linux, kind).unwrap();
        poller.register(server.fd(), 1, Interest::READABLE).unwrap();
        let mut events = Vec::new();
        group.bench_function(kind.name(), |b| {
            b.iter(|| {
                client.write(b"x").unwrap();
                loop {
                    poller.wait(&mut events, None).unwrap();
                    if events.iter().any(|event| event.readable) {
                        break;
                    }
                }
                server.read(black_box(&mut [0; 16])).unwrap();
                poller.rearm(server.fd(), 1, Interest::READABLE, Outcome::Drained).unwrap();
            });
        });
    }
    if let Advice::Unavailable(reason) = Linux.io_uring_probe() {
        return eprintln!("io_uring skipped: {reason}");
    }
    let mut ring = Ring::new(Linux, RingParams { entries: 8, cq_entries: 0, defer_taskrun: true }).unwrap();
    let (client, server) = pair();
    let (mut buffer, mut done) = (Some(vec![0; 16]), Vec::new());
    group.bench_function("io_uring", |b| {
        b.iter(|| {
            client.write(b"x").unwrap();
            ring.recv(1, server.fd(), buffer.take().unwrap()).unwrap();
            ring.enter(1, None).unwrap();
            ring.reap(&mut done);
            buffer = done.pop().unwrap().buffer;
        });
    });
    group.finish();
}

criterion_group!(benches, turns);
criterion_main!(benches);
