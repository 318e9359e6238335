//! The cluster on turmoil: clients, an access server, two logic servers, two storage servers, each on a host of its own and
//! with the layer over every stream, at both ends. Hosts that keep nothing crash and begin again; any two are cut off from
//! each other, in one direction or both, or what is between them is held. Storage is memory here, so the storage servers'
//! hosts stay.
//!
//! turmoil's TCP does not send again what a partition took: a stream that lost a segment is silent for good. So here time-outs
//! do all the work: of links, which are made anew, of requests, of clients. What was acknowledged has to be there
//! whatever befell whom, and when it is over the cluster has to answer again.

use crate::client::{Connector, Io, OnTokio};
use crate::durability::client::{CLUSTER_TIMEOUT, ClientOn, REFUSED, SILENT};
use crate::durability::server::UNKNOWN;
use crate::durability::workload::{History, check};
use crate::run::sockets::on_sockets;
use crate::run::tokio::{Listening, WALL_START_NS};
use crate::script::PORT;
use eagain_layer::turmoil::{World, on_turmoil_with};
use eagain_layer::{Accept, Layer, Layered};
use eagain_net::model::ModelKind;
use eagain_server::cluster::link::{NewLink, plain};
use eagain_server::config::{Config, Role};
use eagain_server::storage_unit::Memory;
use eagain_server::tokio_driver::{self, Connector as Connects, Surroundings};
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;
use tokio::time::sleep;
use turmoil::net::TcpListener;

/// A step of turmoil, and so the way from one host to another: coarse, for every host waits for the end of faults.
const TICK: Duration = Duration::from_millis(5);
/// A server that hears nothing of a peer for so long ends that connection. Links say something every second.
const SILENCE_NS: u64 = 10_000_000_000;
/// Segments that fit into a stream; more than are ever under way.
const SEGMENTS: usize = 1 << 14;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "cluster-on-turmoil",
    about: "the cluster on tokio: hosts of access and logic servers crash, any two hosts are cut off from each other",
    knobs: &[
        Knob {
            name: "model",
            about: "how servers learn that something can be read or written",
            values: KnobValues::Words(&["tokio"]),
        },
        Knob {
            name: "clients",
            about: "how many clients come",
            values: KnobValues::Number { low: 1, high: 8, default: 3 },
        },
    ],
    seeds: 32,
    body: |sim| {
        let clients = sim.number("clients");
        run(sim, Run { clients, operations: 30, faults: FAULTS, new_link: plain, reads_at_the_end: true });
    },
};

/// What a run of the cluster consists of.
pub struct Run {
    /// How many clients come.
    pub clients: u64,
    /// Operations of each.
    pub operations: u64,
    /// What may go wrong.
    pub faults: &'static [Family],
    /// Makes the links between servers.
    pub new_link: NewLink,
    /// When faults have stopped, client 1 reads every key: everything works again.
    pub reads_at_the_end: bool,
}

const FAULTS: &[Family] = &[
    Family::StreamShortRead,
    Family::StreamShortWrite,
    Family::StreamNotReady,
    Family::StreamStall,
    Family::StreamReset,
    Family::NetPartition,
    Family::NetOneWay,
    Family::NetHold,
    Family::HostCrash,
];

/// Runs it, and checks it.
pub fn run(sim: &mut Sim, run: Run) {
    let Run { clients, operations, faults, new_link, reads_at_the_end } = run;
    sim.faults(faults);
    let history = History::default();
    let mut settings = turmoil::Builder::new();
    settings.tick_duration(TICK).tcp_capacity(SEGMENTS);
    on_turmoil_with(sim, settings, |world| {
        let runtime = OnTokio { layer: world.layer().clone(), connector: Connector::Turmoil("access") };
        // Paths that some seed of a sweep has to take.
        for mark in [SILENT, REFUSED, UNKNOWN] {
            world.layer().world().sometimes(mark, false);
        }
        let prefix = key_prefix(world.layer());
        let mut names = Names::default();
        let mut tier = |hosts: &[&'static str], role, behind: &[SocketAddr]| -> Vec<SocketAddr> {
            let make = |name: &&'static str| {
                let (layer, config, names) = (runtime.layer.clone(), config(role, behind), names.clone());
                let outward = Outward { layer, name, connector: runtime.connector, names, new_link };
                host(world, outward, config);
                SocketAddr::new(world.turmoil().lookup(*name), PORT)
            };
            let addresses: Vec<SocketAddr> = hosts.iter().map(make).collect();
            Rc::make_mut(&mut names).extend(addresses.iter().copied().zip(hosts.iter().copied()));
            addresses
        };
        let storages = tier(&STORAGES, Role::Storage, &[]);
        let logics = tier(&LOGICS, Role::Logic, &storages);
        tier(&["access"], Role::Access, &logics);
        for number in 1..=clients {
            let (runtime, history) = (runtime.clone(), history.clone());
            let mut client = ClientOn::new(runtime.clone(), number, prefix.clone(), CLUSTER_TIMEOUT);
            world.client(&format!("client-{number}"), async move {
                client.run(operations, true, &history).await;
                if reads_at_the_end && number == 1 {
                    while !runtime.layer.world().is_quiet() {
                        sleep(Duration::from_millis(100)).await;
                    }
                    client.read_all_keys(&history).await;
                }
                Ok(())
            });
        }
    });
    check(sim, &history);
}

