//! The comparison's worlds on madsim.

use comparison_work::command::{self, Setting};
use comparison_work::net::{Draws, Net, Peer};
use madsim::net::{TcpListener, TcpStream};
use madsim::runtime::Runtime;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7);

#[derive(Clone)]
struct Node(Draws);

impl Net for Node {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen(&self) -> io::Result<TcpListener> {
        TcpListener::bind(SERVER).await
    }

    async fn accept(&self, listener: &TcpListener) -> io::Result<TcpStream> {
        Ok(listener.accept().await?.0)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(SERVER).await
    }

    async fn sleep(&self, time: Duration) {
        madsim::time::sleep(time).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        madsim::task::spawn(task);
    }

    fn choose(&self, _name: &'static str, low: u64, high: u64) -> u64 {
        self.0.choose(low, high)
    }
}

enum Madsim {
    /// As it comes: latencies of 1 to 10 ms.
    Default,
    /// Longer latencies, packets that are lost and sent again, and its own slow connects.
    Hard,
}

impl Peer for Madsim {
    type Net = Node;

    fn run<S, C>(
        &self,
        seed: u64,
        clients: usize,
        server: impl Fn(Node) -> S + Clone + Send + Sync + 'static,
        client: impl Fn(Node, usize) -> C + Clone + Send + Sync + 'static,
    ) -> Result<(), String>
    where
        S: Future<Output = ()> + Send + 'static,
        C: Future<Output = Result<(), String>> + Send + 'static,
    {
        let draws = Draws::new(seed);
        let mut config = madsim::Config::default();
        if matches!(self, Madsim::Hard) {
            let most = Duration::from_millis(2 << draws.choose(0, 5));
            config.net.send_latency = Duration::from_millis(1)..most;
            config.net.packet_loss_rate = draws.choose(0, 10) as f64 / 100.0;
        }
        let runtime = Runtime::with_seed_and_config(seed, config);
        let node = Node(draws);
        let host = runtime.create_node().name("server").ip(SERVER.ip()).build();
        let hard = matches!(self, Madsim::Hard);
        runtime.block_on(async move {
            if hard {
                madsim::buggify::enable();
            }
            host.spawn(server(node.clone()));
            let mut all = Vec::new();
            for which in 0..clients {
                let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, which as u8 + 1));
                let host = madsim::runtime::Handle::current().create_node().ip(ip).build();
                all.push(host.spawn(client(node.clone(), which)));
            }
            for one in all {
                one.await.map_err(|error| error.to_string())??;
            }
            Ok(())
        })
    }
}

fn main() -> ExitCode {
    let settings = [Setting { name: "defaults", trips: 20_000, peer: Madsim::Default }];
    command::main("madsim", &settings, |_| Madsim::Hard)
}
