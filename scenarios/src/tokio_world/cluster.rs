//! The cluster on turmoil: clients, an access server, two logic servers, two storage servers, each on a host of its own and
//! with the layer over every stream, at both ends. Hosts that keep nothing crash and begin again; any two are cut off from
//! each other, in one direction or both, or what is between them is held. Storage is memory here, so the storage servers'
//! hosts stay.
//!
//! turmoil's TCP does not send again what a partition took: a stream that lost a segment is silent for good. So here time-outs
//! do all the work: of links, which are made anew, of requests, of clients. What was acknowledged has to be there
//! whatever befell whom, and when it is over the cluster has to answer again.

use super::customer::{Customer, Stage};
use super::play::{Door, WALL_START_NS};
use crate::durability::account::{History, judge};
use crate::world::PORT;
use eagain_layer::turmoil::{World, on_turmoil_with};
use eagain_layer::{Layer, Layered};
use eagain_server::config::{Config, Model, Role};
use eagain_server::flaws::Flaws;
use eagain_server::io_unit::tokio_driver::{self, Connector, Surroundings};
use eagain_server::storage_unit::Memory;
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use turmoil::net::{TcpListener, TcpStream};

/// A step of turmoil, and so the way from one host to another: coarse, for every host waits for the end of faults.
const TICK: Duration = Duration::from_millis(5);
/// A server that hears nothing of a peer for so long ends that connection. Links say something every second.
const SILENCE_NS: u64 = 10_000_000_000;
/// Segments that fit into a stream; more than are ever under way.
const SEGMENTS: usize = 1 << 14;

/// The story.
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
        told(
            sim,
            Tale { clients, operations: 30, faults: FAULTS, flaws: Flaws::default(), looks_last: true },
        );
    },
};

/// What a telling is about.
pub struct Tale {
    /// How many clients come.
    pub clients: u64,
    /// Operations of each.
    pub operations: u64,
    /// What may go wrong.
    pub faults: &'static [Family],
    /// What is wrong with the servers.
    pub flaws: Flaws,
    /// When faults have stopped somebody looks at every key: then everything works again.
    pub looks_last: bool,
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

/// Tells it.
pub fn told(sim: &mut Sim, tale: Tale) {
    let Tale { clients, operations, faults, flaws, looks_last } = tale;
    sim.faults(faults);
    let history = History::default();
    let mut settings = turmoil::Builder::new();
    settings.tick_duration(TICK).tcp_capacity(SEGMENTS);
    on_turmoil_with(sim, settings, |world| {
        let config = |role, backends: &[SocketAddr]| {
            let mut config =
                Config { model: Model::Tokio, role, backends: backends.to_vec(), flaws, ..Config::default() };
            // turmoil's TCP does not send again: who was cut off is noticed by silence alone.
            config.limits.idle_timeout_ns = SILENCE_NS;
            config.limits.write_stall_timeout_ns = SILENCE_NS;
            config
        };
        let mut names = Names::default();
        let mut tier =
            |world: &mut World, hosts: &[&'static str], role, behind: &[SocketAddr]| -> Vec<SocketAddr> {
                let make = |name: &&'static str| {
                    server(world, name, config(role, behind), &names);
                    SocketAddr::new(world.turmoil().lookup(*name), PORT)
                };
                let addresses: Vec<SocketAddr> = hosts.iter().map(make).collect();
                Rc::make_mut(&mut names)
                    .extend(addresses.iter().map(SocketAddr::ip).zip(hosts.iter().copied()));
                addresses
            };
        let storages = tier(world, &["storage-1", "storage-2"], Role::Storage, &[]);
        let logics = tier(world, &["logic-1", "logic-2"], Role::Logic, &storages);
        tier(world, &["access"], Role::Access, &logics);
        let prefix = world.layer().choose("prefix", 0, 63);
        for number in 1..=clients {
            let stage = Stage { layer: world.layer().clone(), history: history.clone(), prefix };
            world.client(&format!("client-{number}"), async move {
                let mut customer = Customer::new(stage, number);
                customer.play(operations).await;
                if looks_last && number == 1 {
                    customer.last_look().await;
                }
                Ok(())
            });
        }
    });
    judge(sim, &history);
}

/// Which host has which address.
type Names = Rc<BTreeMap<IpAddr, &'static str>>;

/// A server on its host. It begins again after a crash, if it has a role that keeps nothing.
fn server(world: &mut World, name: &'static str, config: Config, names: &Names) {
    let (layer, names, is_storage) = (world.layer().clone(), names.clone(), config.role == Role::Storage);
    let run = move || serve(layer.clone(), name, config.clone(), names.clone());
    if is_storage { world.host(name, run) } else { world.host_that_crashes(name, run) }
}

async fn serve(layer: Layer, name: &'static str, config: Config, names: Names) -> turmoil::Result {
    let door = Door(layer.listener(name, TcpListener::bind(("0.0.0.0", PORT)).await?));
    let clock = layer.world().clone();
    let seed = layer.choose(&format!("{name}:seed"), 0, u64::from(u32::MAX));
    let surroundings = Surroundings { seed, wall: Box::new(move || WALL_START_NS + clock.now()) };
    let stop = pending();
    if config.role == Role::Storage {
        let storage = Memory::new(config.databases, seed);
        tokio_driver::serve(door, config, storage, surroundings, stop).await?;
    } else {
        let outward = Outward { layer: layer.clone(), name, names };
        tokio_driver::pass_on(door, outward, config, surroundings, stop).await?;
    }
    layer.world().fail("O16", "server ended", format!("nobody asked {name} to"));
    Ok(())
}

/// Connects to servers behind, with the layer over the stream.
struct Outward {
    layer: Layer,
    name: &'static str,
    names: Names,
}

impl Connector for Outward {
    type Stream = Layered<TcpStream>;

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        let stream = TcpStream::connect(address).await?;
        let to = self.names.get(&address.ip()).copied().unwrap_or("nobody");
        Ok(self.layer.stream(&format!("{}>{to}", self.name), stream))
    }
}