/// The same over real sockets, where nothing crashes and nobody is cut off: streams are short, late and reset.
pub fn run_on_sockets(sim: &mut Sim) {
    sim.faults(&[
        Family::StreamShortRead,
        Family::StreamShortWrite,
        Family::StreamNotReady,
        Family::StreamReset,
    ]);
    let layer = Layer::of(sim.external());
    let history = History::default();
    if on_sockets(sim, &layer, servers_and_clients(&layer, &history)) {
        check(sim, &history);
    }
}

async fn servers_and_clients(layer: &Layer, history: &History) -> io::Result<()> {
    let mut names = Names::default();
    let mut behind = Vec::new();
    let mut address = SocketAddr::from(([127, 0, 0, 1], 0));
    let tiers: [(&[&'static str], Role); 3] =
        [(&STORAGES, Role::Storage), (&LOGICS, Role::Logic), (&["access"], Role::Access)];
    for (hosts, role) in tiers {
        let mut tier = Vec::new();
        for name in hosts {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
            address = listener.local_addr()?;
            let connector = Connector::Sockets(address);
            let outward =
                Outward { layer: layer.clone(), name, connector, names: names.clone(), new_link: plain };
            spawn_local(serve(listener, outward, config(role, &behind)));
            tier.push((address, *name));
        }
        Rc::make_mut(&mut names).extend(tier.iter().copied());
        behind = tier.iter().map(|(address, _)| *address).collect();
    }
    let prefix = key_prefix(layer);
    let runtime = OnTokio { layer: layer.clone(), connector: Connector::Sockets(address) };
    let client = |number| ClientOn::new(runtime.clone(), number, prefix.clone(), CLUSTER_TIMEOUT);
    let clients = (1..=3).map(|number| {
        let (mut client, history) = (client(number), history.clone());
        spawn_local(async move { client.run(10, true, &history).await })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await?;
    }
    client(4).read_all_keys(history).await;
    Ok(())
}

/// What the names of keys begin with. It decides which storage server has which.
fn key_prefix(layer: &Layer) -> String {
    layer.choose("prefix", 0, 63).to_string()
}

const STORAGES: [&str; 2] = ["storage-1", "storage-2"];
const LOGICS: [&str; 2] = ["logic-1", "logic-2"];

fn config(role: Role, backends: &[SocketAddr]) -> Config {
    let mut config =
        Config { model: ModelKind::Tokio, role, backends: backends.to_vec(), ..Config::default() };
    // turmoil's TCP does not send again: who was cut off is noticed by silence alone.
    config.limits.idle_timeout_ns = SILENCE_NS;
    config.limits.write_stall_timeout_ns = SILENCE_NS;
    config
}

/// Which host has which address.
type Names = Rc<BTreeMap<SocketAddr, &'static str>>;

/// A server on its host. It begins again after a crash, if it has a role that keeps nothing.
fn host(world: &mut World, outward: Outward, config: Config) {
    let (name, is_storage) = (outward.name, config.role == Role::Storage);
    let run = move || {
        let (outward, config) = (outward.clone(), config.clone());
        async move { Ok(serve(TcpListener::bind(("0.0.0.0", PORT)).await?, outward, config).await?) }
    };
    if is_storage { world.host(name, run) } else { world.host_that_crashes(name, run) }
}

/// A server. Nobody asks it to stop.
async fn serve<L>(listener: L, outward: Outward, config: Config) -> Result<(), String>
where
    L: Accept<Stream: AsyncRead + AsyncWrite + Unpin + 'static> + 'static,
{
    let (layer, name, new_link) = (outward.layer.clone(), outward.name, outward.new_link);
    let listening = Listening(layer.listener(name, listener));
    let clock = layer.world().clone();
    let seed = layer.choose(&format!("{name}:seed"), 0, u64::from(u32::MAX));
    let surroundings = Surroundings { seed, wall: Arc::new(move || WALL_START_NS + clock.now()) };
    let stop = pending();
    if config.role == Role::Storage {
        let storage = Memory::new(config.databases, seed);
        tokio_driver::serve(listening, config, storage, surroundings, stop).await?;
    } else {
        tokio_driver::pass_on(listening, outward, config, new_link, surroundings, stop).await?;
    }
    layer.world().fail("O16", "server ended", format!("nobody asked {name} to"));
    Ok(())
}

/// How a server connects to those behind it, with the layer over the stream.
#[derive(Clone)]
struct Outward {
    layer: Layer,
    name: &'static str,
    connector: Connector,
    names: Names,
    new_link: NewLink,
}

impl Connects for Outward {
    type Stream = Layered<Box<dyn Io>>;

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        let stream = self.connector.connect_to(address).await?;
        let to = self.names.get(&address).copied().unwrap_or("nobody");
        Ok(self.layer.stream(&format!("{}>{to}", self.name), stream))
    }
}
