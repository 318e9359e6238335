//! The roles: an access server, two logic servers, two storage servers, pipes between them.

use super::*;
use crate::cluster::link::plain;
use crate::config::Role;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everybody's address, and who listens there.
#[derive(Clone, Default)]
struct Hosts {
    listeners: Rc<RefCell<BTreeMap<SocketAddr, Pipes>>>,
    stop: Rc<Notify>,
}

impl Connector for Hosts {
    type Stream = DuplexStream;

    async fn connect(&self, address: SocketAddr) -> io::Result<DuplexStream> {
        let pipes = self.listeners.borrow().get(&address).cloned();
        pipes.map(|pipes| pipes.connect()).ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }
}

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, number], 6379))
}

fn surroundings() -> Surroundings {
    Surroundings { seed: 7, wall: Arc::new(|| 1_700_000_000_000_000_000) }
}

impl Hosts {
    /// Somebody listens there who says nothing.
    fn mute(&self, number: u8) -> Pipes {
        let pipes = Pipes::default();
        self.listeners.borrow_mut().insert(address(number), pipes.clone());
        pipes
    }

    /// A server. It ends by itself when the hosts stops.
    fn server(&self, number: u8, role: Role, behind: &[u8]) -> tokio::task::JoinHandle<Result<(), String>> {
        let (pipes, hosts) = (self.mute(number), self.clone());
        let backends = behind.iter().copied().map(address).collect();
        let config = Config { role, backends, ..Config::default() };
        tokio::task::spawn_local(async move {
            let stopped = hosts.stop.clone();
            let stop = async move { stopped.notified().await };
            match role {
                Role::Access | Role::Logic => {
                    pass_on(pipes, hosts, config, plain, surroundings(), stop).await
                }
                _ => serve(pipes, config, Memory::new(16, 1), surroundings(), stop).await,
            }
        })
    }

    async fn client(&self, number: u8) -> DuplexStream {
        self.connect(address(number)).await.unwrap()
    }
}

fn on_hosts<F: Future<Output = ()>>(body: impl FnOnce(Hosts) -> F) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, body(Hosts::default()));
}

#[test]
fn requests_go_through_every_tier_and_are_answered_in_order() {
    on_hosts(|hosts| async move {
        let mut servers = Vec::new();
        for storage in [1, 2] {
            servers.push(hosts.server(storage, Role::Storage, &[]));
        }
        for logic in [3, 4] {
            servers.push(hosts.server(logic, Role::Logic, &[1, 2]));
        }
        servers.push(hosts.server(5, Role::Access, &[3, 4]));
        let mut stream = hosts.client(5).await;
        ask(&mut stream, "MSET a 1 b 2 c 3 d 4\r\nPING\r\n", "+OK\r\n+PONG\r\n").await;
        ask(&mut stream, "DBSIZE\r\nMGET d nope a\r\n", ":4\r\n*3\r\n$1\r\n4\r\n$-1\r\n$1\r\n1\r\n").await;
        // Far more than fits into the pipes.
        let value = "x".repeat(3_000);
        let (mut read, mut write) = tokio::io::split(stream);
        let requests: String = (0..20).map(|key| format!("SET {key} {value}\r\nGET {key}\r\n")).collect();
        let writer = tokio::task::spawn_local(async move {
            write.write_all(requests.as_bytes()).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let mut replies = String::new();
        read.read_to_string(&mut replies).await.unwrap();
        writer.await.unwrap();
        assert_eq!(replies, format!("+OK\r\n$3000\r\n{value}\r\n").repeat(20));
        hosts.stop.notify_waiters();
        for server in servers {
            assert_eq!(server.await.unwrap(), Ok(()));
        }
    });
}

#[test]
fn who_is_silent_costs_a_time_out_and_who_is_not_there_is_said_so() {
    on_hosts(|hosts| async move {
        let _silent = hosts.mute(1);
        let _servers = [hosts.server(2, Role::Logic, &[1]), hosts.server(4, Role::Logic, &[3])];
        let begun = Instant::now();
        let mut stream = hosts.client(2).await;
        let mut reply = [0; 8];
        stream.write_all(b"INCR k\r\n").await.unwrap();
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!((&reply, begun.elapsed().as_secs()), (b"-UNKNOWN", 2));
        let mut stream = hosts.client(4).await;
        stream.write_all(b"INCR k\r\n").await.unwrap();
        stream.read_exact(&mut reply).await.unwrap();
        // At once: it refuses connections.
        assert_eq!((&reply, begun.elapsed().as_secs()), (b"-CLUSTER", 2));
    });
}

#[test]
fn a_link_that_is_silent_for_too_long_is_made_anew_and_serves_again() {
    on_hosts(|hosts| async move {
        let silent = hosts.mute(1);
        let _logic = hosts.server(2, Role::Logic, &[1]);
        let mut stream = hosts.client(2).await;
        let mut reply = [0; 8];
        stream.write_all(b"INCR k\r\n").await.unwrap();
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(&reply, b"-UNKNOWN");
        // The first connection is taken away, and whoever listens there from now on is well.
        let (mut first, _) = silent.accept().await.unwrap();
        let _storage = hosts.server(1, Role::Storage, &[]);
        let mut asked = String::new();
        first.read_to_string(&mut asked).await.unwrap();
        assert!(asked.starts_with("*2\r\n$4\r\nINCR\r\n"), "{asked}");
        let mut stream = hosts.client(2).await;
        ask(&mut stream, "INCR k\r\n", ":1\r\n").await;
    });
}

#[test]
fn a_stop_waits_for_the_replies_that_are_due() {
    on_hosts(|hosts| async move {
        let silent = hosts.mute(1);
        let logic = hosts.server(2, Role::Logic, &[1]);
        let mut stream = hosts.client(2).await;
        stream.write_all(b"INCR k\r\n").await.unwrap();
        let (mut storage, _) = silent.accept().await.unwrap();
        let mut request = [0; "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n".len()];
        storage.read_exact(&mut request).await.unwrap();
        hosts.stop.notify_waiters();
        sleep(Duration::from_millis(500)).await;
        storage.write_all(b":1\r\n").await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, ":1\r\n");
        drop(stream);
        assert_eq!(logic.await.unwrap(), Ok(()));
    });
}
