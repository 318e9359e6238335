//! The cluster: five servers on five hosts.

use crate::durability::server::{PORT, Serve, Server, persistent, server};
use eagain_net::SocketAddr;
use eagain_server::config::{Config, Role};
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::Sim;

/// The servers.
#[derive(Clone)]
pub struct Cluster {
    /// Where clients go.
    pub address: SocketAddr,
    /// It takes clients in.
    pub access: Server,
    /// They know where keys are.
    pub logics: Vec<Server>,
    /// They keep the data.
    pub storages: Vec<Server>,
}

impl Cluster {
    /// All five.
    pub fn all(&self) -> Vec<Server> {
        let mut all = vec![self.access.clone()];
        all.extend(self.logics.iter().chain(&self.storages).cloned());
        all
    }
}

/// Two storage servers with their logs, two logic servers before them, an access server before those.
pub fn cluster(sim: &mut Sim, serve: Serve) -> Cluster {
    cluster_with(sim, serve, |_| {})
}

/// The same, with what is special about all of them.
pub fn cluster_with(sim: &mut Sim, serve: Serve, configure: fn(&mut Config)) -> Cluster {
    let mut make = |name: &str, mut config: Config| {
        configure(&mut config);
        let host = sim.host(name);
        let address = sim.address(host, PORT);
        (server(sim, host, name, config, serve), address)
    };
    let storage = || Config { role: Role::Storage, ..persistent(Engine::Log, SyncPolicy::Always) };
    let (storages, behind): (Vec<Server>, Vec<SocketAddr>) =
        ["storage-1", "storage-2"].into_iter().map(|name| make(name, storage())).unzip();
    let (logics, between): (Vec<Server>, Vec<SocketAddr>) =
        ["logic-1", "logic-2"].into_iter().map(|name| make(name, forwarding(Role::Logic, &behind))).unzip();
    let (access, address) = make("access", forwarding(Role::Access, &between));
    Cluster { address, access, logics, storages }
}

/// The configuration of a server that keeps nothing, before these.
pub fn forwarding(role: Role, backends: &[SocketAddr]) -> Config {
    Config { listen: ([0, 0, 0, 0], PORT).into(), role, backends: backends.to_vec(), ..Config::default() }
}
