//! The comparison's worlds on turmoil.

use comparison_work::command::{self, Setting};
use comparison_work::net::{Draws, Net, Peer};
use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use turmoil::net::{TcpListener, TcpStream};

const PORT: u16 = 7;

#[derive(Clone)]
struct Host(Draws);

impl Net for Host {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen(&self) -> io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await
    }

    async fn accept(&self, listener: &TcpListener) -> io::Result<TcpStream> {
        Ok(listener.accept().await?.0)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(("server", PORT)).await
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    fn choose(&self, _name: &'static str, low: u64, high: u64) -> u64 {
        self.0.choose(low, high)
    }
}

enum Turmoil {
    /// As it comes: latencies up to 100 ms, a tick of 1 ms, a host a client.
    Default,
    /// Nothing takes time.
    NoLatency,
    /// Nothing takes time, and all clients are tasks of one host.
    OneHost,
    /// Random latency and order, and a capacity that differs from seed to seed.
    Hard,
}

impl Peer for Turmoil {
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
        let mut builder = turmoil::Builder::new();
        builder
            .rng_seed(seed)
            .epoch(SystemTime::UNIX_EPOCH)
            .simulation_duration(Duration::from_secs(100_000))
            // It is the backlog too, and more clients than that in one tick are a panic.
            .tcp_capacity(clients.max(64));
        let draws = Draws::new(seed);
        match self {
            Turmoil::Default => {}
            Turmoil::NoLatency | Turmoil::OneHost => {
                builder.min_message_latency(Duration::ZERO).max_message_latency(Duration::ZERO);
            }
            Turmoil::Hard => {
                // Not less than 4: three callers of a bug connect at once, and the capacity is the backlog too.
                builder.enable_random_order().tcp_capacity(4 << draws.choose(0, 4));
                builder.max_message_latency(Duration::from_millis(1 << draws.choose(0, 6)));
            }
        }
        let mut sim = builder.build();
        let host = Host(draws);
        let on_server = host.clone();
        sim.host("server", move || {
            let serving = server(on_server.clone());
            async move {
                serving.await;
                Ok(())
            }
        });
        let complaint: Arc<Mutex<Option<String>>> = Arc::default();
        let play = |which| {
            let (playing, complaint) = (client(host.clone(), which), complaint.clone());
            async move {
                if let Err(error) = playing.await {
                    complaint.lock().expect("no panic").get_or_insert(error);
                }
            }
        };
        if matches!(self, Turmoil::OneHost) {
            let all: Vec<_> = (0..clients).map(play).collect();
            sim.client("clients", async move {
                let all: Vec<_> = all.into_iter().map(tokio::spawn).collect();
                for one in all {
                    one.await?;
                }
                Ok(())
            });
        } else {
            for which in 0..clients {
                let playing = play(which);
                sim.client(format!("client-{which}"), async move {
                    playing.await;
                    Ok(())
                });
            }
        }
        sim.run().map_err(|error| error.to_string())?;
        let complaint = complaint.lock().expect("no panic").take();
        complaint.map_or(Ok(()), Err)
    }
}

fn main() -> ExitCode {
    let settings = [
        Setting { name: "defaults", trips: 2000, peer: Turmoil::Default },
        Setting { name: "zero latency", trips: 20_000, peer: Turmoil::NoLatency },
        Setting { name: "zero latency, clients on one host", trips: 20_000, peer: Turmoil::OneHost },
    ];
    command::main("turmoil", &settings, |_| Turmoil::Hard)
}
