//! The driver over pipes in memory, with paused time.

mod roles;

use super::*;
use crate::storage_unit::Memory;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::timeout;

/// A listener whose connections are pipes.
#[derive(Clone, Default)]
struct Pipes {
    waiting: Rc<RefCell<VecDeque<DuplexStream>>>,
    waker: Rc<Notify>,
}

impl Pipes {
    fn connect(&self) -> DuplexStream {
        let (here, there) = duplex(64);
        self.waiting.borrow_mut().push_back(there);
        self.waker.notify_one();
        here
    }
}

impl Listener for Pipes {
    type Stream = DuplexStream;

    async fn accept(&self) -> io::Result<(DuplexStream, String)> {
        loop {
            if let Some(stream) = self.waiting.borrow_mut().pop_front() {
                return Ok((stream, "10.0.0.1:1024".to_owned()));
            }
            self.waker.notified().await;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([10, 0, 0, 2], 6379)))
    }
}

/// Runs `body` with a server beside it; the server stops when it has ended.
fn with_server<F: Future<Output = ()>>(config: Config, body: impl FnOnce(Pipes, Rc<Notify>) -> F) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (pipes, stop) = (Pipes::default(), Rc::<Notify>::default());
        let (listener, stopped) = (pipes.clone(), stop.clone());
        let start = Instant::now();
        let wall = Arc::new(move || 1_700_000_000_000_000_000 + start.elapsed().as_nanos() as u64);
        let storage = Memory::new(16, 1);
        let surroundings = Surroundings { seed: 1, wall };
        let server = tokio::task::spawn_local(async move {
            serve(listener, config, storage, surroundings, async move { stopped.notified().await }).await
        });
        body(pipes, stop.clone()).await;
        stop.notify_one();
        let ended = timeout(Duration::from_secs(60), server).await;
        assert_eq!(ended.unwrap().unwrap(), Ok(()));
    });
}

async fn ask(stream: &mut DuplexStream, request: &str, reply: &str) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = vec![0; reply.len()];
    stream.read_exact(&mut got).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&got), reply);
}

