//! A network as programs on streams see it. A peer implements it with its own types; what runs over it is the same program
//! everywhere.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// One host's view of the network. There is one server; whoever connects, connects to it.
pub trait Net: Clone + Send + Sync + 'static {
    /// What the server accepts from.
    type Listener: Send + Sync + 'static;
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Listens, on the server.
    fn listen(&self) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// The next connection.
    fn accept(&self, listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Connects to the server.
    fn connect(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Waits, by the peer's clock.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// A task on this host.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// What the workload chooses, from `low` to `high`: a function of the seed.
    fn choose(&self, name: &'static str, low: u64, high: u64) -> u64;
}

/// A simulator with certain settings.
pub trait Peer {
    /// Its network.
    type Net: Net;

    /// A client that takes longer, by the peer's clock, counts as stuck.
    fn stuck_after(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// One world: a server, and so many clients, each on a host of its own (where the settings do not say otherwise), until
    /// every client has ended. The first complaint of a client, or of the simulator.
    fn run<S, C>(
        &self,
        seed: u64,
        clients: usize,
        server: impl Fn(Self::Net) -> S + Clone + Send + Sync + 'static,
        client: impl Fn(Self::Net, usize) -> C + Clone + Send + Sync + 'static,
    ) -> Result<(), String>
    where
        S: Future<Output = ()> + Send + 'static,
        C: Future<Output = Result<(), String>> + Send + 'static;
}

/// Numbers for a peer's settings and workload, by SplitMix64: the same ones for every peer.
#[derive(Clone)]
pub struct Draws(Arc<Mutex<SplitMix64>>);

impl Draws {
    /// Those of this seed.
    pub fn new(seed: u64) -> Draws {
        Draws(Arc::new(Mutex::new(SplitMix64::seed_from_u64(seed))))
    }

    /// From `low` to `high`.
    pub fn choose(&self, low: u64, high: u64) -> u64 {
        // A panic while it is held leaves nothing half done.
        let mut draws = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        low + draws.next_u64() % (high - low + 1)
    }
}
