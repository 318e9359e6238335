//! The peers' programs on turmoil, where our layer injects the faults.

use comparison_work::bugs::Bug;
use comparison_work::net::Net;
use eagain_layer::listener::Accept;
use eagain_layer::turmoil::on_turmoil;
use eagain_layer::{FAULTS, Layer, Layered, LayeredListener};
use eagain_sim::run::Scenario;
use eagain_sim::{Oracle, PlantedBug, Sim};
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;
use turmoil::net::{TcpListener, TcpStream};

const PORT: u16 = 7;
/// A client that takes longer is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Host {
    layer: Layer,
    name: String,
}

impl Net for Host {
    type Listener = LayeredListener<TcpListener>;
    type Stream = Layered<TcpStream>;

    async fn listen(&self) -> io::Result<Self::Listener> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        Ok(self.layer.listener(&self.name, listener))
    }

    async fn accept(&self, listener: &Self::Listener) -> io::Result<Self::Stream> {
        Ok(listener.accept().await?.0)
    }

    async fn connect(&self) -> io::Result<Self::Stream> {
        Ok(self.layer.stream(&self.name, TcpStream::connect(("server", PORT)).await?))
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    fn choose(&self, name: &'static str, low: u64, high: u64) -> u64 {
        self.layer.choose(&format!("{} {name}", self.name), low, high)
    }
}

fn build(sim: &mut Sim, bug: Bug, defect: bool) {
    sim.faults(FAULTS);
    on_turmoil(sim, |world| {
        let layer = world.layer().clone();
        let host = Host { layer: layer.clone(), name: "server".to_owned() };
        world.host("server", move || {
            let host = host.clone();
            async move {
                bug.server(host, defect).await;
                Ok(())
            }
        });
        for which in 0..bug.clients() {
            let name = format!("client-{which}");
            let host = Host { layer: layer.clone(), name: name.clone() };
            world.client(&name, async move {
                let world = host.layer.world().clone();
                match tokio::time::timeout(STUCK_AFTER, bug.client(host, which, defect)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => world.fail("O2", "a client's reply", error),
                    Err(_) => world.fail("O6", "stuck", "a client did not end".to_owned()),
                }
                Ok(())
            });
        }
    });
}

macro_rules! planted {
    ($bug:path, $name:literal) => {
        PlantedBug {
            name: $name,
            source: "comparison",
            class: $bug.class(),
            about: "the peers' program on turmoil with the layer",
            oracles: &[Oracle::ByteIntegrity, Oracle::Liveness],
            defect: Scenario {
                name: $name,
                about: "the defect",
                knobs: &[],
                seeds: 64,
                body: |sim| build(sim, $bug, true),
            },
            twin: Scenario {
                name: concat!($name, "-twin"),
                about: "repaired",
                knobs: &[],
                seeds: 64,
                body: |sim| build(sim, $bug, false),
            },
        }
    };
}

/// One for each of the peers' programs.
pub const PLANTED: &[PlantedBug] = &[
    planted!(Bug::ShortWrite, "layer-scripted-send-incomplete"),
    planted!(Bug::ReadOnce, "layer-read-once-framing"),
    planted!(Bug::Pipelined, "layer-pipelined-request-forgotten"),
    planted!(Bug::WriteAll, "layer-write-all-before-reading"),
    planted!(Bug::Pooled, "layer-pooled-after-timeout"),
    planted!(Bug::Cancelled, "layer-cancelled-read"),
];