#[test]
fn requests_are_answered_in_order_through_a_narrow_pipe() {
    with_server(Config::default(), |pipes, _| async move {
        let mut stream = pipes.connect();
        ask(&mut stream, "SET k v\r\nGET k\r\n", "+OK\r\n$1\r\nv\r\n").await;
        let long = "x".repeat(1_000);
        let (mut read, mut write) = tokio::io::split(stream);
        let request = format!("*2\r\n$4\r\nECHO\r\n$1000\r\n{long}\r\n").repeat(20);
        let writer = tokio::task::spawn_local(async move {
            write.write_all(request.as_bytes()).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let mut all = String::new();
        read.read_to_string(&mut all).await.unwrap();
        writer.await.unwrap();
        assert_eq!(all, format!("$1000\r\n{long}\r\n").repeat(20));
    });
}

#[test]
fn keys_expire_by_the_clock() {
    with_server(Config::default(), |pipes, _| async move {
        let mut stream = pipes.connect();
        ask(&mut stream, "SET k v PX 500\r\nDBSIZE\r\n", "+OK\r\n:1\r\n").await;
        sleep(Duration::from_millis(600)).await;
        // DBSIZE does not look at single keys: somebody has removed it.
        ask(&mut stream, "DBSIZE\r\n", ":0\r\n").await;
    });
}

#[test]
fn who_is_idle_for_too_long_goes_and_who_is_not_stays() {
    let mut config = Config::default();
    config.limits.idle_timeout_ns = 1_000_000_000;
    with_server(config, |pipes, _| async move {
        let (mut idle, mut busy) = (pipes.connect(), pipes.connect());
        ask(&mut idle, "PING\r\n", "+PONG\r\n").await;
        for _ in 0..4 {
            sleep(Duration::from_millis(700)).await;
            ask(&mut busy, "PING\r\n", "+PONG\r\n").await;
        }
        assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn one_client_too_many_gets_an_error_and_a_killed_one_is_gone() {
    let mut config = Config::default();
    config.limits.clients_max = 2;
    with_server(config, |pipes, _| async move {
        let (mut first, mut second) = (pipes.connect(), pipes.connect());
        ask(&mut first, "CLIENT ID\r\n", ":1\r\n").await;
        ask(&mut second, "CLIENT ID\r\n", ":2\r\n").await;
        let mut text = String::new();
        pipes.connect().read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("-ERR max number of clients"), "{text}");
        ask(&mut first, "CLIENT KILL ID 2\r\n", ":1\r\n").await;
        assert_eq!(second.read(&mut [0; 8]).await.unwrap(), 0);
        let mut third = pipes.connect();
        ask(&mut third, "PING\r\n", "+PONG\r\n").await;
    });
}

#[test]
fn a_stop_answers_what_was_received_and_ends_who_does_not_read() {
    with_server(Config::default(), |pipes, stop| async move {
        // This one never reads its replies: the stop ends it when the time for that is over.
        let mut stubborn = pipes.connect();
        stubborn.write_all("PING\r\n".repeat(10).as_bytes()).await.unwrap();
        let mut stream = pipes.connect();
        ask(&mut stream, "PING\r\n", "+PONG\r\n").await;
        stop.notify_one();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "");
        let begun = Instant::now();
        sleep(DRAIN - Duration::from_millis(1)).await;
        stubborn.write_all(b"PING").await.unwrap();
        sleep(Duration::from_millis(2)).await;
        stubborn.write_all(b"PING").await.unwrap_err();
        assert!(begun.elapsed() < 2 * DRAIN);
    });
}

/// A listener whose connections are there from the start.
struct There(RefCell<Vec<UnixStream>>);

impl Listener for There {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, String)> {
        let next = self.0.borrow_mut().pop();
        match next {
            Some(stream) => Ok((stream, "10.0.0.1:1024".to_owned())),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([10, 0, 0, 2], 6379)))
    }
}

type Ends = (Vec<std::os::unix::net::UnixStream>, Vec<UnixStream>);

/// The requests come when the stop does: no task knows of them before the runtime has asked its sockets. There are more of them than tasks
/// that a `LocalSet` runs before whoever waits for it.
#[test]
fn a_stop_answers_what_the_runtime_has_not_reported() {
    for is_task in [false, true] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        let clients = local.block_on(&runtime, async {
            let pair = || {
                let (client, stream) = std::os::unix::net::UnixStream::pair().unwrap();
                client.set_nonblocking(true).unwrap();
                stream.set_nonblocking(true).unwrap();
                (client, UnixStream::from_std(stream).unwrap())
            };
            let (clients, streams): Ends = (0..200).map(|_| pair()).unzip();
            let clients = Rc::new(clients);
            let asking = clients.clone();
            let stop = async move {
                for mut client in &*asking {
                    client.write_all(b"PING\r\n").unwrap();
                    while client.read_exact(&mut [0; 7]).is_err() {
                        yield_now().await;
                    }
                }
                for mut client in &*asking {
                    client.write_all(b"PING\r\n").unwrap();
                }
            };
            let mut config = Config::default();
            // Who has its replies is not waited for.
            config.limits.linger_timeout_ns = 0;
            let surroundings = Surroundings { seed: 1, wall: Arc::new(|| 1_700_000_000_000_000_000) };
            let server = serve(There(RefCell::new(streams)), config, Memory::new(16, 1), surroundings, stop);
            let ended = if is_task { tokio::task::spawn_local(server).await.unwrap() } else { server.await };
            assert_eq!(ended, Ok(()));
            clients
        });
        for mut client in &*clients {
            let mut rest = Vec::new();
            let _ = client.read_to_end(&mut rest);
            assert_eq!(String::from_utf8_lossy(&rest), "+PONG\r\n", "a task: {is_task}");
        }
    }
}
