//! The comparison's worlds on turmoil-net. Its own fixtures have either one host or one client; `fixture` is a third,
//! on the primitives that the crate offers for that.

mod fixture;

use comparison_work::bugs::Bug;
use comparison_work::command::{self, Setting};
use comparison_work::net::{Draws, Net, Peer};
use fixture::{Scoped, Conditions};
use std::io;
use std::process::ExitCode;
use std::time::Duration;
use tokio::task::spawn_local;
use turmoil_net::shim::tokio::net::{TcpListener, TcpStream};
use turmoil_net::{HostId, KernelConfig};

/// A window that was closed is announced as open again only where one read takes half of the receive buffer; else both ends
/// wait for ever. So the buffer is twice what the bulk reads at a time.
const RECEIVE: usize = 32 << 10;

#[derive(Clone)]
struct Host {
    /// Whose kernel; `None`: there is one.
    id: Option<HostId>,
    server: &'static str,
    draws: Draws,
}

impl Net for Host {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen(&self) -> io::Result<TcpListener> {
        // On one host there is loopback alone.
        TcpListener::bind(if self.id.is_none() { self.server } else { "0.0.0.0:7" }).await
    }

    async fn accept(&self, listener: &TcpListener) -> io::Result<TcpStream> {
        Ok(listener.accept().await?.0)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.server).await
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self.id {
            None => drop(spawn_local(task)),
            Some(id) => drop(spawn_local(Scoped::new(id, task))),
        }
    }

    fn choose(&self, _name: &'static str, low: u64, high: u64) -> u64 {
        self.draws.choose(low, high)
    }
}

enum TurmoilNet {
    /// Its fixture with one host, everybody on loopback: its fastest.
    Loopback,
    /// A host each, no rules.
    Hosts,
    /// A host each; packets that are late or lost, and buffers and segments that differ from seed to seed. Receive buffers
    /// are small only where asked for, since programs that are right and read a little at a time hang then, see `RECEIVE`.
    Hard { small: bool },
}

impl Peer for TurmoilNet {
    type Net = Host;

    fn run<S, C>(
        &self,
        seed: u64,
        clients: usize,
        server: impl Fn(Host) -> S + Clone + Send + Sync + 'static,
        client: impl Fn(Host, usize) -> C + Clone + Send + Sync + 'static,
    ) -> Result<(), String>
    where
        S: Future<Output = ()> + Send + 'static,
        C: Future<Output = Result<(), String>> + Send + 'static,
    {
        let draws = Draws::new(seed);
        // The backlog holds whoever comes at once.
        let mut config = KernelConfig::default().default_backlog(1024).recv_buf_cap(RECEIVE);
        let mut conditions = Conditions::default();
        match *self {
            TurmoilNet::Loopback => {
                let host = Host { id: None, server: "127.0.0.1:7", draws };
                return turmoil_net::fixture::lo_with_config(config, async move {
                    let serving = spawn_local(server(host.clone()));
                    let all: Vec<_> =
                        (0..clients).map(|which| spawn_local(client(host.clone(), which))).collect();
                    for one in all {
                        one.await.map_err(|error| error.to_string())??;
                    }
                    serving.abort();
                    Ok(())
                });
            }
            TurmoilNet::Hosts => {}
            TurmoilNet::Hard { small } => {
                // How often a lost packet is sent again, and after how many ticks: a round trip takes some.
                config = config.retx_max(1000).retx_threshold(300).mtu(128 << draws.choose(0, 4));
                config = config.send_buf_cap(64 << draws.choose(0, 10));
                if small {
                    // Nothing is lost here: what opens a window is not sent again.
                    conditions.latency_most = Duration::from_millis(1 << draws.choose(0, 3));
                    config = config.recv_buf_cap(256 << draws.choose(0, 1));
                } else {
                    conditions.latency_most = Duration::from_millis(1 << draws.choose(0, 6));
                    conditions.lost_in_1000 = draws.choose(0, 20);
                    config = config.recv_buf_cap(64 << 10);
                }
            }
        }
        fixture::run(
            config,
            conditions,
            seed,
            clients,
            |id| server(Host { id: Some(id), server: "server:7", draws: draws.clone() }),
            |id, which| client(Host { id: Some(id), server: "server:7", draws: draws.clone() }, which),
        )
    }
}

fn main() -> ExitCode {
    let settings = [
        Setting { name: "one host", trips: 20_000, peer: TurmoilNet::Loopback },
        Setting { name: "a host each", trips: 20_000, peer: TurmoilNet::Hosts },
    ];
    command::main("turmoil-net", &settings, |bug| TurmoilNet::Hard { small: bug == Bug::WriteAll })
}
